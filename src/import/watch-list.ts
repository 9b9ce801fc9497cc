import { constants, type Dirent, type Stats } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../base/errors.ts";

/** Where files go that were dealt with; nothing in them is watched. */
export const DONE = "_done";
export const FAILED = "_failed";

/** Hidden ones, and what storage boxes and Windows keep in every folder: deleted files (`#recycle`, `$RECYCLE.BIN`), previews (`@eaDir`). */
const SYSTEM = /^[.@#$]/;
const WATCHED = /^[^.~].*\.(?:nzb|nzb\.gz|zip)$/is;
/** A symbolic link might lead out of the folder, and a pipe would be waited for. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** A file that is to be imported, if it holds still. */
export interface WatchedFile {
  readonly path: string;
  readonly name: string;
  /** The folder it stands in; empty when that is the watched one itself. */
  readonly category: string;
}

/** The file is not what it was when somebody last looked at it. */
export class WatchedFileChanged extends Error {}

export interface WatchedFiles {
  /** In order of their names, those of the folder itself first. */
  readonly files: readonly WatchedFile[];
  /** Folders in it that are there, and cannot be read. */
  readonly unreadable: readonly { readonly path: string; readonly error: unknown }[];
}

/** What is in the watched folder and in the folders in it. Links are passed over. Rejects with the file system's error. */
export async function listWatched(folder: string): Promise<WatchedFiles> {
  const top = await sorted(folder);
  const files = watchedIn(folder, top, "");
  const unreadable: { readonly path: string; readonly error: unknown }[] = [];
  for (const { name } of top.filter((entry) => isCategory(entry))) {
    const path = join(folder, name);
    try {
      files.push(...watchedIn(path, await sorted(path), name));
    } catch (error) {
      if (errorCode(error) !== "ENOENT") unreadable.push({ path, error });
    }
  }
  return { files, unreadable };
}

/** Size and time, to be compared; undefined for what is gone, empty, or no plain file any more. */
export async function stateOf({ path }: WatchedFile): Promise<string | undefined> {
  try {
    return inWords(await lstat(path));
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** The file's bytes. Throws WatchedFileChanged, at the latest in place of its end, when its state is not the given one all along. */
export async function* watchedBytes({ path }: WatchedFile, state: string): AsyncGenerator<Uint8Array> {
  await using file = await open(path, READ_FLAGS);
  const assertState = async () => {
    if (inWords(await file.stat()) !== state) throw new WatchedFileChanged(`${path} changes while it is read`);
  };
  await assertState();
  for await (const chunk of file.createReadStream({ autoClose: false })) yield chunk as Buffer;
  await assertState();
}

async function sorted(folder: string): Promise<readonly Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function watchedIn(folder: string, entries: readonly Dirent[], category: string): WatchedFile[] {
  return entries
    .filter((entry) => entry.isFile() && WATCHED.test(entry.name))
    .map(({ name }) => ({ path: join(folder, name), name, category }));
}

function isCategory(entry: Dirent): boolean {
  return entry.isDirectory() && !SYSTEM.test(entry.name) && entry.name !== DONE && entry.name !== FAILED;
}

function inWords(stats: Stats): string | undefined {
  return stats.isFile() && stats.size > 0 ? `${stats.size} ${stats.mtimeMs}` : undefined;
}
