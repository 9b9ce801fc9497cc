import type { NewFile, NewPost, Run } from "../catalog/catalog.ts";
import { withGaps } from "./holes.ts";
import { type FileClues, fileNames, isArchiveName } from "./names.ts";
import type { PartMap } from "./part-map.ts";
import type { Role } from "./payload.ts";
import type { Post } from "./post.ts";
import { safeName } from "./safe-name.ts";
import type { Source } from "./source.ts";

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

export interface DraftOptions {
  /** The release's. */
  readonly name: string;
  /** Dates files whose posting time nobody knows. */
  readonly importedAt: number;
}

/** Files and posts of a release as the catalog takes them: every post, and each leaf as a file over them. */
export function draftRelease(mapped: readonly MappedPost[], leaves: readonly Source[], options: DraftOptions): Draft {
  const { name, importedAt } = options;
  const names = fileNames(
    leaves.map((leaf) => cluesOf(leaf, mapped)),
    name,
  );
  const spelled = oneSpelling();
  return {
    posts: mapped.map(({ post: { segments }, map }) => newPost(withGaps(segments, map.gaps), map)),
    files: leaves.map((leaf, index) => {
      const { runs, cipher, content, modifiedAt = importedAt } = leaf;
      const path = spelled([...foldersOf(leaf, mapped), names[index] as string].join("/"));
      if (content !== undefined) return { path, runs, modifiedAt, content };
      return { path, runs, modifiedAt, ...(cipher === undefined ? {} : { cipher }) };
    }),
    notes: notesOn(mapped, leaves),
  };
}

function cluesOf({ post, path, kind, isOnDisc = false }: Source, mapped: readonly MappedPost[]): FileClues {
  const yencName = post === undefined ? undefined : (mapped[post] as MappedPost).post.yencName;
  return { subjectName: path === "" ? undefined : path, yencName, kind, keepsName: isOnDisc };
}

/** A poster's own folders are no business of ours; those of an archive belong to what is in it. */
function foldersOf({ post, path }: Source, mapped: readonly MappedPost[]): readonly string[] {
  if (post !== undefined) return (mapped[post] as MappedPost).role === "sample" ? ["Sample"] : [];
  const folders = path.split(/[\\/]/).slice(0, -1);
  return folders.filter((folder) => !/^[.\s]*$/.test(folder)).map((folder) => safeName(folder, "Folder"));
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

function notesOn(mapped: readonly MappedPost[], leaves: readonly Source[]): readonly string[] {
  const shown = new Set(leaves.map(({ post }) => post));
  const guessed = mapped.filter(({ map }, post) => shown.has(post) && !map.isSizeExact).length;
  const lying = leaves.filter(
    ({ post, path, kind }) => post !== undefined && kind === undefined && isArchiveName(path),
  ).length;
  const notes: string[] = [];
  if (guessed > 0) notes.push(`the size of ${countOf(guessed, "file")} is an estimate: the last article is missing`);
  if (lying > 0) notes.push(`${countOf(lying, "file")} kept as posted: called an archive, and does not begin like one`);
  return notes;
}

/** Which posts the bytes of these files lie in. */
export function postsOf(files: readonly Pick<NewFile, "runs">[]): ReadonlySet<number> {
  const posts = new Set<number>();
  for (const { runs } of files) for (const { post } of runs) posts.add(post);
  return posts;
}

/** A release of some files of a draft, without the posts that only the others lay in. */
export function releaseOfFiles(
  draft: Pick<Draft, "posts" | "files">,
  files: readonly NewFile[],
): Pick<Draft, "posts" | "files"> {
  if (files.length === draft.files.length) return draft;
  const left = postsOf(files);
  const gone = [...postsOf(draft.files)].filter((post) => !left.has(post));
  if (gone.length === 0) return { posts: draft.posts, files };
  const isGone = new Set(gone);
  const places = new Map<number, number>();
  draft.posts.forEach((_, post) => {
    if (!isGone.has(post)) places.set(post, places.size);
  });
  const moved = (run: Run): Run => ({ ...run, post: places.get(run.post) as number });
  return {
    posts: draft.posts.filter((_, post) => !isGone.has(post)),
    files: files.map((file) => ({ ...file, runs: file.runs.map(moved) })),
  };
}

export function countOf(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
