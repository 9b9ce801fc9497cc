/** A run: reading on and on since the last jump. All in bytes. */
export interface Run {
  /** What the client has really taken since the jump. */
  readonly consumed: number;
  /** Size of a segment. */
  readonly segmentBytes: number;
  /** What this stream may have warm beyond its position. */
  readonly maxBytes: number;
}

/** How far beyond the position to fetch: one segment after a jump, then as much as has been consumed, up to the limit. */
export type ReadAhead = (run: Run) => number;

export const slowStart: ReadAhead = ({ consumed, segmentBytes, maxBytes }) =>
  Math.max(segmentBytes, Math.min(consumed, maxBytes));
