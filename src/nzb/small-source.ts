import { readFile, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { NzbSource } from "./parser-protocol.ts";

const unpack = promisify(gunzip);

/** The whole document, unpacked, when it has at most `maxBytes`; undefined for a larger one, and for one that cannot be read or unpacked. */
export async function smallDocument(source: NzbSource, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    if ("path" in source && (await stat(source.path)).size > maxBytes) return undefined;
    const bytes = "path" in source ? await readFile(source.path) : source.bytes;
    if (bytes.length > maxBytes) return undefined;
    const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return isPacked ? await unpack(bytes, { maxOutputLength: maxBytes }) : bytes;
  } catch {
    // The thread reads it again and says what is wrong with it.
    return undefined;
  }
}
