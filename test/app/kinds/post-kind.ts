import type { ByteRange } from "../../../src/base/byte-range.ts";
import type { FormatErrorCode } from "../../../src/base/errors.ts";
import type { Content } from "../../../src/newsserver/content.ts";
import type { BenchmarkKind } from "./benchmark.ts";
import type { Posting } from "./posting.ts";

/** A file that a release must have, and what is in it. */
export interface Served {
  /** Below the release's folder. */
  readonly path: string;
  readonly content: Content;
  /** Ranges to be read besides random ones, such as those across the ends of volumes. */
  readonly crossings?: readonly ByteRange[];
  /** Bytes that nobody has: who asks for them must not get any others. */
  readonly hole?: ByteRange;
}

/** Why an import fails. */
export interface Refusal {
  readonly code: Extract<FormatErrorCode, `ARCHIVE_${string}`> | "ARTICLE_MISSING";
  /** What the job's error says: the true cause, and of what. */
  readonly reason: RegExp;
}

/** What an import may ask the news server for. */
export interface Wire {
  readonly bodies: number;
  readonly stats?: number;
}

export interface BuiltToServe extends Posting {
  readonly wire: Wire;
  readonly serves: readonly Served[];
  readonly refused?: never;
}

export interface BuiltToRefuse extends Posting {
  readonly wire: Wire;
  readonly serves?: never;
  readonly refused: Refusal;
}

export type Built = BuiltToServe | BuiltToRefuse;

/** One kind of post and what must become of it. */
export interface PostKind {
  /** As the benchmark calls it where it is one of its kinds. */
  readonly name: BenchmarkKind | (string & {});
  /** The name that the import is asked for with. */
  readonly release: string;
  /** Random ranges that are read of each file; 200 unless given. */
  readonly ranges?: number;
  build(): Built;
}

/** Windows as long as a volume: each has the end of one inside. */
export function across({ size }: Content, volumeSize: number, most = 200): readonly ByteRange[] {
  const count = Math.min(most, Math.floor(size / volumeSize));
  return Array.from({ length: count }, (_, index) => {
    const start = Math.floor((index * (size - volumeSize)) / Math.max(1, count - 1));
    return { start, end: Math.min(size, start + volumeSize) };
  });
}

/** A few bytes on either side of each of these places. */
export function around(places: readonly number[], { size }: Content): readonly ByteRange[] {
  return places.map((place) => ({ start: Math.max(0, place - 100), end: Math.min(size, place + 100) }));
}
