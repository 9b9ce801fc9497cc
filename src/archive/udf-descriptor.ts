import type { ByteRange } from "../base/byte-range.ts";
import type { HeaderReader } from "./header-reader.ts";
import { malformedImage } from "./iso-files.ts";

/** Tag identifiers (ECMA-167, 3/7.2.1 and 4/7.2.1). */
export const TAG = {
  anchor: 2,
  pointer: 3,
  partition: 5,
  logicalVolume: 6,
  terminating: 8,
  fileSet: 256,
  fileIdentifier: 257,
  allocationExtent: 258,
  fileEntry: 261,
  extendedFileEntry: 266,
} as const;

/** A logical block, by the number of its partition in the logical volume's list (ECMA-167, 4/7.1). */
export interface BlockAddress {
  readonly block: number;
  readonly partition: number;
}

/** The logical blocks of a volume as bytes of the image. */
export interface UdfSpace {
  readonly reader: HeaderReader;
  readonly blockSize: number;
  /** Where these bytes lie, in order. Throws ARCHIVE_MALFORMED for a partition that is not there. */
  locate(from: BlockAddress, length: number): readonly ByteRange[];
}

/** The bytes at an address, which may lie in several places. */
export async function readBlocks(space: UdfSpace, from: BlockAddress, length: number): Promise<Buffer> {
  return readRuns(space.reader, space.locate(from, length));
}

export async function readRuns(reader: HeaderReader, runs: readonly ByteRange[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (const { start, end } of runs) parts.push(await reader.bytes(start, end - start));
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

/** The identifier of the descriptor that begins here, by a tag whose checksum is right (ECMA-167, 3/7.2); undefined without one. */
export function tagOf(bytes: Buffer): number | undefined {
  if (bytes.length < 16) return undefined;
  let sum = 0;
  for (let at = 0; at < 16; at += 1) if (at !== 4) sum += bytes[at] as number;
  // Sixteen zeros add up as well.
  return (sum & 0xff) === bytes[4] && bytes.readUInt16LE(0) !== 0 ? bytes.readUInt16LE(0) : undefined;
}

/** The address in a long allocation descriptor (ECMA-167, 4/14.14.2). */
export function longAddress(bytes: Buffer, at: number): BlockAddress {
  return { block: bytes.readUInt32LE(at + 4), partition: bytes.readUInt16LE(at + 8) };
}

/** Milliseconds since 1970 of a timestamp (ECMA-167, 1/7.3); minutes east of Greenwich are 12 bits with a sign, -2047 when unknown. */
export function parseTimestamp(bytes: Buffer, at: number): number | undefined {
  const month = bytes[at + 4];
  const day = bytes[at + 5];
  if (!month || !day) return undefined;
  const [hour, minute, second] = bytes.subarray(at + 6, at + 9) as unknown as number[];
  const local = Date.UTC(bytes.readInt16LE(at + 2), month - 1, day, hour, minute, second);
  const zone = (bytes.readUInt16LE(at) << 20) >> 20;
  const time = local - (Math.abs(zone) <= 1440 ? zone : 0) * 60_000;
  return Number.isFinite(time) ? time : undefined;
}

/** The descriptor of this kind. Throws ARCHIVE_MALFORMED when it is none, or shorter than `least` bytes. */
export function requireTag(bytes: Buffer, tag: number, least: number): Buffer {
  if (tagOf(bytes) !== tag || bytes.length < least) throw malformedImage(`a UDF descriptor of kind ${tag} is damaged`);
  return bytes;
}
