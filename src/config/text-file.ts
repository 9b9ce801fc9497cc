import { closeSync, openSync, readSync } from "node:fs";
import { errorCode } from "../base/errors.ts";

/** The text of a file; undefined when there is none; throws when it cannot be read. */
export type ReadTextFile = (path: string) => string | undefined;

const MOST_BYTES = 1024 * 1024;

/** Reads any file that ends within 1 MiB, pipes too. */
export const readTextFile: ReadTextFile = (path) => {
  const file = openIfThere(path);
  if (file === undefined) return undefined;
  try {
    const bytes = Buffer.allocUnsafe(MOST_BYTES + 1);
    let length = 0;
    for (;;) {
      const read = readSync(file, bytes, length, bytes.length - length, null);
      length += read;
      if (length > MOST_BYTES) throw Object.assign(new Error("larger than 1 MiB"), { code: "EFBIG" });
      if (read === 0) return bytes.toString("utf8", 0, length);
    }
  } finally {
    closeSync(file);
  }
};

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "may not be read by this user",
  EPERM: "may not be read by this user",
  EISDIR: "is a folder, not a file",
  EFBIG: "is larger than 1 MiB",
};

/** Why a file could not be read, as the rest of a sentence. */
export function readFailure(error: unknown): string {
  const code = errorCode(error) ?? "unknown error";
  return WORDS[code] ?? `cannot be read (${code})`;
}
