/**
 * Bodies on their way in, each in a file of its own while it is counted, so that its size never matters to memory before it is known.
 * Files that a dead process left behind are removed at the start.
 */
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { raceAbort } from "../base/abort.ts";
import { CatalogError, errorCode, FormatError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";

/** A body that has come; disposing removes it. */
export interface SpooledFile extends AsyncDisposable {
  readonly path: string;
  /** Its first bytes, at most four. */
  readonly magic: Buffer;
}

const MAGIC_BYTES = 4;

export class Spool {
  readonly #folder: string;
  #files = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the spool folder, empty. Rejects with the file system's error when it cannot. */
  static async open(dataDir: string): Promise<Spool> {
    const folder = join(dataDir, "spool");
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new Spool(folder);
  }

  /**
   * Reads a body to its end. Rejects with NZB_MALFORMED when it is empty, NZB_TOO_LARGE, DISK_FULL, the body's own error, or the signal's
   * reason at once, even while the body is silent; nothing is left behind then.
   */
  async keep(body: AsyncIterable<Uint8Array>, options: Cancel & { readonly maxBytes: number }): Promise<SpooledFile> {
    options.signal.throwIfAborted();
    this.#files += 1;
    const path = join(this.#folder, `${process.pid}-${this.#files}.nzb`);
    const remove = () => rm(path, { force: true });
    try {
      return { path, magic: await write(path, body, options), [Symbol.asyncDispose]: remove };
    } catch (error) {
      await remove();
      throw isFull(error) ? diskFull(error) : error;
    }
  }
}

async function write(
  path: string,
  body: AsyncIterable<Uint8Array>,
  { signal, maxBytes }: Cancel & { readonly maxBytes: number },
): Promise<Buffer> {
  const chunks = body[Symbol.asyncIterator]();
  let file: FileHandle | undefined;
  try {
    file = await open(path, "wx", 0o600);
    let magic = Buffer.alloc(0);
    let bytes = 0;
    for (;;) {
      const next = await raceAbort(chunks.next(), signal);
      if (next.done === true) break;
      bytes += next.value.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      if (magic.length < MAGIC_BYTES)
        magic = Buffer.concat([magic, next.value.subarray(0, MAGIC_BYTES - magic.length)]);
      await file.writeFile(next.value);
    }
    if (bytes === 0) throw new FormatError("NZB_MALFORMED", "the NZB is empty", { hint: "send the NZB as the body" });
    return magic;
  } catch (error) {
    // The source may be stuck in the very read that was given up, so nobody waits for it to close.
    void Promise.resolve(chunks.return?.()).catch(() => {});
    throw error;
  } finally {
    await file?.close();
  }
}

function tooLarge(maxBytes: number): FormatError {
  return new FormatError("NZB_TOO_LARGE", `the NZB is larger than ${maxBytes} bytes`, {
    hint: "raise imports.maxNzbBytes if it really is one, or send it packed with gzip",
  });
}

function isFull(error: unknown): boolean {
  return errorCode(error) === "ENOSPC" || errorCode(error) === "EDQUOT";
}

function diskFull(cause: unknown): CatalogError {
  return new CatalogError("DISK_FULL", "cannot store the NZB: the disk is full", {
    cause,
    hint: "make room on the disk of the data folder",
  });
}
