import { Entry, type ExtraField, getFileNameLowLevel, parseExtraFields } from "yauzl";
import type { HeaderReader } from "./header-reader.ts";
import { malformedZip, type ZipEnd } from "./zip-end.ts";

/** Local headers are masked, because the directory is encrypted. */
const FLAG_MASKED = 0x2000;

const SIGNATURE = 0x02014b50;
const FIXED_BYTES = 46;
const ZIP64_EXTRA = 0x0001;
const AES_EXTRA = 0x9901;
const ALL_ONES_16 = 0xffff;
const ALL_ONES_32 = 0xffffffff;
/** APPNOTE 4.4.2.2: the system whose attributes an entry has, in the high byte of the version that made it. */
const HOST_DOS = 0;
const HOST_UNIX = 3;
const DOS_DIRECTORY = 0x10;
/** Of a Unix mode, which stands in the high half of the attributes. */
const TYPE_MASK = 0o170000;
const TYPE_LINK = 0o120000;
/** Far above any real archive; keeps the list of members in tens of megabytes. */
const MAX_ENTRIES = 250_000;
const MAX_DIRECTORY = 64 * 1024 * 1024;

/** An entry of the central directory (APPNOTE 4.3.12). */
export interface ZipEntry {
  readonly path: string;
  /** False for folders and symbolic links. */
  readonly isListed: boolean;
  readonly flags: number;
  readonly method: number;
  readonly size: number;
  readonly packedSize: number;
  readonly crc32: number;
  readonly modifiedAt: number | undefined;
  readonly disk: number;
  /** Of the local header, on that disk. */
  readonly offset: number;
  /** What WinZip's AES adds, where the entry has that. */
  readonly aesExtra: Buffer | undefined;
  /** Why it cannot be used, when its own fields contradict each other. */
  readonly flaw: string | undefined;
}

/** All entries of the directory, read in one piece. Throws ARCHIVE_MALFORMED when they cannot be told apart. */
export async function readZipDirectory(reader: HeaderReader, end: ZipEnd): Promise<readonly ZipEntry[]> {
  const { directoryStart, directorySize, entries } = end;
  if (entries > MAX_ENTRIES || directorySize > MAX_DIRECTORY)
    throw malformedZip("it has more members than any real archive");
  if (entries * FIXED_BYTES > directorySize) throw malformedZip("its directory is too short for its members");
  const directory = await end.cached(reader, directoryStart, directorySize);
  const found: ZipEntry[] = [];
  for (let at = 0; found.length < entries; ) {
    if (at + FIXED_BYTES > directory.length) throw malformedZip("its directory ends too early");
    if (directory.readUInt32LE(at) !== SIGNATURE) throw malformedZip("its directory is damaged");
    const length = lengthAt(directory, at);
    if (at + length > directory.length) throw malformedZip("its directory ends too early");
    found.push(parseEntry(directory.subarray(at, at + length)));
    at += length;
  }
  return found;
}

function lengthAt(directory: Buffer, at: number): number {
  return (
    FIXED_BYTES + directory.readUInt16LE(at + 28) + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  );
}

function parseEntry(bytes: Buffer): ZipEntry {
  const flags = bytes.readUInt16LE(8);
  const nameEnd = FIXED_BYTES + bytes.readUInt16LE(28);
  const { extraFields, isWhole } = extras(bytes.subarray(nameEnd, nameEnd + bytes.readUInt16LE(30)));
  const path = getFileNameLowLevel(flags, bytes.subarray(FIXED_BYTES, nameEnd), extraFields, false);
  const zip64 = extraFields.find(({ id }) => id === ZIP64_EXTRA)?.data ?? Buffer.alloc(0);
  const wide = wideFields(bytes, zip64);
  const host = bytes.readUInt8(5);
  const isDosFolder = host === HOST_DOS && (bytes.readUInt32LE(38) & DOS_DIRECTORY) !== 0 && wide.size === 0;
  const isLink = host === HOST_UNIX && (bytes.readUInt16LE(40) & TYPE_MASK) === TYPE_LINK;
  return {
    ...wide,
    path,
    isListed: !path.endsWith("/") && !isDosFolder && !isLink,
    flags,
    method: bytes.readUInt16LE(10),
    crc32: bytes.readUInt32LE(16),
    modifiedAt: modifiedAt(bytes, extraFields),
    aesExtra: extraFields.find(({ id }) => id === AES_EXTRA)?.data,
    flaw: flawOf(flags, isWhole, wide),
  };
}

function flawOf(flags: number, isWhole: boolean, wide: WideFields): string | undefined {
  if ((flags & FLAG_MASKED) !== 0) return "hides what it is";
  if (!isWhole) return "has damaged extra fields";
  const { size, packedSize, offset, disk } = wide;
  return [size, packedSize, offset, disk].every(Number.isSafeInteger) ? undefined : "lacks its 64-bit sizes";
}

/** NaN where the 64-bit field is missing, or above 2^53. */
interface WideFields {
  readonly size: number;
  readonly packedSize: number;
  readonly disk: number;
  readonly offset: number;
}

/** APPNOTE 4.5.3: the extra field holds, in this order, those that are all ones in the entry. */
function wideFields(bytes: Buffer, zip64: Buffer): WideFields {
  let at = 0;
  const wide = (length: 4 | 8): number => {
    at += length;
    if (at > zip64.length) return Number.NaN;
    return length === 4 ? zip64.readUInt32LE(at - 4) : safe(zip64.readBigUInt64LE(at - 8));
  };
  const field = (value: number): number => (value === ALL_ONES_32 ? wide(8) : value);
  const size = field(bytes.readUInt32LE(24));
  const packedSize = field(bytes.readUInt32LE(20));
  const offset = field(bytes.readUInt32LE(42));
  const disk = bytes.readUInt16LE(34);
  return { size, packedSize, offset, disk: disk === ALL_ONES_16 ? wide(4) : disk };
}

function safe(value: bigint): number {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Number.NaN;
}

function extras(bytes: Buffer): { readonly extraFields: ExtraField[]; readonly isWhole: boolean } {
  try {
    return { extraFields: parseExtraFields(bytes), isWhole: true };
  } catch {
    return { extraFields: [], isWhole: false };
  }
}

/** DOS times have no zone; they are taken as UTC, so that an archive looks the same everywhere. */
function modifiedAt(bytes: Buffer, extraFields: ExtraField[]): number | undefined {
  const dated = { extraFields, lastModFileTime: bytes.readUInt16LE(12), lastModFileDate: bytes.readUInt16LE(14) };
  const ms = Object.assign(new Entry(), dated).getLastModDate({ timezone: "UTC" }).getTime();
  return Number.isNaN(ms) ? undefined : ms;
}
