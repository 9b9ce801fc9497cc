import { FormatError } from "../base/errors.ts";
import type { SegmentList } from "../base/segment-list.ts";
import { isHole } from "./holes.ts";
import {
  type Doubt,
  doubtsOf,
  type KnownPart,
  type MapInput,
  type PartFacts,
  type PartMap,
  partMap,
} from "./part-map.ts";

/** Absent articles that are put up with at either end before the map is made from what there is. */
const MAX_TRIES = 6;
/** Articles read of one post at most; only one whose parts all differ needs so many. */
const MAX_ARTICLES = 2_000;
/** A middle segment whose encoded size is so far from the others' is looked at. */
const SUSPICIOUS = 0.05;
const MAX_SUSPECTS = 4;
/** Encoded sizes looked at to find the usual one. */
const MEDIAN_SAMPLE = 1_001;

/** Decides, round by round, which few articles of a post must be read to know where each of its parts lies. Does no I/O. */
export class PartMapper {
  readonly #segments: SegmentList;
  readonly #known = new Map<number, PartFacts>();
  readonly #absent = new Set<number>();
  readonly #suspects: readonly number[];
  readonly #usualSize: number;

  /** `extra`: indices to be read in the first round whatever they look like. */
  constructor(segments: SegmentList, extra: readonly number[] = []) {
    this.#segments = segments;
    this.#usualSize = usualEncodedSize(segments);
    this.#suspects = [...extra, ...suspects(segments, this.#usualSize)].filter((index) => !isHole(segments, index));
  }

  /**
   * The segments to be read next, all at once; empty when nothing more is to be learned. `believes`: a size in the header of the first
   * article is taken for the file's when it fits the number of parts, so that the last one need not be read.
   * Throws FormatError like `map` when what is known cannot belong together.
   */
  wanted({ believes }: { readonly believes: boolean } = { believes: false }): readonly number[] {
    const isFirstRound = this.#known.size + this.#absent.size === 0;
    const isEndTold = believes && (isFirstRound || this.#isSizeClaimed());
    const ends = [this.#seek(1), isEndTold ? undefined : this.#seek(-1)].filter((index) => index !== undefined);
    const wanted = new Set(isFirstRound ? [...ends, ...this.#suspects] : ends);
    if (wanted.size > 0 || this.#known.size === 0) return [...wanted];
    for (const doubt of doubtsOf(this.#input())) {
      const middle = this.#unreadMiddle(doubt);
      if (middle !== undefined) wanted.add(middle);
    }
    if (wanted.size > 0 && this.#known.size + this.#absent.size >= MAX_ARTICLES) {
      throw new FormatError(
        "YENC_MALFORMED",
        `its parts are of so many sizes that ${MAX_ARTICLES} articles do not tell them all`,
        {
          hint: "another post of the same release may be regular",
        },
      );
    }
    return [...wanted];
  }

  /** What was read of a segment; undefined: no provider has a usable article. */
  learn(index: number, facts: PartFacts | undefined): void {
    if (facts === undefined) this.#absent.add(index);
    else this.#known.set(index, facts);
  }

  /** The map, or undefined when no article was found at all. Throws FormatError YENC_MALFORMED or NZB_MALFORMED. */
  map(): PartMap | undefined {
    return this.#known.size === 0 ? undefined : partMap(this.#input());
  }

  /** Decoys in yEnc headers are random, so a size that fits is none. */
  #isSizeClaimed(): boolean {
    const count = this.#segments.length;
    const { size = 0, fileSize = 0, totalParts = count } = this.#known.get(0) ?? {};
    return totalParts === count && fileSize > (count - 1) * size && fileSize <= count * size;
  }

  #input(): MapInput {
    const count = this.#segments.length;
    const known: KnownPart[] = [...this.#known].map(([index, facts]) => ({ index, facts }));
    known.sort((a, b) => a.index - b.index);
    const lastSize = this.#segments.encodedSizeAt(count - 1);
    return { count, known, lastShare: this.#usualSize > 0 && lastSize > 0 ? lastSize / this.#usualSize : 1 };
  }

  /** The next segment to try from the start (1) or the end (-1); undefined when one was found, or too many were absent. */
  #seek(direction: 1 | -1): number | undefined {
    const start = direction === 1 ? 0 : this.#segments.length - 1;
    for (let distance = 0, tries = 0; tries < MAX_TRIES; tries++) {
      const index = this.#nextNamed(start + direction * distance, direction);
      if (index === undefined || this.#known.has(index)) return undefined;
      if (!this.#absent.has(index)) return index;
      // Holes come in runs: look twice as far each time.
      distance = Math.abs(index - start) * 2 || 1;
    }
    return undefined;
  }

  #nextNamed(from: number, direction: 1 | -1): number | undefined {
    for (let index = from; index >= 0 && index < this.#segments.length; index += direction) {
      if (!isHole(this.#segments, index)) return index;
    }
    return undefined;
  }

  /** The segment nearest to the middle of an interval that was not asked for yet. */
  #unreadMiddle({ first, end }: Doubt): number | undefined {
    const middle = (first + end) >> 1;
    for (let distance = 0; distance <= end - first; distance++) {
      for (const index of [middle - distance, middle + distance]) {
        if (index < first || index >= end || isHole(this.#segments, index)) continue;
        if (!this.#absent.has(index)) return index;
      }
    }
    return undefined;
  }
}

/** The median of the encoded sizes of all segments but the last, by a sample; 0 when the NZB does not give any. */
function usualEncodedSize(segments: SegmentList): number {
  const others = segments.length - 1;
  const stride = Math.max(1, Math.floor(others / MEDIAN_SAMPLE));
  const sizes: number[] = [];
  for (let index = 0; index < others; index += stride) {
    const size = segments.encodedSizeAt(index);
    if (size > 0) sizes.push(size);
  }
  // Numbers of one kind are sorted without a call for each comparison: a set has a thousand posts.
  return Uint32Array.from(sizes).sort()[sizes.length >> 1] ?? 0;
}

/** Middle segments of unusual size, the strangest of them. */
function suspects(segments: SegmentList, usual: number): readonly number[] {
  const strangest: { readonly index: number; readonly deviation: number }[] = [];
  for (let index = 1; index < segments.length - 1; index++) {
    const size = segments.encodedSizeAt(index);
    const deviation = Math.abs(size - usual) / usual;
    if (size === 0 || deviation <= SUSPICIOUS || deviation <= (strangest[MAX_SUSPECTS - 1]?.deviation ?? 0)) continue;
    strangest.push({ index, deviation });
    strangest.sort((a, b) => b.deviation - a.deviation).splice(MAX_SUSPECTS);
  }
  return strangest.map(({ index }) => index);
}
