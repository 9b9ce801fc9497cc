import type { MessageId } from "../../src/base/message-id.ts";
import type { Slot } from "../../src/base/slot.ts";
import type { Segment } from "../../src/catalog/catalog.ts";
import type { ArticleSource, FetchOptions, Presence, Spare } from "../../src/nntp/article-source.ts";
import { SegmentCache } from "../../src/reader/segment-cache.ts";
import { capacityFor } from "../../src/reader/slots.ts";
import type { PartInfo } from "../../src/yenc/part-info.ts";
import { ManualClock } from "../manual-clock.ts";
import { madeFile } from "./fake-source.ts";

/** Bytes of each of the eight segments. */
export const SIZE = 100_000;
const INFO: PartInfo = {
  size: SIZE,
  begin: undefined,
  partNumber: undefined,
  totalParts: undefined,
  fileSize: undefined,
  name: undefined,
  isChecked: true,
};

/** One fetch with its first try, under the test's control. */
export class Fetch {
  readonly id: MessageId;
  readonly options: FetchOptions;
  readonly into: Slot;
  readonly #resolve: (info: PartInfo) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    of: { readonly id: MessageId; readonly into: Slot; readonly options: FetchOptions },
    settled: { readonly resolve: (info: PartInfo) => void; readonly reject: (error: unknown) => void },
  ) {
    this.id = of.id;
    this.into = of.into;
    this.options = of.options;
    const { signal: flying } = of.options;
    const leave = () => settled.reject(flying.reason);
    flying.addEventListener("abort", leave, { once: true });
    this.#reject = (error) => {
      flying.removeEventListener("abort", leave);
      settled.reject(error);
    };
    this.#resolve = (info) => {
      flying.removeEventListener("abort", leave);
      settled.resolve(info);
    };
  }

  progress(content: Buffer, filled: number): void {
    content.copy(this.into.bytes, 0, 0, filled);
    this.options.onProgress?.(filled);
  }

  /** The first try has failed; rejects when the next one is not wanted any more. */
  async restart(): Promise<void> {
    await this.options.onRestart?.();
  }

  finish(content: Buffer): void {
    content.copy(this.into.bytes);
    this.#resolve(INFO);
  }

  fail(error: Error): void {
    this.#reject(error);
  }

  /** A second try beside the first; undefined when there is no place for it. */
  second(content: Buffer): SecondTry | undefined {
    const spare = this.options.spare as Spare;
    const slot = spare.take();
    if (slot === undefined) return undefined;
    return {
      progress(filled) {
        content.copy(slot.bytes, 0, 0, filled);
        spare.onProgress(filled);
      },
      win: () => {
        content.copy(slot.bytes);
        spare.won();
        this.#resolve(INFO);
        spare.done();
      },
      end: () => spare.done(),
    };
  }
}

export interface SecondTry {
  progress(filled: number): void;
  /** It is right; nothing more comes of the first one. */
  win(): void;
  /** Nothing came of it. */
  end(): void;
}

class FakePool implements ArticleSource {
  readonly fetches: Fetch[] = [];

  body(id: MessageId, into: Slot, options: FetchOptions): Promise<PartInfo> {
    return new Promise((resolve, reject) => {
      this.fetches.push(new Fetch({ id, into, options }, { resolve, reject }));
    });
  }

  async stat(): Promise<Presence> {
    return "unknown";
  }
}

/** A cache over a pool whose every try is under the test's control; `slots` articles fit into its memory. */
export function startTries({ slots = 64 } = {}) {
  const file = madeFile(8, SIZE);
  const clock = new ManualClock();
  const source = new FakePool();
  const cache = new SegmentCache({ source, budgetBytes: slots * capacityFor(SIZE), clock });
  const segment = (index: number) => file.segments[index] as Segment;
  const content = (index: number) => file.bytes.subarray(index * SIZE, (index + 1) * SIZE);
  const call = (index: number) => source.fetches[index] as Fetch;
  return { clock, cache, segment, content, call };
}

/** A second try for which there is a place. */
export function secondTry(call: Fetch, content: Buffer): SecondTry {
  const second = call.second(content);
  if (second === undefined) throw new Error("there is no place for a second try");
  return second;
}
