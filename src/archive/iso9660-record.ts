import { malformedImage } from "./iso-files.ts";

const SECTOR = 2048;
const FIXED_BYTES = 33;

/** A directory record of ISO 9660 (ECMA-119, 9.1). */
export interface DirectoryRecord {
  /** Logical blocks; the extended attribute record is already passed. */
  readonly block: number;
  readonly size: number;
  readonly modifiedAt: number | undefined;
  readonly isDirectory: boolean;
  /** An associated file, such as a resource fork. */
  readonly isAssociated: boolean;
  /** The next record continues this file. */
  readonly hasMore: boolean;
  readonly isInterleaved: boolean;
  readonly identifier: Buffer;
  readonly systemUse: Buffer;
}

/** The records of a directory's bytes; none crosses a sector's end. Throws ARCHIVE_MALFORMED. */
export function* directoryRecords(directory: Buffer): Generator<DirectoryRecord, void, undefined> {
  let at = 0;
  while (at < directory.length) {
    const length = directory[at] as number;
    const sectorEnd = at - (at % SECTOR) + SECTOR;
    if (length === 0) {
      at = sectorEnd;
      continue;
    }
    if (at + length > Math.min(sectorEnd, directory.length)) throw malformedImage("a directory record is cut off");
    yield parseRecord(directory.subarray(at, at + length));
    at += length;
  }
}

/** One record, which fills `bytes`. Throws ARCHIVE_MALFORMED. */
export function parseRecord(bytes: Buffer): DirectoryRecord {
  const nameEnd = FIXED_BYTES + (bytes[32] ?? 0);
  if (bytes.length <= FIXED_BYTES || nameEnd > bytes.length) throw malformedImage("a directory record is cut off");
  const flags = bytes[25] as number;
  return {
    block: bytes.readUInt32LE(2) + (bytes[1] as number),
    size: bytes.readUInt32LE(10),
    modifiedAt: parseDate(bytes),
    isDirectory: (flags & 0x02) !== 0,
    isAssociated: (flags & 0x04) !== 0,
    hasMore: (flags & 0x80) !== 0,
    isInterleaved: bytes[26] !== 0 || bytes[27] !== 0,
    identifier: bytes.subarray(FIXED_BYTES, nameEnd),
    // Names of even length are followed by a pad byte.
    systemUse: bytes.subarray(nameEnd + (nameEnd % 2)),
  };
}

/** ECMA-119, 9.1.5: years since 1900, month, day, hour, minute, second, and quarters of an hour east of Greenwich. */
function parseDate(record: Buffer): number | undefined {
  const [year, month, day, hour, minute, second] = record.subarray(18, 24) as unknown as number[];
  if (!month || !day) return undefined;
  const local = Date.UTC(1900 + (year as number), month - 1, day, hour, minute, second);
  return local - record.readInt8(24) * 15 * 60_000;
}
