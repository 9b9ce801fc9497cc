import { createCipheriv, createHash } from "node:crypto";
import { crc32 } from "node:zlib";

interface WrittenFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Files that lie one after the other in one stream, which is encrypted when there is a password. */
export interface WrittenFolder {
  readonly files: readonly WrittenFile[];
  readonly password?: string;
  /** log2 of the rounds. */
  readonly power?: number;
}

const SALT = Buffer.from("salt");
const IV = Buffer.from("0123456789abcdef");

/** A 7z archive with a plain header and stored folders, to be read by 7-Zip too. */
export function writeSevenZip(folders: readonly WrittenFolder[]): Buffer {
  const packs = folders.map(pack);
  const files = folders.flatMap((folder) => folder.files);
  const packInfo = [6, number(0), number(packs.length), 9, ...packs.map(({ length }) => number(length)), 0];
  const coders = folders.flatMap(({ files: inside, password, power = 5 }) => {
    const size = number(inside.reduce((sum, { bytes }) => sum + bytes.length, 0));
    const properties = Buffer.concat([Buffer.from([power | 0xc0, 0x3f]), SALT, IV]);
    const aes = [1, 0x24, Buffer.from("06f10701", "hex"), number(properties.length), properties];
    return [{ coder: password === undefined ? [1, 1, 0] : aes, size }];
  });
  const unpackInfo = [7, 0x0b, number(coders.length), 0, ...coders.flatMap(({ coder }) => coder), 0x0c];
  const sizes = folders.flatMap((folder) => folder.files.slice(0, -1).map(({ bytes }) => number(bytes.length)));
  const substreams = [8, 0x0d, ...folders.map((folder) => number(folder.files.length)), 9, ...sizes, 0x0a, 1];
  const sums = files.map(({ bytes }) => u32(crc32(bytes)));
  const names = Buffer.concat([Buffer.from([0]), ...files.map(({ name }) => Buffer.from(`${name}\0`, "utf16le"))]);
  const header = join([
    1,
    4,
    ...packInfo,
    ...unpackInfo,
    ...coders.map(({ size }) => size),
    0,
    ...substreams,
    ...sums,
    0,
    0,
  ]);
  const whole = Buffer.concat([header, join([5, number(files.length), 0x11, number(names.length), names, 0, 0])]);
  return withStart(Buffer.concat(packs), whole);
}

/** The signature header, packed streams, and the header at the end. */
export function withStart(packed: Buffer, header: Buffer): Buffer {
  const start = Buffer.alloc(20);
  start.writeBigUInt64LE(BigInt(packed.length), 0);
  start.writeBigUInt64LE(BigInt(header.length), 8);
  start.writeUInt32LE(crc32(header), 16);
  return Buffer.concat([Buffer.from("377abcaf271c0004", "hex"), u32(crc32(start)), start, packed, header]);
}

/** A NUMBER. */
export function number(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  let first = 0;
  for (let mask = 0x80; rest >= mask; mask >>= 1) {
    bytes.push(rest % 256);
    rest = Math.floor(rest / 256);
    first |= mask;
  }
  return Buffer.from([first | rest, ...bytes]);
}

export function join(parts: readonly (number | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : part)));
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function pack({ files, password, power = 5 }: WrittenFolder): Buffer {
  const plain = Buffer.concat(files.map(({ bytes }) => bytes));
  if (password === undefined) return plain;
  const cipher = createCipheriv("aes-256-cbc", keyOf(password, power), IV).setAutoPadding(false);
  const padding = Buffer.alloc((16 - (plain.length % 16)) % 16);
  return Buffer.concat([cipher.update(plain), cipher.update(padding), cipher.final()]);
}

/** Round by round as 7-Zip's documentation has it, so that it shares no shortcut with what it tests. */
function keyOf(password: string, power: number): Buffer {
  const hash = createHash("sha256");
  for (let round = 0; round < 2 ** power; round++) {
    const counter = Buffer.alloc(8);
    counter.writeUInt32LE(round);
    hash.update(SALT).update(Buffer.from(password, "utf16le")).update(counter);
  }
  return hash.digest();
}
