import { FormatError } from "../base/errors.ts";
import type { NewFile } from "../catalog/catalog.ts";
import type { CategoryRule } from "./category-rules.ts";
import type { FileKind } from "./magic.ts";
import { isCalledSample } from "./payload.ts";
import { countOf } from "./release-draft.ts";
import { baseName } from "./safe-name.ts";
import { anyWildcard } from "./wildcard.ts";

/** A file as it would stand in the release, and what is known of it beside that. */
export interface DraftedFile {
  readonly file: NewFile;
  readonly size: number;
  /** As far as its first bytes were looked at. */
  readonly kind: FileKind | undefined;
}

export interface Chosen {
  readonly files: readonly DraftedFile[];
  /** What a person should know of it, in words. */
  readonly notes: readonly string[];
}

/** A sample is an excerpt: of something so many times as large. */
const EXCERPT = 5;

/** Those that are called samples and are much smaller than the largest file, so that a film, an album or a season is none. */
export function samplesAmong(files: readonly DraftedFile[]): ReadonlySet<DraftedFile> {
  const largest = files.reduce((most, { size }) => Math.max(most, size), 0);
  return new Set(files.filter(({ file, size }) => size * EXCERPT <= largest && isCalledSample(file.path)));
}

/**
 * What the rules of its category let into a release. Patterns are held against the name of a file and against its path in the release.
 * Throws FormatError PAYLOAD_UNWANTED when nothing is left.
 */
export function chosenFiles(
  files: readonly DraftedFile[],
  { name, exclude, samples }: Pick<CategoryRule, "name" | "exclude" | "samples">,
): Chosen {
  const fits = anyWildcard(exclude);
  const isExcluded = ({ path }: NewFile) => fits(path) || fits(baseName(path));
  const excluded = new Set(files.filter(({ file }) => isExcluded(file)));
  const found = samples === "drop" ? [...samplesAmong(files)].filter((sample) => !excluded.has(sample)) : [];
  const dropped = new Set(found);
  const left = files.filter((file) => !excluded.has(file) && !dropped.has(file));
  if (left.length === 0 && files.length > 0) {
    throw new FormatError(
      "PAYLOAD_UNWANTED",
      `nothing is left of the release: ${countOf(files.length, "file")} left out`,
      {
        hint: `change exclude or samples of the category ${name} in the configuration, or import it into another category`,
      },
    );
  }
  const notes: string[] = [];
  if (excluded.size > 0) notes.push(`${countOf(excluded.size, "file")} left out by the rules of its category`);
  if (dropped.size > 0) notes.push(`${countOf(dropped.size, "sample")} left out`);
  return { files: left, notes };
}
