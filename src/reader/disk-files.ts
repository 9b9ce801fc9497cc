import { hash } from "node:crypto";
import fs from "node:fs";
import { promisify } from "node:util";
import { errorCode } from "../base/errors.ts";

/**
 * The files of the disk tier, `<root>/ab/<name>`: one per segment, its bytes and nothing else, named by a hash of its key. One file
 * each and not slots in large ones, which cost half as much to write: what is torn is one segment, unlinking returns exactly its
 * space, and the owner of the disk may delete any of it at any moment without a deleted file living on behind an open
 * descriptor. 256 folders, so that they take a megabyte and not hundreds; a million files are four thousand in each.
 */
export interface DiskFiles {
  /**
   * Writes the whole file, in place if there is one. Rejects with the system's error, and may then leave a part of it; ENOENT when
   * its folder is missing.
   */
  write(name: string, bytes: Buffer): Promise<void>;
  makeFolder(name: string): Promise<void>;
  /**
   * Makes the file `from` the file `to`, so that its blocks can be written again: a third of the work that it takes to give
   * them back and get new ones. Where that cannot be, there is neither afterwards.
   */
  reuse(from: string, to: string): Promise<void>;
  /** Reads into the start of `into`; false when the file is not exactly `size` bytes long. Rejects with the system's error. */
  read(name: string, into: Buffer, size: number): Promise<boolean>;
  /** Also when there is none. */
  remove(name: string): Promise<void>;
  /** The names in one of `FOLDERS`; what the tier would not have made is left out, and so never touched. */
  list(folder: string): AsyncIterable<string>;
}

const NAME_BYTES = 16;
const NAME = /^[0-9a-f]{32}$/;
const LISTED_AT_ONCE = 256;
/** Nothing that somebody else has put in the place of a file is followed, or waited for. */
const SAFELY = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);
const READ_FLAGS = fs.constants.O_RDONLY | SAFELY;
const WRITE_FLAGS = fs.constants.O_WRONLY | fs.constants.O_CREAT | SAFELY;

/** All folders that files lie in, relative to the root. */
export const FOLDERS: readonly string[] = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"));

// A third less work per call than file handles, which counts at seven hundred kilobytes each.
const open = promisify(fs.open);
const fstat = promisify(fs.fstat);
const read = promisify(fs.read) as (
  fd: number,
  buffer: Buffer,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesRead: number }>;
const write = promisify(fs.write) as (
  fd: number,
  buffer: Buffer,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesWritten: number }>;
const truncate = promisify(fs.ftruncate);
const close = promisify(fs.close);

/** The name of the file for a key: 128 bits of its SHA-256, in hexadecimal. */
export function nameOf(key: string): string {
  return nameFrom(hash("sha256", key, "buffer"));
}

/** The name with these first 16 bytes. */
export function nameFrom(bytes: Buffer): string {
  return bytes.toString("hex", 0, NAME_BYTES);
}

/** Whether `bytes` are what a name is made of. */
export function isNameBytes(bytes: unknown): bytes is Buffer {
  return Buffer.isBuffer(bytes) && bytes.length === NAME_BYTES;
}

/** The files beneath `root`, which is made when it is missing and something is written. */
export function diskFiles(root: string): DiskFiles {
  const folderOf = (name: string) => `${root}/${name.slice(0, 2)}`;
  const pathOf = (name: string) => `${folderOf(name)}/${name}`;
  return {
    async write(name, bytes) {
      const fd = await openToWrite(pathOf(name));
      try {
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await write(fd, bytes, done, bytes.length - done, done);
          done += bytesWritten;
        }
        await truncate(fd, bytes.length);
      } finally {
        await close(fd);
      }
    },

    async makeFolder(name) {
      await fs.promises.mkdir(folderOf(name), { recursive: true, mode: 0o700 });
    },

    async reuse(from, to) {
      try {
        await fs.promises.rename(pathOf(from), pathOf(to));
      } catch (error) {
        if (!isAbsence(error)) throw error;
        await remove(pathOf(from));
      }
    },

    async read(name, into, size) {
      const fd = await open(pathOf(name), READ_FLAGS);
      try {
        const { size: length } = await fstat(fd);
        if (length !== size) return false;
        for (let done = 0; done < size; ) {
          const { bytesRead } = await read(fd, into, done, size - done, done);
          if (bytesRead === 0) return false;
          done += bytesRead;
        }
        return true;
      } finally {
        await close(fd);
      }
    },

    remove: (name) => remove(pathOf(name)),

    async *list(folder) {
      try {
        const entries = await fs.promises.opendir(`${root}/${folder}`, { bufferSize: LISTED_AT_ONCE });
        for await (const entry of entries) {
          if (NAME.test(entry.name) && entry.name.startsWith(folder) && !entry.isDirectory()) yield entry.name;
        }
      } catch (error) {
        if (!isAbsence(error)) throw error;
      }
    },
  };
}

/** Whether the error says that there is no such file. */
export function isAbsence(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

async function remove(path: string): Promise<void> {
  try {
    await fs.promises.unlink(path);
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
}

async function openToWrite(path: string): Promise<number> {
  try {
    return await open(path, WRITE_FLAGS, 0o600);
  } catch (error) {
    // A link, or a pipe.
    if (!/^(ELOOP|ENXIO)$/.test(errorCode(error) ?? "")) throw error;
    await remove(path);
    return await open(path, WRITE_FLAGS, 0o600);
  }
}
