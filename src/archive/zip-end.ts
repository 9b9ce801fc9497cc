import { FormatError } from "../base/errors.ts";
import type { HeaderReader } from "./header-reader.ts";
import type { JoinedFile } from "./joined-file.ts";
import { refusal } from "./refusals.ts";

const END = 0x06054b50;
const END_BYTES = 22;
const LOCATOR = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64 = 0x06064b50;
const END64_BYTES = 56;
const ENTRY = 0x02014b50;
const MAGICS = ["504b0304", "504b0708", "504b0506", "504b3030"].map((hex) => Buffer.from(hex, "hex"));
/** APPNOTE 4.4.3.2: 6.2 is the first version that encrypts the directory. */
const ENCRYPTED_DIRECTORY_VERSION = 62;
const MAX_COMMENT = 0xffff;
/** Comments are rare and short, and small archives have their whole directory in here. */
const FIRST_TAIL = 8 * 1024;
const WHOLE_TAIL = LOCATOR_BYTES + END_BYTES + MAX_COMMENT;
const ALL_ONES_16 = 0xffff;
const ALL_ONES_32 = 0xffffffff;

/** The advice for what is encrypted in a way that cannot be read. */
export const NO_PASSWORD_HELPS = "no password helps: get a post that is not encrypted in this way";

/** What the end of a ZIP file says of the rest; positions are in the joined file. */
export interface ZipEnd {
  readonly entries: number;
  readonly directoryStart: number;
  readonly directorySize: number;
  /** Where a header lies that the directory puts at this offset of this disk; undefined when there is no such disk. */
  locate(disk: number, offset: number): number | undefined;
  /** Reads, or takes out of what was read to find the end. */
  cached(reader: HeaderReader, at: number, length: number): Promise<Buffer>;
}

/** As the two kinds of end record have it. */
interface EndRecord {
  readonly at: number;
  readonly disk: number;
  readonly directoryDisk: number;
  readonly entries: number;
  readonly directorySize: number;
  readonly directoryOffset: number;
}

/** The tail of a file that was read. */
interface Tail {
  readonly start: number;
  readonly bytes: Buffer;
}

/**
 * Finds the end record, which a comment of up to 65,535 bytes may follow (APPNOTE 4.3.14 to 4.3.16). Throws ARCHIVE_MALFORMED; and
 * ARCHIVE_INCOMPLETE when the archive says that it has other disks than the volumes that were joined.
 */
export async function readZipEnd(reader: HeaderReader, file: JoinedFile, volumes: number): Promise<ZipEnd> {
  let tail = await readTail(reader, FIRST_TAIL);
  let at = findEnd(tail);
  if (at === undefined && tail.start > 0) {
    tail = await readTail(reader, WHOLE_TAIL);
    at = findEnd(tail);
  }
  if (at === undefined) throw await endless(reader);
  const narrow = endRecord(tail.bytes.subarray(at), tail.start + at);
  const end = (await wideRecord(reader, file, tail, at)) ?? narrow;
  const disks = end.disk + 1;
  // A byte split has pieces, but no disks.
  const isSpanned = disks > 1;
  if (isSpanned && disks !== volumes) {
    throw refusal("ARCHIVE_INCOMPLETE", `the zip archive has ${disks} volumes, of which ${volumes} are there`);
  }
  const cached = async (from: HeaderReader, start: number, length: number): Promise<Buffer> => {
    const offset = start - tail.start;
    const isIn = offset >= 0 && length >= 0 && offset + length <= tail.bytes.length;
    return isIn ? tail.bytes.subarray(offset, offset + length) : await from.bytes(start, length);
  };
  const diskStart = (disk: number) => (isSpanned ? file.startOf(disk) : disk === 0 ? 0 : undefined);
  const base = isSpanned ? 0 : await shift(reader, end, cached);
  const begin = diskStart(end.directoryDisk);
  if (begin === undefined) throw malformedZip("its directory is on a volume that it does not have");
  return {
    entries: end.entries,
    directoryStart: base + begin + end.directoryOffset,
    directorySize: end.directorySize,
    locate(disk, offset) {
      const start = diskStart(disk);
      return start === undefined ? undefined : base + start + offset;
    },
    cached,
  };
}

/** Whether the end is missing from what begins like an archive. */
async function endless(reader: HeaderReader): Promise<FormatError> {
  const head = await reader.bytes(0, Math.min(4, reader.size));
  if (!isZip(head)) return malformedZip("it is none");
  return refusal("ARCHIVE_INCOMPLETE", "the zip archive has no end: its last part is missing or damaged");
}

/** Whether a file begins as a ZIP archive does: with a member, with one of two marks of spanned ones, or at once with its end. */
export function isZip(head: Uint8Array): boolean {
  return MAGICS.some((magic) => magic.equals(head.subarray(0, magic.length)));
}

async function readTail(reader: HeaderReader, length: number): Promise<Tail> {
  const start = Math.max(0, reader.size - length);
  return { start, bytes: await reader.bytes(start, reader.size - start) };
}

/** The last record whose comment fits into the file; what follows that is padding. */
function findEnd({ bytes }: Tail): number | undefined {
  for (let at = bytes.length - END_BYTES; at >= 0; at--) {
    if (bytes.readUInt32LE(at) === END && at + END_BYTES + bytes.readUInt16LE(at + 20) <= bytes.length) return at;
  }
  return undefined;
}

function endRecord(bytes: Buffer, at: number): EndRecord {
  return {
    at,
    disk: bytes.readUInt16LE(4) === ALL_ONES_16 ? 0 : bytes.readUInt16LE(4),
    directoryDisk: bytes.readUInt16LE(6) === ALL_ONES_16 ? 0 : bytes.readUInt16LE(6),
    entries: bytes.readUInt16LE(10),
    directorySize: bytes.readUInt32LE(12),
    directoryOffset: bytes.readUInt32LE(16),
  };
}

/** The ZIP64 record, when a locator stands before the end record. */
async function wideRecord(
  reader: HeaderReader,
  file: JoinedFile,
  tail: Tail,
  endAt: number,
): Promise<EndRecord | undefined> {
  const { bytes } = tail;
  const locatorAt = endAt - LOCATOR_BYTES;
  if (locatorAt < 0 || bytes.readUInt32LE(locatorAt) !== LOCATOR) {
    const end = bytes.subarray(endAt);
    const isWide = end.readUInt16LE(10) === ALL_ONES_16 && end.readUInt32LE(16) === ALL_ONES_32;
    if (isWide) throw malformedZip("its 64-bit end is missing");
    return undefined;
  }
  const disk = bytes.readUInt32LE(locatorAt + 4);
  const disks = bytes.readUInt32LE(locatorAt + 16);
  const start = disks > 1 ? file.startOf(disk) : 0;
  if (start === undefined) {
    throw refusal("ARCHIVE_INCOMPLETE", `the zip archive has ${disks} volumes, of which some are missing`);
  }
  const says = start + safe(bytes.readBigUInt64LE(locatorAt + 8));
  const stands = tail.start + locatorAt - END64_BYTES;
  // Where something was put in front of the archive only the second is right.
  for (const at of [says, stands]) {
    if (at < 0 || at + END64_BYTES > file.size) continue;
    const record = await reader.bytes(at, END64_BYTES);
    if (record.readUInt32LE(0) !== END64) continue;
    if (record.readUInt16LE(14) >= ENCRYPTED_DIRECTORY_VERSION) throw encryptedDirectory();
    return {
      at,
      disk: record.readUInt32LE(16),
      directoryDisk: record.readUInt32LE(20),
      entries: safe(record.readBigUInt64LE(32)),
      directorySize: safe(record.readBigUInt64LE(40)),
      directoryOffset: safe(record.readBigUInt64LE(48)),
    };
  }
  throw malformedZip("its 64-bit end is missing");
}

/** By how much all offsets are wrong because something, like a program that unpacks it, was put in front of the archive. */
async function shift(reader: HeaderReader, end: EndRecord, cached: ZipEnd["cached"]): Promise<number> {
  const { at, entries, directoryOffset, directorySize } = end;
  const moved = at - directorySize - directoryOffset;
  if (moved === 0 || entries === 0) return 0;
  for (const base of [0, moved]) {
    const start = base + directoryOffset;
    if (base < 0 || start + 4 > reader.size) continue;
    if ((await cached(reader, start, 4)).readUInt32LE() === ENTRY) return base;
  }
  throw malformedZip("its directory is not where it should be");
}

function encryptedDirectory(): FormatError {
  const what =
    "the list of members of the zip archive is encrypted with PKWARE's strong encryption, which is not supported";
  return new FormatError("ARCHIVE_ENCRYPTED", what, { hint: NO_PASSWORD_HELPS });
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformedZip("a size in it is absurd");
  return Number(value);
}

/** What is thrown for a ZIP file that no program can read. */
export function malformedZip(why: string): FormatError {
  return refusal("ARCHIVE_MALFORMED", `the zip archive cannot be read: ${why}`);
}
