import { lstat, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../base/errors.ts";
import { prefixOfBytes } from "./safe-name.ts";
import type { WatchedFile } from "./watch-list.ts";

const ENDING = /\.(?:nzb|nzb\.gz|zip)$/i;
const MAX_TRIES = 10_000;
/** Bytes of UTF-8 that a name has on most file systems. */
const MAX_NAME_BYTES = 255;
const TEXT = ".error.txt";

export interface Aside {
  /** The watched folder, and the name of the one in it. */
  readonly folder: string;
  readonly to: string;
  /** Put beside the file as `<name>.error.txt`. */
  readonly text: string | undefined;
}

/**
 * Moves a file into a folder beside it, under a name that no other file there has (` (2)`, ` (3)`...), shorter where its own leaves no room
 * for what is put behind it. Rejects with the file system's error
 * and leaves the file where it was; a text that cannot be written is left out.
 */
export async function setAside(file: WatchedFile, { folder, to, text }: Aside): Promise<void> {
  const target = join(folder, to);
  await mkdir(target).catch((error: unknown) => {
    if (errorCode(error) !== "EEXIST") throw error;
  });
  if (!(await lstat(target)).isDirectory()) throw new Error(`${target} is no folder`);
  const path = await freePath(target, file.name);
  await rename(file.path, path);
  if (text !== undefined) await writeFile(textPath(path), text, { flag: "wx" }).catch(() => {});
}

async function freePath(folder: string, name: string): Promise<string> {
  const ending = ENDING.exec(name)?.[0] ?? "";
  const stem = name.slice(0, name.length - ending.length);
  for (let number = 1; number <= MAX_TRIES; number += 1) {
    const mark = number === 1 ? ending : ` (${number})${ending}`;
    const path = join(folder, prefixOfBytes(stem, MAX_NAME_BYTES - Buffer.byteLength(mark + TEXT)) + mark);
    if (!(await isTaken(path)) && !(await isTaken(textPath(path)))) return path;
  }
  throw new Error(`${folder} is full of files called ${name}`);
}

function textPath(path: string): string {
  return path + TEXT;
}

async function isTaken(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}
