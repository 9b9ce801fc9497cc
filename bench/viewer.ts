import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Asked } from "./http-client.ts";
import type { Product } from "./product.ts";
import { sleep } from "./rounds.ts";
import type { Watched } from "./watch.ts";

const BYTES_PER_SECOND = 8e6;
export const SEEK_BYTES = 65_536;
const SEEK_EVERY_MS = 80;
/** A reader that is so far behind its pace stands still. */
const STALL_MS = 500;
const MARK_MS = 100;

export interface ViewerOptions {
  readonly product: Product;
  /** URL path of a film. */
  readonly path: string;
  /** A place in it that nobody has read, each time another one. */
  nextSeek(): number;
}

export interface Watching extends Pick<Asked, "onBegun"> {
  /** First byte. */
  readonly start: number;
  /** Of film. */
  readonly seconds: number;
}

/** What somebody who watches has seen. */
export interface Seen {
  readonly stalls: number;
  /** The furthest that the film was behind its pace. */
  readonly behindMs: number;
  /** Milliseconds to the first byte of each seek. */
  readonly seeks: readonly number[];
  /** How late this process's and the product's event loop came to a timer at worst. */
  readonly loopMax: number;
}

/** Reads a film at 8 MB/s, and seeks elsewhere in it all the while. */
export async function watch({ product, path, nextSeek }: ViewerOptions, watching: Watching): Promise<Seen> {
  const { start, seconds, ...asked } = watching;
  using reader = await product.connect();
  using seeker = await product.connect();
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await product.ask("watch");
  const range = [start, start + BYTES_PER_SECOND * seconds] as const;
  const dueMs = Array.from({ length: (seconds * 1000) / MARK_MS }, (_, n) => (n + 1) * MARK_MS);
  const marks = dueMs.map((ms) => (ms * BYTES_PER_SECOND) / 1000);
  let isWatching = true;
  const reading = reader.request(path, { range, bytesPerSecond: BYTES_PER_SECOND, marks, ...asked }).finally(() => {
    isWatching = false;
  });
  const seeks: number[] = [];
  const seeking = async () => {
    while (isWatching) {
      await sleep(SEEK_EVERY_MS);
      const place = nextSeek();
      const { marksMs } = await seeker.request(path, { range: [place, place + SEEK_BYTES], marks: [1] });
      seeks.push(marksMs[0] as number);
    }
  };
  const [{ marksMs }] = await Promise.all([reading, seeking()]);
  delay.disable();
  const { loopMax } = await product.ask<Watched>("watched");
  const behind = marksMs.map((ms, n) => ms - (dueMs[n] as number));
  const isStill = behind.map((ms) => ms > STALL_MS);
  return {
    stalls: isStill.filter((still, n) => still && isStill[n - 1] !== true).length,
    behindMs: Math.max(0, ...behind),
    seeks,
    loopMax: Math.max(loopMax, delay.max / 1e6),
  };
}
