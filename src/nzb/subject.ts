import { decodeEntities } from "./entities.ts";
import { trimmed } from "./trim.ts";

export interface SubjectFacts {
  /** The file name, without directories; undefined when the subject names none. Not made safe. */
  readonly name: string | undefined;
  /** The `N` of the last `(n/N)`; a hint, often wrong. */
  readonly partsHint: number | undefined;
}

/** Longer subjects are read up to here: no news server carries a header line of this length. */
const MAX_SUBJECT = 4096;

/** What surrounds a name: counters, the word yEnc, and sizes. */
const SURROUNDINGS =
  /[[(] ?\d{1,9} ?(?:\/|of) ?\d{1,9} ?[\])]|(?<![\p{L}\p{N}])yenc(?![\p{L}\p{N}])|(?<![\p{L}\p{N}.,])\d{1,12}(?:[.,]\d{1,3})? ?(?:[kmgt]i?b|bytes)(?![\p{L}\p{N}.])/giu;
const PARTS = /\( ?\d{1,9} ?(?:\/|of) ?(\d{1,9}) ?\)/gi;

/** A name outside quotes: letters, digits and some signs, with groups in brackets between them. */
const NAME_RUN = /[\p{L}\p{N}\p{M}_\-+()' .,]+(?:\[[\p{L}\p{N}\p{M}_\-+()' .,]*\][\p{L}\p{N}\p{M}_\-+()' .,]*)*/gu;
const BRACKETS = /\[[^\]]*\]/g;
const EXTENSION = /\.[A-Za-z0-9]{2,4}(?![\p{L}\p{N}_])/gu;

/**
 * Finds the file name in an article's subject: what stands in the first quotes that hold something; else the first run of words that
 * ends like a file name; else what is left without counters, `yEnc` and sizes. Quotes may still be written as entities.
 */
export function parseSubject(subject: string): SubjectFacts {
  const text = decodeEntities(subject.slice(0, MAX_SUBJECT));
  const name = quotedName(text) ?? runLikeAName(text) ?? remainder(text);
  return { name, partsHint: partsHint(text) };
}

function quotedName(text: string): string | undefined {
  for (const [, quoted] of text.matchAll(/"([^"]*)"/g)) {
    const name = lastPathPart(quoted as string);
    if (name !== "") return name;
  }
  return undefined;
}

function runLikeAName(text: string): string | undefined {
  for (const piece of text.split(SURROUNDINGS)) {
    for (const [run] of piece.matchAll(NAME_RUN)) {
      // Dots inside brackets end no name: of equal length, so that positions stay.
      const outside = run.replace(BRACKETS, (group) => "_".repeat(group.length));
      const extension = [...outside.matchAll(EXTENSION)].at(-1);
      if (!extension) continue;
      const name = trimmed(run.slice(0, extension.index + extension[0].length), " -,'");
      if (name.length > extension[0].length - 1) return name;
    }
  }
  return undefined;
}

function remainder(text: string): string | undefined {
  const pieces = text.split(SURROUNDINGS).map((piece) => trimmed(piece.replaceAll('"', ""), " \t-"));
  // Behind yEnc and the counter stands the size, as bare digits.
  if (pieces.length > 1 && /^\d+$/.test(pieces.at(-1) as string)) pieces.pop();
  const rest = pieces.filter((piece) => piece !== "").join(" ");
  return rest === "" ? undefined : rest;
}

function lastPathPart(text: string): string {
  return text.slice(Math.max(text.lastIndexOf("/"), text.lastIndexOf("\\")) + 1).trim();
}

function partsHint(text: string): number | undefined {
  const parts = Number([...text.matchAll(PARTS)].at(-1)?.[1] ?? 0);
  return parts > 0 && parts <= 10_000_000 ? parts : undefined;
}
