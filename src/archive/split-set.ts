import type { FormatError } from "../base/errors.ts";
import { refusal } from "./refusals.ts";
import { sevenZipSize } from "./seven-zip-start.ts";

/** A posted file that may be a piece of another. */
export interface SplitCandidate {
  /** By the best name that is known. */
  readonly name: string;
  readonly size: number;
  /** Its first bytes, 32 at least where it has them. */
  readonly head: Uint8Array;
}

/** Files that are the pieces of one, cut by size. What the first piece begins with says what the whole is. */
export interface SplitSet {
  /** Of the whole. */
  readonly name: string;
  /** Places in the list that was given, in order. */
  readonly pieces: readonly number[];
  /** ARCHIVE_INCOMPLETE when a piece is missing or cut off; then the whole cannot be used. */
  readonly trouble: FormatError | undefined;
}

const NUMBERED = /^(.+)\.(\d{2,5})$/s;
/** Volumes, each with a header of its own; what is cut by size has one only in its first piece. */
const VOLUME_MAGICS = ["526172211a07", "52457e5e", "377abcaf271c", "5041523200504b54"].map((hex) =>
  Buffer.from(hex, "hex"),
);

interface Numbered {
  readonly index: number;
  readonly number: number;
  readonly digits: string;
  readonly name: string;
  readonly size: number;
}

/**
 * The raw splits among these files, by names like `film.mkv.001`: all pieces of one size but the last, which may be shorter, counted
 * from 0 or 1 without a gap. What is merely numbered, as volumes or plain files of different sizes are, is left out.
 */
export function findSplitSets(files: readonly SplitCandidate[]): readonly SplitSet[] {
  const groups = new Map<string, Numbered[]>();
  files.forEach(({ name, size }, index) => {
    const [, base, digits] = NUMBERED.exec(name) ?? [];
    if (base === undefined || digits === undefined) return;
    const group = groups.get(base) ?? [];
    groups.set(base, group);
    group.push({ index, number: Number(digits), digits, name, size });
  });
  return [...groups].flatMap(([base, group]) => {
    const set = splitSetOf(base, group, files);
    return set === undefined ? [] : [set];
  });
}

function splitSetOf(base: string, group: readonly Numbered[], files: readonly SplitCandidate[]): SplitSet | undefined {
  const pieces = distinct(group.toSorted((a, b) => a.number - b.number));
  const first = pieces[0] as Numbered;
  const isVolumes = pieces.slice(1).some(({ index }) => startsVolume(files[index] as SplitCandidate));
  // Only numbers with leading zeros count pieces: "film.264" and "show.1080" do not.
  if (isVolumes || !pieces.some(({ digits }) => digits.startsWith("0")) || first.number > pieces.length)
    return undefined;
  const whole = commonest(pieces.slice(0, -1).map(({ size }) => size)) ?? first.size;
  const isOdd = (piece: Numbered) => (piece === pieces.at(-1) ? piece.size > whole : piece.size !== whole);
  const odd = pieces.filter(isOdd);
  if (odd.length * 2 > pieces.length) return undefined;
  return { name: base, pieces: pieces.map(({ index }) => index), trouble: troubleOf(base, pieces, odd[0]) };
}

function troubleOf(base: string, pieces: readonly Numbered[], odd: Numbered | undefined): FormatError | undefined {
  const first = pieces[0] as Numbered;
  const start = first.number === 0 ? 0 : 1;
  const gap = pieces.findIndex(({ number }, index) => number !== start + index);
  if (gap >= 0) {
    const missing = `${base}.${String(start + gap).padStart(first.digits.length, "0")}`;
    return refusal("ARCHIVE_INCOMPLETE", `"${missing}" is missing from the split file "${base}"`);
  }
  if (odd === undefined) return undefined;
  return refusal("ARCHIVE_INCOMPLETE", `"${odd.name}" is not of the size of the other pieces of "${base}"`);
}

/**
 * The split 7z archives among files whose names say nothing: the first piece tells the size of the whole, so that the pieces of the
 * same size, and the one that makes up the rest, are told by their sizes. Given in the order of the post, which is taken for theirs.
 */
export function findUnnamedSevenZips(files: readonly SplitCandidate[]): readonly SplitSet[] {
  const free = new Set(files.keys());
  return files.flatMap(({ name, size, head }, first): SplitSet[] => {
    const whole = sevenZipSize(head);
    if (whole === undefined || whole <= size) return [];
    const rest = whole % size;
    const full = Math.floor(whole / size) - 1;
    const isFree = (index: number) =>
      free.has(index) && index !== first && !startsVolume(files[index] as SplitCandidate);
    const equals = [...free].filter((index) => isFree(index) && files[index]?.size === size);
    const lasts = [...free].filter((index) => isFree(index) && files[index]?.size === rest);
    // Where there are more than it takes, nothing tells which belong to it.
    const isExact = equals.length === full && (rest === 0 || lasts.length === 1);
    if (!isExact) return [];
    const pieces = [first, ...equals, ...(rest === 0 ? [] : lasts)];
    for (const index of pieces) free.delete(index);
    return [{ name, pieces, trouble: undefined }];
  });
}

function startsVolume({ head }: SplitCandidate): boolean {
  return VOLUME_MAGICS.some((magic) => magic.equals(head.subarray(0, magic.length)));
}

/** The same piece may have been posted twice. */
function distinct(pieces: readonly Numbered[]): readonly Numbered[] {
  return pieces.filter(({ number, size }, index) => {
    const before = pieces[index - 1];
    return before === undefined || before.number !== number || before.size !== size;
  });
}

function commonest(sizes: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const size of sizes) counts.set(size, (counts.get(size) ?? 0) + 1);
  let best: number | undefined;
  for (const [size, count] of counts) if (best === undefined || count > (counts.get(best) ?? 0)) best = size;
  return best;
}
