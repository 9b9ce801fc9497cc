import type { NewFile, NewPost } from "../catalog/catalog.ts";
import { withGaps } from "./holes.ts";
import { fileNames, isArchiveName } from "./names.ts";
import type { PartMap } from "./part-map.ts";
import type { Role } from "./payload.ts";
import type { Post } from "./post.ts";

/** A post whose parts are placed. */
export interface MappedPost {
  readonly post: Post;
  readonly map: PartMap;
  readonly role: Role;
}

export interface Draft {
  readonly posts: readonly NewPost[];
  readonly files: readonly NewFile[];
  /** What a person should know of it, in words. */
  readonly notes: readonly string[];
}

/** Files and posts of a release as the catalog takes them. `importedAt` dates files whose posting time nobody knows. */
export function draftRelease(mapped: readonly MappedPost[], name: string, importedAt: number): Draft {
  const names = fileNames(
    mapped.map(({ post }) => ({ subjectName: post.file.name, yencName: post.yencName, kind: post.kind })),
    name,
  );
  const spelled = oneSpelling();
  return {
    posts: mapped.map(({ post: { segments }, map }) => newPost(withGaps(segments, map.gaps), map)),
    files: mapped.map(({ post, map, role }, index) => ({
      path: spelled(role === "sample" ? `Sample/${names[index]}` : (names[index] as string)),
      runs: [{ post: index, start: 0, end: map.size }],
      modifiedAt: post.file.postedAt ?? importedAt,
    })),
    notes: notesOn(mapped, names),
  };
}

function newPost(segments: NewPost["segments"], { size, partSize, partEnds }: PartMap): NewPost {
  return partEnds === undefined
    ? { segments, size, ...(partSize === undefined ? {} : { partSize }) }
    : { segments, size, partEnds };
}

/** One spelling for paths that only differ in case, so that the catalog sees that they are in each other's way: some clients do not. */
function oneSpelling(): (path: string) => string {
  const spellings = new Map<string, string>();
  return (path) => {
    const lower = path.toLowerCase();
    const spelling = spellings.get(lower) ?? path;
    spellings.set(lower, spelling);
    return spelling;
  };
}

function notesOn(mapped: readonly MappedPost[], names: readonly string[]): readonly string[] {
  const archives = mapped.filter(({ post: { kind } }, index) => {
    const isArchive = kind?.extension === "rar" || kind?.extension === "7z" || kind?.extension === "zip";
    return isArchiveName(names[index] as string) || (isArchive && !/\.(?:cb.|exe)$/i.test(names[index] as string));
  }).length;
  const guessed = mapped.filter(({ map }) => !map.isSizeExact).length;
  const notes: string[] = [];
  if (archives > 0) notes.push(`${countOf(archives, "archive file")} kept packed: archives are not looked into`);
  if (guessed > 0) notes.push(`the size of ${countOf(guessed, "file")} is an estimate: the last article is missing`);
  return notes;
}

export function countOf(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
