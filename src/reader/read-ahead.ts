import type { ReadClass } from "./read-class.ts";

/** A run: reading on and on since the last jump. All in bytes. */
export interface Run {
  /** What the client has really taken since the jump. */
  readonly consumed: number;
  /** Size of a segment. */
  readonly segmentBytes: number;
  /** What this stream may have warm beyond its position. */
  readonly maxBytes: number;
  /** What was asked for by name, from the jump to the end of the range; undefined when it reaches to the end of the file. */
  readonly askedFor: number | undefined;
  readonly readClass: ReadClass;
}

/** A range that is no longer than this is meant, all of it, by whoever asks for it. */
const MEANT_BYTES = 8 * 1024 * 1024;

/** How far beyond the position to fetch. */
export type ReadAhead = (run: Run) => number;

/**
 * One segment after a jump, then as much as has been consumed, up to the limit. A short range is fetched as one: its end is known, and
 * whoever asks for four megabytes wants them. A scan never gets more than one segment.
 */
export const slowStart: ReadAhead = ({ consumed, segmentBytes, maxBytes, askedFor, readClass }) => {
  if (readClass === "scan") return segmentBytes;
  const isMeant = askedFor !== undefined && askedFor <= MEANT_BYTES;
  return Math.max(segmentBytes, Math.min(isMeant ? askedFor : consumed, maxBytes));
};
