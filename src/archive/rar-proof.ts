import { crc32 } from "node:zlib";
import type { Cancel } from "../base/seekable-file.ts";
import type { StoredMember, Volume } from "./archive.ts";
import { memberFile, piecesFile } from "./member-file.ts";

const AES_BLOCK = 16;
/** Members of up to this size are decrypted whole, so that their checksum tells. */
const WHOLE_BYTES = 16 * 1024;
/** This many zeros in the padding are no accident. */
const MIN_PADDING = 4;

/** How files of some extensions begin: bytes in hex, and where they stand. */
const MAGICS: Readonly<Record<string, readonly (readonly [hex: string, at: number])[]>> = {
  mkv: [["1a45dfa3", 0]],
  webm: [["1a45dfa3", 0]],
  mp4: [["66747970", 4]],
  m4v: [["66747970", 4]],
  mov: [
    ["66747970", 4],
    ["6d6f6f76", 4],
    ["6d646174", 4],
    ["77696465", 4],
  ],
  avi: [["52494646", 0]],
  rar: [["526172211a07", 0]],
  "7z": [["377abcaf271c", 0]],
  zip: [["504b", 0]],
  flac: [["664c6143", 0]],
  jpg: [["ffd8ff", 0]],
  png: [["89504e47", 0]],
};

/**
 * What a decrypted member itself says about its key, for formats without a check value: its checksum when it is small, else how its kind
 * of file begins, and the zeros behind its end. "unknown" when nothing speaks for or against it.
 */
export async function proveCipher(
  member: StoredMember,
  volumes: readonly Volume[],
  cancel: Cancel,
): Promise<"right" | "wrong" | "unknown"> {
  if (member.size === 0) return "unknown";
  const file = memberFile(member, volumes);
  if (member.size <= WHOLE_BYTES && member.crc32 !== undefined) {
    const whole = await collect(file.read({ start: 0, end: member.size }, cancel));
    return crc32(whole) === member.crc32 ? "right" : "wrong";
  }
  const head = await collect(file.read({ start: 0, end: Math.min(AES_BLOCK, member.size) }, cancel));
  const magics = MAGICS[member.path.slice(member.path.lastIndexOf(".") + 1).toLowerCase()];
  if (magics?.some(([hex, at]) => head.subarray(at).toString("hex").startsWith(hex))) return "right";
  const paddedSize = piecesFile(member.pieces, volumes).size;
  if (paddedSize - member.size >= MIN_PADDING) {
    const padded = memberFile({ ...member, size: paddedSize }, volumes);
    const padding = await collect(padded.read({ start: member.size, end: paddedSize }, cancel));
    if (padding.every((byte) => byte === 0)) return "right";
    if (magics) return "wrong";
  }
  return "unknown";
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const chunk of chunks) copies.push(Buffer.from(chunk));
  return Buffer.concat(copies);
}
