import type { Slot } from "../../src/base/slot.ts";
import type { YencKernel } from "../../src/yenc/kernel.ts";
import { PartDecoder } from "../../src/yenc/part-decoder.ts";
import type { PartInfo } from "../../src/yenc/part-info.ts";

/** Everything that can be seen of one decoded article; equal for every cut of the same wire bytes. */
export interface Outcome {
  readonly info: PartInfo | undefined;
  /** `CODE: message` of what finish() threw. */
  readonly refusal: string | undefined;
  /** The decoded bytes in the slot. */
  readonly bytes: Buffer;
  /** Wire bytes taken. */
  readonly consumed: number;
}

/** Numbers below `limit`, the same ones for the same seed (xorshift32). */
export function seededRandom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

export function randomBytes(size: number, random: (limit: number) => number): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, () => random(256)));
}

/** Feeds the wire bytes cut at the given offsets, ascending, until the decoder says that its block has ended. */
export function decodeArticle(
  kernel: YencKernel,
  wire: Buffer,
  { cuts = [], slot }: { readonly cuts?: readonly number[]; readonly slot?: Slot } = {},
): Outcome {
  const into = slot ?? { bytes: Buffer.alloc(wire.length * 2) };
  const decoder = new PartDecoder(into, kernel);
  let consumed = 0;
  for (const cut of [...cuts, wire.length]) {
    consumed += writeFromDirtyBuffer(decoder, wire.subarray(consumed, cut));
    if (decoder.isEnded) break;
  }
  const seen = { bytes: Buffer.from(into.bytes.subarray(0, decoder.filled)), consumed };
  try {
    return { ...seen, info: decoder.finish(), refusal: undefined };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { ...seen, info: undefined, refusal: `${code}: ${message}` };
  }
}

/** As a socket does it: somewhere in a receive buffer that holds old bytes before and behind; these would end the article. */
function writeFromDirtyBuffer(decoder: PartDecoder, bytes: Buffer): number {
  const before = 1 + (bytes.length % 13);
  const received = Buffer.alloc(before + bytes.length + 16, "\r\n.\r\n=yend\r\n");
  bytes.copy(received, before);
  return decoder.write(received, before, before + bytes.length) - before;
}
