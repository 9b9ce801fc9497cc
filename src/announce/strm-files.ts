import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CatalogError, errorCode } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { CompletedEntry, CompletedFolder } from "../catalog/completed.ts";
import type { JobId } from "../catalog/jobs.ts";

export interface StrmOptions {
  /** Has to be there: it may be a disk that is not mounted. */
  readonly folder: string;
  /** Of the names. */
  readonly suffix: string;
  /** undefined: nothing is written for this file. */
  readonly textOf: (file: { readonly name: string; readonly libraryPath: string }) => string | undefined;
}

/** Says whose folder it is, so that nothing is ever removed that somebody else made. */
const MARKER = ".newsreel";
const MAX_MARKER_BYTES = 200;
/** Of a folder with more in it nothing is removed. */
const MOST_IN_FOLDER = 50_000;
/** Names that this disk cannot hold; nothing will change that. */
const BAD_NAME = new Set(["ENAMETOOLONG", "EINVAL", "EILSEQ"]);

/**
 * Writes `<folder>/<category>/<job>/<path><suffix>` for each file; each appears as a whole, what is there already is replaced. Returns the
 * paths whose names the disk cannot hold. Rejects with CatalogError DISK_FULL, or as the file system does.
 */
export async function writeStrmFiles(
  { folder, suffix, textOf }: StrmOptions,
  { job, files }: { readonly job: CompletedFolder; readonly files: readonly CompletedEntry[] },
  { signal }: Cancel,
): Promise<readonly string[]> {
  if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error("it is no folder"), { code: "ENOTDIR" });
  const top = join(folder, job.category, job.name);
  const unusable: string[] = [];
  try {
    await mkdir(top, { recursive: true });
    await writeFile(join(top, MARKER), `${job.job}\n`);
    for (const { path, file } of files) {
      signal.throwIfAborted();
      const text = file && textOf({ name: path.slice(path.lastIndexOf("/") + 1), libraryPath: file.libraryPath });
      if (text === undefined) continue;
      try {
        await putWhole(join(top, path + suffix), text);
      } catch (error) {
        if (!BAD_NAME.has(errorCode(error) ?? "")) throw error;
        unusable.push(path);
      }
    }
  } catch (cause) {
    if (errorCode(cause) !== "ENOSPC" && errorCode(cause) !== "EDQUOT") throw cause;
    throw new CatalogError("DISK_FULL", "the disk is full", { cause });
  }
  return unusable;
}

async function putWhole(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `${MARKER}-${randomUUID()}`);
  try {
    const file = await open(temporary, "wx", 0o644);
    try {
      await file.writeFile(text);
      // A disk without permissions has none to set.
      await file.chmod(0o644).catch(() => undefined);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Removes the folders of jobs that `isThere` does not know any more, where nothing but what was written here is left in them. Returns how
 * many those were. Rejects as the file system does, or with the signal's reason.
 */
export async function removeStrmFiles(
  { folder, suffix }: Pick<StrmOptions, "folder" | "suffix">,
  isThere: (job: JobId) => boolean,
  { signal }: Cancel,
): Promise<number> {
  let removed = 0;
  for (const category of await foldersIn(folder)) {
    for (const name of await foldersIn(join(folder, category))) {
      signal.throwIfAborted();
      const top = join(folder, category, name);
      const job = await markedJob(top);
      if (job !== undefined && !isThere(job) && (await removeOwn(top, suffix))) removed += 1;
    }
  }
  return removed;
}

async function foldersIn(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function markedJob(folder: string): Promise<JobId | undefined> {
  try {
    const path = join(folder, MARKER);
    if ((await stat(path)).size > MAX_MARKER_BYTES) return undefined;
    return (await readFile(path, "utf8")).trim() as JobId;
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "EISDIR") return undefined;
    throw error;
  }
}

/** False, and nothing is touched, when there is anything else in it. */
async function removeOwn(top: string, suffix: string): Promise<boolean> {
  const [files, folders]: [string[], string[]] = [[], [top]];
  // It grows while it is walked.
  for (const folder of folders) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile() && (entry.name.endsWith(suffix) || entry.name.startsWith(MARKER))) files.push(path);
      else return false;
      if (files.length + folders.length > MOST_IN_FOLDER) return false;
    }
  }
  // The marker goes last: what is interrupted is gone on with.
  for (const path of files.reverse()) await unlink(path);
  for (const path of folders.reverse()) await rmdir(path);
  return true;
}
