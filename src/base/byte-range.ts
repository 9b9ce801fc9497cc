/** A run of bytes, half-open: `start` is in it, `end` is not. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The part of `range` that lies in a thing of `size` bytes. */
export function clampRange(range: ByteRange, size: number): ByteRange {
  const start = Math.min(Math.max(0, range.start), size);
  return { start, end: Math.min(Math.max(start, range.end), size) };
}
