import type { ByteRange } from "../base/byte-range.ts";
import type { Extent } from "../catalog/catalog.ts";

/** What becomes of bytes that nobody has: the read fails, or something harmless of the same length stands for them. */
export type DamagePolicy = "fail" | "fill";

/** Told by one read of a file what it cannot have, and what it could. */
export interface Damage {
  /**
   * Stands in for the bytes `wanted` of the file, which are lost with `extent`, whose segment ended with `error`: exactly as many bytes,
   * in chunks that are shared and read-only. They are a part of the extent; of an encrypted file, its plaintext and up to a block more on
   * either side. Throws at once when they may not be filled: `error` itself, or one of the same code with the reason.
   * Only to be called as long as this read has handed out nothing of the segment: bytes that were shown before they were verified
   * can only be taken back by breaking off.
   */
  fill(extent: Extent, wanted: ByteRange, error: unknown): Iterable<Uint8Array>;
  /** The segment of `extent` is here, whole and verified: if it was a hole, it is none any more. Cheap, never throws. */
  sound(extent: Extent): void;
}
