import type { ByteRange } from "./byte-range.ts";

/** Whoever waits says when it stops waiting. Aborting rejects with `signal.reason`, never wrapped. */
export interface Cancel {
  readonly signal: AbortSignal;
}

/** Bytes of known length, readable from any offset. Holds nothing open between reads. */
export interface SeekableFile {
  readonly size: number;
  /**
   * Yields the bytes of `range` in order. A yielded chunk is shared and read-only, and valid only until the next one is asked for.
   * Leaving the loop, or aborting, stops every fetch this read started. Throws rather than ending early.
   */
  read(range: ByteRange, cancel: Cancel): AsyncGenerator<Uint8Array, void, undefined>;
}
