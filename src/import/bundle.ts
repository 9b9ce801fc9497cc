import { pipeline } from "node:stream/promises";
import { crc32, createInflateRaw } from "node:zlib";
import { type Entry, getFileNameLowLevel, openPromise, type ZipFile } from "yauzl";
import { errorCode, errorMessage, FormatError } from "../base/errors.ts";
import { baseName } from "./safe-name.ts";

/** Of all kinds, NZBs or not. */
const MAX_ENTRIES = 1_000;
/** All NZBs of one bundle together may have so many times as many bytes as a single one. */
const TOTAL_FACTOR = 4;
/** APPNOTE 4.4.5. */
const STORED = 0;
const DEFLATED = 8;

const NZB = /.\.nzb(?:\.gz)?$/is;

export interface BundledNzb {
  /** Without the folders it stands in. */
  readonly fileName: string;
  /** Its bytes as they were before they were packed into the ZIP. To be read one after the other. */
  open(): AsyncGenerator<Uint8Array, void, undefined>;
}

/** A ZIP of NZBs; disposing closes its file. */
export interface Bundle extends Disposable {
  /** Those that stand in it at any depth, in the order of the ZIP, at least one. */
  readonly nzbs: readonly BundledNzb[];
}

export function isZip(magic: Uint8Array): boolean {
  return Buffer.from(magic).toString("latin1") === "PK\x03\x04";
}

/**
 * Opens a ZIP (APPNOTE 6.3) of which each NZB may have `maxNzbBytes`. Rejects with NZB_TOO_LARGE when it claims to hold more than is read,
 * with NZB_MALFORMED when it cannot be read, holds encrypted NZBs, or none; what is wrong with one NZB is thrown while that one is read.
 */
export async function openBundle(path: string, maxNzbBytes: number): Promise<Bundle> {
  const zip = await opened(path);
  try {
    const entries = (await entriesOf(zip)).filter(({ fileName }) => isWanted(fileName));
    if (entries.length === 0) {
      throw new FormatError("NZB_MALFORMED", "the ZIP holds no NZB", {
        hint: "only files called .nzb or .nzb.gz are taken out of it",
      });
    }
    if (entries.some(({ entry }) => entry.isEncrypted())) throw encrypted();
    const total = maxNzbBytes * TOTAL_FACTOR;
    const claimed = entries.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
    if (claimed > total) {
      throw new FormatError("NZB_TOO_LARGE", `the NZBs of the ZIP have more than ${total} bytes together`, {
        hint: "make several ZIPs of it, or raise imports.maxNzbBytes if they really are that large",
      });
    }
    return {
      nzbs: entries.map(({ fileName, entry }) => ({
        fileName: baseName(fileName),
        open: () => bytesOf(zip, entry),
      })),
      [Symbol.dispose]: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

interface NamedEntry {
  readonly fileName: string;
  readonly entry: Entry;
}

async function opened(path: string): Promise<ZipFile> {
  try {
    // With names decoded by yauzl, one that leads out of the ZIP would spoil all of it; here they name nothing but releases.
    return await openPromise(path, { autoClose: false, decodeStrings: false });
  } catch (error) {
    throw broken(error);
  }
}

async function entriesOf(zip: ZipFile): Promise<readonly NamedEntry[]> {
  if (zip.entryCount > MAX_ENTRIES) {
    throw new FormatError("NZB_TOO_LARGE", `the ZIP holds more than ${MAX_ENTRIES} files`, {
      hint: "make several ZIPs of it",
    });
  }
  const found: NamedEntry[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      const { generalPurposeBitFlag, fileNameRaw, extraFields } = entry;
      found.push({ fileName: getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, false), entry });
    }
  } catch (error) {
    throw broken(error);
  }
  return found;
}

/** Whether it is an NZB, and none of the shadows that macOS packs beside its files. */
function isWanted(path: string): boolean {
  return NZB.test(path) && !baseName(path).startsWith(".") && !path.startsWith("__MACOSX/");
}

/** Never more than the ZIP's directory claims, so that all of them are within the bound that was checked there. */
async function* bytesOf(zip: ZipFile, entry: Entry): AsyncGenerator<Uint8Array, void, undefined> {
  const { uncompressedSize, crc32: wanted } = entry;
  let size = 0;
  let checksum = 0;
  for await (const chunk of unpacked(zip, entry)) {
    size += chunk.length;
    if (size > uncompressedSize) throw damaged("it is longer than the ZIP says");
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  if (size !== uncompressedSize) throw damaged("it is shorter than the ZIP says");
  if (checksum !== wanted) throw damaged("its checksum is another one than the ZIP says");
}

async function* unpacked(zip: ZipFile, entry: Entry): AsyncGenerator<Uint8Array, void, undefined> {
  const { compressionMethod: method } = entry;
  if (method !== STORED && method !== DEFLATED) {
    throw new FormatError("NZB_MALFORMED", `the NZB is packed by a method of ZIP that is not understood (${method})`, {
      hint: "pack it with Deflate, as every program can",
    });
  }
  try {
    const packed = await zip.openReadStreamPromise(entry, { decodeFileData: false });
    if (method === STORED) {
      yield* packed;
      return;
    }
    const inflate = createInflateRaw();
    const pumped = pipeline(packed, inflate);
    // The loop below reports the same failure.
    pumped.catch(() => {});
    yield* inflate;
  } catch (error) {
    throw errorCode(error) === undefined || errorCode(error)?.startsWith("Z_") ? damaged(errorMessage(error)) : error;
  }
}

function damaged(why: string): FormatError {
  return new FormatError("NZB_MALFORMED", `the NZB is damaged: ${why}`, { hint: "make or download the ZIP again" });
}

/** Errors of the file system have a code, and say nothing about the ZIP. */
function broken(cause: unknown): unknown {
  if (errorCode(cause) !== undefined) return cause;
  if (errorMessage(cause).includes("encryption")) return encrypted();
  return new FormatError("NZB_MALFORMED", `the ZIP cannot be read: ${errorMessage(cause).toLowerCase()}`, {
    hint: "make or download it again; ZIPs of several parts are not understood",
    cause,
  });
}

function encrypted(): FormatError {
  return new FormatError("NZB_MALFORMED", "the ZIP is encrypted", { hint: "unpack it, and send the NZBs in it" });
}
