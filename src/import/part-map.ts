import type { ByteRange } from "../base/byte-range.ts";
import { FormatError } from "../base/errors.ts";

/** What one article says of its place in the posted file, as PartInfo has it. */
export interface PartFacts {
  readonly size: number;
  readonly begin: number | undefined;
  readonly partNumber: number | undefined;
  readonly totalParts: number | undefined;
  readonly fileSize: number | undefined;
}

/** A part whose article was read. */
export interface KnownPart {
  readonly index: number;
  readonly facts: PartFacts;
}

/** Where parts are missing from the NZB's list: so many of them before the part `at`. */
export interface Gap {
  readonly at: number;
  readonly parts: number;
}

/** Where every part of a posted file lies. */
export interface PartMap {
  readonly size: number;
  /** Every part but the last has this size; or else `partEnds` is there. */
  readonly partSize: number | undefined;
  /** The end of every part, those of the gaps included. */
  readonly partEnds: Float64Array | undefined;
  readonly gaps: readonly Gap[];
  /** False: the last article is gone and nobody says how long it was; up to a part of the size is a guess. */
  readonly isSizeExact: boolean;
}

/** Where a part lies; those of the gaps count. */
export function partRange({ size, partSize = size, partEnds }: PartMap, part: number): ByteRange {
  if (partEnds === undefined) return { start: part * partSize, end: Math.min(size, (part + 1) * partSize) };
  return { start: part === 0 ? 0 : (partEnds[part - 1] as number), end: partEnds[part] as number };
}

/** Parts between two known ones, or in front of the first, that arithmetic alone does not place. */
export interface Doubt {
  readonly first: number;
  readonly end: number;
}

/** A run of parts of one size each, or as evenly sized as can be. */
interface Piece {
  readonly parts: number;
  readonly bytes: number;
}

interface Layout {
  readonly pieces: readonly Piece[];
  readonly gaps: readonly Gap[];
  readonly doubts: readonly Doubt[];
  readonly isSizeExact: boolean;
}

export interface MapInput {
  /** Segments in the NZB's list. */
  readonly count: number;
  /** By index, at least one. */
  readonly known: readonly KnownPart[];
  /** What the last part's size would be by the NZB, as a share of a full part. */
  readonly lastShare: number;
}

/** Larger articles are not read, so a larger place in the file is not believed. */
const MAX_PART = 16 * 1024 * 1024;

/** The intervals in which more articles must be read before the map is certain. Throws FormatError YENC_MALFORMED like `partMap`. */
export function doubtsOf(input: MapInput): readonly Doubt[] {
  return layOut(input).doubts;
}

/**
 * The map by what is known, unread parts in doubtful intervals sharing the space evenly.
 * Throws FormatError YENC_MALFORMED when the articles contradict each other, NZB_MALFORMED when the NZB lists too few of them.
 */
export function partMap(input: MapInput): PartMap {
  const { pieces, gaps, isSizeExact } = layOut(input);
  const ends = new Float64Array(pieces.reduce((sum, { parts }) => sum + parts, 0));
  let index = 0;
  let size = 0;
  for (const { parts, bytes } of pieces) {
    for (let part = 1; part <= parts; part++) ends[index++] = size + Math.round((bytes * part) / parts);
    size += bytes;
  }
  const partSize = uniformSize(ends);
  return { size, partSize, partEnds: partSize === undefined ? ends : undefined, gaps, isSizeExact };
}

function uniformSize(ends: Float64Array): number | undefined {
  const size = ends[0] as number;
  const last = ends.length - 1;
  for (let index = 1; index < last; index++) if (ends[index] !== (index + 1) * size) return undefined;
  return (ends[last] as number) <= ends.length * size ? size : undefined;
}

/** Walks over the known parts in order and fills what lies between them. */
function layOut({ count, known, lastShare }: MapInput): Layout {
  const pieces: Piece[] = [];
  const gaps: Gap[] = [];
  const doubts: Doubt[] = [];
  /** The next part to be placed, and where it begins. */
  let next = 0;
  let offset = 0;
  let previous: KnownPart | undefined;
  let missing = 0;

  for (const part of known) {
    if (part.facts.size === 0 && count > 1) throw new FormatError("YENC_MALFORMED", `part ${part.index + 1} is empty`);
    const between = part.index - next;
    const isLast = part.index === count - 1;
    const step = stepBetween(previous, part, { between, isLast, offset });
    const computed = offset + between * (step ?? 0);
    const begin = beginOf(part) ?? computed;
    const space = begin - offset;
    if (space < between || space > (between + count) * MAX_PART) throw contradiction(part.index, begin, offset);
    if (between === 0 && space > 0) {
      const parts = step !== undefined && space % step === 0 ? space / step : 1;
      missing += parts;
      if (missing > count) throw contradiction(part.index, begin, offset);
      gaps.push({ at: part.index, parts });
      pieces.push({ parts, bytes: space });
    }
    if (between > 0) {
      pieces.push({ parts: between, bytes: space });
      const isUniform = step !== undefined && begin === computed && (isLast || part.facts.size === step);
      if (!isUniform) doubts.push({ first: next, end: part.index });
    }
    pieces.push({ parts: 1, bytes: part.facts.size });
    offset = begin + part.facts.size;
    next = part.index + 1;
    previous = part;
  }

  const tail = tailOf({ count, known, lastShare }, offset);
  if (tail.parts > 0) pieces.push(...tail.pieces);
  if (tail.parts > count - next) gaps.push({ at: count, parts: tail.parts - (count - next) });
  return { pieces, gaps, doubts, isSizeExact: tail.isExact };
}

/** The size that parts between two known ones have if they are all alike; undefined when nothing says so. */
function stepBetween(
  previous: KnownPart | undefined,
  part: KnownPart,
  { between, isLast, offset }: { readonly between: number; readonly isLast: boolean; readonly offset: number },
): number | undefined {
  if (previous !== undefined) return previous.facts.size;
  if (!isLast || between === 0) return part.facts.size;
  // Only the last part is known: equal parts in front of it are believed when they come out even.
  const step = ((beginOf(part) ?? 0) - offset) / between;
  return Number.isInteger(step) && step >= part.facts.size ? step : undefined;
}

/** A part behind the first cannot begin at 0; where only the part number could tell, the arithmetic does. */
function beginOf({ index, facts }: KnownPart): number | undefined {
  return index > 0 && facts.begin === 0 && facts.partNumber === undefined ? undefined : facts.begin;
}

interface Tail {
  readonly parts: number;
  readonly pieces: readonly Piece[];
  readonly isExact: boolean;
}

/** What follows the last known part: nothing, or parts whose articles are gone or that the NZB does not list. */
function tailOf({ count, known, lastShare }: MapInput, offset: number): Tail {
  const last = known.at(-1) as KnownPart;
  const step = (known.findLast(({ index }) => index < count - 1) ?? last).facts.size;
  const unread = count - 1 - last.index;
  const claim = claimOf(known);
  const claimedParts = claim.totalParts ?? count;
  const parts = claimedParts > count && last.facts.size === step ? unread + claimedParts - count : unread;
  const isClaimed = (tail: number) =>
    claim.fileSize !== undefined &&
    claim.fileSize > offset + (tail - 1) * step &&
    claim.fileSize <= offset + tail * step;

  if (parts > unread && isClaimed(parts)) {
    if (claimedParts > 2 * count) {
      throw new FormatError("NZB_MALFORMED", `the NZB lists only ${count} of the file's ${claimedParts} articles`, {
        hint: "the NZB is incomplete; another NZB of the same post may list the rest",
      });
    }
    return tailOfBytes(parts, step, (claim.fileSize as number) - offset, true);
  }
  if (unread === 0) return { parts: 0, pieces: [], isExact: true };
  if (isClaimed(unread)) return tailOfBytes(unread, step, (claim.fileSize as number) - offset, true);
  const guess = Math.min(step, Math.max(1, Math.round(lastShare * step)));
  return tailOfBytes(unread, step, (unread - 1) * step + guess, false);
}

function tailOfBytes(parts: number, step: number, bytes: number, isExact: boolean): Tail {
  const full = (parts - 1) * step;
  const pieces = [
    { parts: parts - 1, bytes: full },
    { parts: 1, bytes: bytes - full },
  ].filter((piece) => piece.parts > 0);
  return { parts, pieces, isExact };
}

/** Size and number of parts as the headers have it, where all of them agree; decoys rarely do. */
function claimOf(known: readonly KnownPart[]): { totalParts: number | undefined; fileSize: number | undefined } {
  const agreed = (read: (facts: PartFacts) => number | undefined) => {
    const first = read((known[0] as KnownPart).facts);
    return known.every(({ facts }) => read(facts) === first) ? first : undefined;
  };
  return { totalParts: agreed((facts) => facts.totalParts), fileSize: agreed((facts) => facts.fileSize) };
}

function contradiction(index: number, begin: number, offset: number): FormatError {
  return new FormatError(
    "YENC_MALFORMED",
    `part ${index + 1} says it begins at byte ${begin}, which cannot follow byte ${offset}`,
    {
      hint: "the NZB lists articles of different files or in a wrong order; try another NZB of the same post",
    },
  );
}
