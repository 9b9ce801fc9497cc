import { crc32 } from "node:zlib";
import { malformedSevenZip } from "./seven-zip-numbers.ts";

/** Length of the signature header, from whose end a 7z archive counts its positions. */
export const SEVEN_ZIP_START = 32;
const SIGNATURE = Buffer.from("377abcaf271c", "hex");

/** Where the header lies, which is at the end of the archive. */
export interface SevenZipStart {
  readonly headerStart: number;
  readonly headerSize: number;
  readonly headerCrc: number;
}

export function isSevenZip(head: Uint8Array): boolean {
  return SIGNATURE.equals(head.subarray(0, SIGNATURE.length));
}

/** The signature header out of a file's first 32 bytes. Throws ARCHIVE_MALFORMED. */
export function parseSevenZipStart(head: Uint8Array): SevenZipStart {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length);
  if (!isSevenZip(bytes) || bytes.length < SEVEN_ZIP_START) throw malformedSevenZip("it does not begin like one");
  if (crc32(bytes.subarray(12, 32)) !== bytes.readUInt32LE(8)) throw malformedSevenZip("its first bytes are damaged");
  const offset = Number(bytes.readBigUInt64LE(12));
  const headerSize = Number(bytes.readBigUInt64LE(20));
  if (!Number.isSafeInteger(SEVEN_ZIP_START + offset + headerSize)) throw malformedSevenZip("its size is absurd");
  return { headerStart: SEVEN_ZIP_START + offset, headerSize, headerCrc: bytes.readUInt32LE(28) };
}

/** How long the whole archive is, by its first 32 bytes; undefined when it is not, or no intact, 7z. */
export function sevenZipSize(head: Uint8Array): number | undefined {
  if (!isSevenZip(head)) return undefined;
  try {
    const { headerStart, headerSize } = parseSevenZipStart(head);
    return headerStart + headerSize;
  } catch {
    return undefined;
  }
}
