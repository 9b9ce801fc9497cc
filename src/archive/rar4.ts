import { createDecipheriv } from "node:crypto";
import { crc32 } from "node:zlib";
import type { FormatError } from "../base/errors.ts";
import { RarCursor } from "./rar-cursor.ts";
import { MAX_PARTS, type RarContext, type RarEncryption, type RarPart, type RarVolume } from "./rar-volume.ts";
import type { RarWindow } from "./rar-window.ts";
import { rar4Path } from "./rar4-name.ts";
import { malformed, refusal } from "./refusals.ts";

const MAIN = 0x73;
const FILE = 0x74;
const SERVICE = 0x7a;
const END = 0x7b;
/** Comments, authenticity, recovery records of RAR 2: passed over unchecked, since each has a checksum rule of its own. */
const OLD_FIRST = 0x75;
const OLD_LAST = 0x79;
/** What an encrypted archive begins with, and whose checksum proves a password. */
const PROVING_TYPES: ReadonlySet<number> = new Set([FILE, SERVICE, END]);

const BASE_BYTES = 7;
const SALT_BYTES = 8;
const AES_BLOCK = 16;
/** No header is larger that a password must prove itself by. */
const MAX_UNPROVED_BYTES = 4096;
const UNIX = 3;
const UNKNOWN_SIZE = 0xffff_ffff;
/** The first version whose ciphers are AES. */
const AES_VERSION = 29;

interface Block {
  readonly type: number;
  readonly flags: number;
  /** The whole header, decrypted. */
  readonly head: Buffer;
  /** Where the data behind the header begins. */
  readonly dataAt: number;
}

interface Found {
  readonly parts: RarPart[];
  restAt: number;
  number: number | undefined;
  hasNext: boolean;
  hasEndBlock: boolean;
  damage: FormatError | undefined;
}

/**
 * The headers of one RAR4 volume, whose signature ends at `at`. Reading stops at a part that continues in the next volume. Throws
 * ARCHIVE_MALFORMED, ARCHIVE_INCOMPLETE or ARCHIVE_ENCRYPTED when not even the first member's header can be read.
 */
export async function readRar4(window: RarWindow, at: number, context: RarContext): Promise<RarVolume> {
  const main = await plainBlock(window, at);
  if (main.type !== MAIN) throw window.malformed("is not where the archive's header must be");
  const { flags } = main;
  const encryptedHeaders = (flags & 0x80) !== 0;
  const found = await walk(window, main.dataAt, { context, encryptedHeaders, passesContinued: false });
  const isVolume = (flags & 1) !== 0;
  return {
    format: 4,
    isVolume,
    isFirst: (flags & 0x100) !== 0,
    isSolid: (flags & 8) !== 0,
    encryptedHeaders,
    ...found,
  };
}

/** The volume with what its end block says, which lies behind all data and is worth a read only when the order is not known. */
export async function readRar4End(window: RarWindow, volume: RarVolume, context: RarContext): Promise<RarVolume> {
  if (volume.hasEndBlock || volume.damage) return volume;
  const options = { context, encryptedHeaders: volume.encryptedHeaders, passesContinued: true };
  const { number, restAt, hasEndBlock, hasNext } = await walk(window, volume.restAt, options);
  return { ...volume, number, restAt, hasEndBlock, hasNext: volume.hasNext || hasNext };
}

interface WalkOptions {
  readonly context: RarContext;
  readonly encryptedHeaders: boolean;
  readonly passesContinued: boolean;
}

async function walk(
  window: RarWindow,
  start: number,
  { context, encryptedHeaders, passesContinued }: WalkOptions,
): Promise<Found> {
  const found: Found = {
    parts: [],
    restAt: start,
    number: undefined,
    hasNext: false,
    hasEndBlock: false,
    damage: undefined,
  };
  const nextBlock = (at: number) => (encryptedHeaders ? encryptedBlock(window, at, context) : plainBlock(window, at));
  try {
    while (window.size - found.restAt >= BASE_BYTES) {
      const block = await nextBlock(found.restAt);
      if (block.type === END) {
        Object.assign(found, parseEnd(block), { hasEndBlock: true, restAt: block.dataAt });
        return found;
      }
      // What fills a volume up to its size is no header.
      if (block.type === 0 && !encryptedHeaders && block.head.every((byte) => byte === 0)) return found;
      const dataSize = dataSizeOf(block);
      found.restAt = block.dataAt + dataSize;
      if (block.type !== FILE) continue;
      const part = parseFile(block, dataSize);
      found.parts.push(part);
      if (found.parts.length > MAX_PARTS) throw window.malformed("is one of far too many");
      if (part.continuesIn) found.hasNext = true;
      if (part.continuesIn && !passesContinued) return found;
    }
  } catch (error) {
    if (found.parts.length === 0) throw error;
    const damage = await window.damage(error, found.restAt);
    const isStrange = damage?.code === "ARCHIVE_ENCRYPTED";
    found.damage = isStrange ? malformed(`"${window.name}" has something else behind its members`) : damage;
  }
  return found;
}

async function plainBlock(window: RarWindow, at: number): Promise<Block> {
  const base = await window.bytes(at, BASE_BYTES);
  const type = base.readUInt8(2);
  if (type === 0) return { type, flags: 0, head: base, dataAt: at + BASE_BYTES };
  const headSize = base.readUInt16LE(5);
  if (headSize < BASE_BYTES) throw window.malformed("is shorter than a header can be");
  const head = await window.bytes(at, headSize);
  if (!isWhole(head)) throw window.malformed("does not have the checksum that it names");
  return { type, flags: head.readUInt16LE(3), head, dataAt: at + headSize };
}

/**
 * Salt, then the header in AES-128-CBC, padded with zeros. A wrong password shows in the header's checksum only, for which up to 64 KiB
 * would be read, so what cannot be a header is seen by its first block.
 */
async function encryptedBlock(window: RarWindow, at: number, { keys, signal }: RarContext): Promise<Block> {
  const salt = Buffer.from(await window.bytes(at, SALT_BYTES));
  const headAt = at + SALT_BYTES;
  for (const password of keys.inOrder(salt)) {
    const { key, iv } = await keys.rar3(password, salt, { signal });
    const open = (bytes: Buffer) => {
      const decipher = createDecipheriv("aes-128-cbc", key, iv).setAutoPadding(false);
      return Buffer.concat([decipher.update(bytes), decipher.final()]);
    };
    const first = open(await window.bytes(headAt, AES_BLOCK));
    const headSize = first.readUInt16LE(5);
    const paddedSize = Math.ceil(headSize / AES_BLOCK) * AES_BLOCK;
    const fits = headSize >= BASE_BYTES && headSize <= MAX_UNPROVED_BYTES && headAt + paddedSize <= window.size;
    const isLikely = fits && PROVING_TYPES.has(first.readUInt8(2));
    if (!isLikely && !keys.isConfirmed(password, salt)) continue;
    const head = open(await window.bytes(headAt, paddedSize)).subarray(0, headSize);
    if (head.length < BASE_BYTES || !isWhole(head)) continue;
    keys.confirm(password, salt);
    return { type: head.readUInt8(2), flags: head.readUInt16LE(3), head, dataAt: headAt + paddedSize };
  }
  throw refusal(
    "ARCHIVE_ENCRYPTED",
    keys.count === 0
      ? `the headers of "${window.name}" are encrypted and no password is known`
      : `the headers of "${window.name}" are encrypted and none of the ${keys.count} known passwords opens them`,
  );
}

/** Old comments inside a main or file header are not in its checksum, so that of the fields alone is as good. */
function isWhole(head: Buffer): boolean {
  const type = head.readUInt8(2);
  if (type >= OLD_FIRST && type <= OLD_LAST) return true;
  const expected = head.readUInt16LE(0);
  if ((crc32(head.subarray(2)) & 0xffff) === expected) return true;
  const flags = head.readUInt16LE(3);
  if (type === MAIN && flags & 2) return (crc32(head.subarray(2, 13)) & 0xffff) === expected;
  if (type === FILE && flags & 8 && head.length >= 32) {
    const end = 32 + (flags & 0x100 ? 8 : 0) + head.readUInt16LE(26) + (flags & 0x400 ? SALT_BYTES : 0);
    return (crc32(head.subarray(2, end)) & 0xffff) === expected;
  }
  return false;
}

function dataSizeOf({ type, flags, head }: Block): number {
  const fields = new RarCursor(head, BASE_BYTES);
  const isFile = type === FILE || type === SERVICE;
  if (!isFile) return flags & 0x8000 ? fields.u32() : 0;
  const low = fields.u32();
  if ((flags & 0x100) === 0) return low;
  const high = new RarCursor(head, 32).u32();
  return low + high * 2 ** 32;
}

function parseEnd({ flags, head }: Block): { number: number | undefined; hasNext: boolean } {
  const fields = new RarCursor(head, BASE_BYTES);
  if (flags & 2) fields.u32();
  return { hasNext: (flags & 1) !== 0, number: flags & 8 ? fields.u16() : undefined };
}

function parseFile({ flags, head, dataAt }: Block, dataSize: number): RarPart {
  const fields = new RarCursor(head, BASE_BYTES + 4);
  const lowSize = fields.u32();
  const os = fields.u8();
  const crc = fields.u32();
  const dosTime = fields.u32();
  const version = fields.u8();
  const method = fields.u8() - 0x30;
  const nameSize = fields.u16();
  const attributes = fields.u32();
  const isLarge = (flags & 0x100) !== 0;
  if (isLarge) fields.u32();
  const size = isLarge ? lowSize + fields.u32() * 2 ** 32 : lowSize;
  const path = rar4Path(fields.take(nameSize), (flags & 0x200) !== 0);
  const salt = flags & 0x400 ? Buffer.from(fields.take(SALT_BYTES)) : Buffer.alloc(0);
  if (!Number.isSafeInteger(size + dataAt + dataSize)) throw malformed("a rar member is larger than any file can be");
  const isDirectory = (flags & 0xe0) === 0xe0 || (version < 20 && (attributes & 0x10) !== 0);
  const isLink = os === UNIX && (attributes & 0xf000) === 0xa000;
  return {
    path,
    size: size === UNKNOWN_SIZE && !isLarge ? undefined : size,
    data: { start: dataAt, end: dataAt + dataSize },
    continuedFrom: (flags & 1) !== 0,
    continuesIn: (flags & 2) !== 0,
    method,
    encryption: flags & 4 ? encryptionOf(version, salt) : undefined,
    crc32: crc,
    modifiedAt: dosMs(dosTime),
    kind: isDirectory ? "directory" : isLink ? "link" : "file",
    target: undefined,
  };
}

function encryptionOf(version: number, salt: Buffer): RarEncryption {
  if (version >= AES_VERSION) return { kind: "rar3", salt };
  return { kind: "unsupported", why: "with a cipher of RAR 2, which cannot be streamed" };
}

/** MS-DOS time has no zone; it is taken for UTC. */
function dosMs(time: number): number | undefined {
  const day = (time >>> 16) & 31;
  const month = (time >>> 21) & 15;
  if (day === 0 || month === 0 || month > 12) return undefined;
  return Date.UTC(1980 + (time >>> 25), month - 1, day, (time >>> 11) & 31, (time >>> 5) & 63, (time & 31) * 2);
}
