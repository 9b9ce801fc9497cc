import { isUtf8 } from "node:buffer";
import { type Entry, getFileNameLowLevel, openPromise, type ZipFile } from "yauzl";
import { errorCode, errorMessage, FormatError } from "../base/errors.ts";
import { nzbBytes } from "./bundle-bytes.ts";
import { baseName } from "./safe-name.ts";
import { sentName } from "./sent-name.ts";

/** Of all kinds, NZBs or not. */
const MAX_ENTRIES = 1_000;
/** Names, and what programs note beside them. */
const MAX_DIRECTORY_BYTES = 4 * 1024 * 1024;
/** All NZBs of one bundle together, fully unpacked, may have so many times as many bytes as a single one. */
const TOTAL_FACTOR = 4;

/** APPNOTE 4.6.9. */
const UNICODE_PATH = 0x7075;

const NZB = /.\.nzb(?:\.gz)?$/is;

export interface BundledNzb {
  /** Without the folders it stands in. */
  readonly fileName: string;
  /** Its bytes, unpacked from the ZIP, and from gzip too. To be read one after the other. */
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
    const tooMuch = () =>
      new FormatError("NZB_TOO_LARGE", `the NZBs of the ZIP have more than ${total} bytes together`, {
        hint: "make several ZIPs of it, or raise imports.maxNzbBytes if they really are that large",
      });
    if (claimed > total) throw tooMuch();
    // The directory bounds only what is packed once.
    let left = total;
    const spend = (bytes: number) => {
      left -= bytes;
      if (left < 0) throw tooMuch();
    };
    return {
      nzbs: entries.map(({ fileName, entry }) => ({
        fileName: sentName(fileName),
        open: () => nzbBytes(zip, entry, spend),
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
  let bytes = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      bytes += entry.fileNameRaw.length + entry.extraFieldRaw.length + entry.fileCommentRaw.length;
      if (bytes > MAX_DIRECTORY_BYTES) throw new Error("its directory is too long");
      found.push({ fileName: nameOf(entry), entry });
    }
  } catch (error) {
    throw broken(error);
  }
  return found;
}

/** UTF-8 where it can be that, since macOS does not say so; else as APPNOTE appendix D has it. */
function nameOf({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry): string {
  const hasOther = extraFields.some(({ id }) => id === UNICODE_PATH);
  if (!hasOther && isUtf8(fileNameRaw)) return fileNameRaw.toString("utf8");
  return getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, false);
}

/** Whether it is an NZB, and none of the shadows that macOS packs beside its files. */
function isWanted(path: string): boolean {
  return NZB.test(path) && !baseName(path).startsWith(".") && !path.startsWith("__MACOSX/");
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
