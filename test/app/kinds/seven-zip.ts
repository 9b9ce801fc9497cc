import { createCipheriv, createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { bytesContent, type Content } from "../../../src/newsserver/content.ts";
import { join, number } from "../../archive/seven-zip-writer.ts";
import { bytesOf, cut, joined, type Named } from "./contents.ts";
import { LZMA_PROPERTIES, packLzma } from "./lzma.ts";

export interface SevenZip {
  readonly files: readonly Named[];
  /** How the list of members is packed, as 7-Zip does it for few files, for many, and with `-mhe`. */
  readonly header: "plain" | "lzma" | "encrypted";
  /** Encrypts the members too. */
  readonly password?: string;
}

/** log2 of the rounds, as 7-Zip has it. */
const POWER = 19;
const IV = Buffer.from("0123456789abcdef");
const AES_PROPERTIES = Buffer.concat([Buffer.from([POWER | 0x40, 0x0f]), IV]);
const AES_CODER = [0x24, Buffer.from("06f10701", "hex"), number(AES_PROPERTIES.length), AES_PROPERTIES];
const LZMA_CODER = [0x23, Buffer.from("030101", "hex"), number(LZMA_PROPERTIES.length), LZMA_PROPERTIES];

/** A 7z archive of stored members, one folder each, as 7-Zip lays it out; members without a password may be of any size. */
export function sevenZip({ files, header, password }: SevenZip): Content {
  const key = password === undefined ? undefined : keyOf(password);
  const packs = files.map(({ content }) =>
    key === undefined ? content : bytesContent(encrypt(bytesOf(content), key)),
  );
  const packed = joined(packs);
  const plain = headerOf(files, packs, key !== undefined);
  if (header === "plain") return withStart([packed], plain);
  const squeezed = packLzma(plain);
  if (header === "lzma") {
    const folder = [1, ...LZMA_CODER, 0x0c, number(plain.length)];
    return withStart(
      [packed, bytesContent(squeezed)],
      encoded(packed.size, squeezed, [...folder, 0x0a, 1, sum(plain)]),
    );
  }
  if (key === undefined) throw new RangeError("an encrypted header takes a password");
  const locked = encrypt(squeezed, key);
  const folder = [2, ...AES_CODER, ...LZMA_CODER, 1, 0, 0x0c, number(squeezed.length), number(plain.length)];
  return withStart([packed, bytesContent(locked)], encoded(packed.size, locked, [...folder, 0x0a, 1, sum(plain)]));
}

/** The pieces of a split archive: `.001`, `.002` and so on. */
export function splitInto(name: string, content: Content, pieceSize: number): readonly Named[] {
  return cut(content, pieceSize).map((piece, index) => ({
    name: `${name}.${String(index + 1).padStart(3, "0")}`,
    content: piece,
  }));
}

function headerOf(files: readonly Named[], packs: readonly Content[], isEncrypted: boolean): Buffer {
  const coder = isEncrypted ? [1, ...AES_CODER] : [1, 1, 0];
  const packInfo = [6, number(0), number(packs.length), 9, ...packs.map(({ size }) => number(size)), 0];
  const unpackInfo = [7, 0x0b, number(files.length), 0, ...files.flatMap(() => coder), 0x0c];
  const sizes = files.map(({ content }) => number(content.size));
  // One stream of each folder, and no checksums: those of a terabyte would take their time.
  const streams = [4, ...packInfo, ...unpackInfo, ...sizes, 0, 0];
  const names = Buffer.from(`\0${files.map(({ name }) => `${name}\0`).join("")}`, "utf16le").subarray(1);
  return join([1, ...streams, 5, number(files.length), 0x11, number(names.length), names, 0, 0]);
}

/** The header that says where the real one is, and how it is packed. */
function encoded(packPosition: number, packed: Buffer, folder: readonly (number | Buffer)[]): Buffer {
  const packInfo = [6, number(packPosition), number(1), 9, number(packed.length), 0];
  return join([0x17, ...packInfo, 7, 0x0b, number(1), 0, ...folder, 0, 0]);
}

function withStart(packed: readonly Content[], header: Buffer): Content {
  const start = Buffer.alloc(20);
  start.writeBigUInt64LE(BigInt(packed.reduce((total, { size }) => total + size, 0)), 0);
  start.writeBigUInt64LE(BigInt(header.length), 8);
  sum(header).copy(start, 16);
  const head = Buffer.concat([Buffer.from("377abcaf271c0004", "hex"), sum(start), start]);
  return joined([bytesContent(head), ...packed, bytesContent(header)]);
}

function encrypt(plain: Buffer, key: Buffer): Buffer {
  const padded = Buffer.concat([plain, Buffer.alloc((16 - (plain.length % 16)) % 16)]);
  const aes = createCipheriv("aes-256-cbc", key, IV).setAutoPadding(false);
  return Buffer.concat([aes.update(padded), aes.final()]);
}

/** SHA-256 over 2^19 times the password in UTF-16 and a counter. */
function keyOf(password: string): Buffer {
  const word = Buffer.from(password, "utf16le");
  const rounds = Buffer.alloc(2 ** POWER * (word.length + 8));
  for (let round = 0, at = 0; round < 2 ** POWER; round += 1, at += word.length + 8) {
    word.copy(rounds, at);
    rounds.writeUInt32LE(round, at + word.length);
  }
  return createHash("sha256").update(rounds).digest();
}

function sum(bytes: Buffer): Buffer {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(bytes));
  return checksum;
}
