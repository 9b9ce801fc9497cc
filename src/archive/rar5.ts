import { createDecipheriv } from "node:crypto";
import { crc32 } from "node:zlib";
import { FormatError } from "../base/errors.ts";
import { RarCursor } from "./rar-cursor.ts";
import { guardedCheck, type RarKeys } from "./rar-keys.ts";
import { MAX_PARTS, type RarContext, type RarVolume } from "./rar-volume.ts";
import type { RarWindow } from "./rar-window.ts";
import { parseRar5File } from "./rar5-file.ts";
import { refusal } from "./refusals.ts";

const MAIN = 1;
const FILE = 2;
const ENCRYPTION = 4;
const END = 5;

const AES_BLOCK = 16;
const CRC_BYTES = 4;
const MAX_HEADER_BYTES = 2 * 2 ** 20;
/** Checksum, the size's vint of three bytes at most. */
const PREFIX_BYTES = 7;
/** An end block, which is the shortest header, has eight. */
const MIN_HEADER_BYTES = 7;
const MAX_LOG2_ROUNDS = 24;

interface Block {
  readonly type: number;
  readonly flags: number;
  /** The fields of this type, without the extra area. */
  readonly fields: RarCursor;
  readonly extra: Buffer;
  readonly dataAt: number;
  readonly dataSize: number;
}

/**
 * The headers of one RAR5 volume, whose signature ends at `at`. Reading stops at a part that continues in the next volume. Throws
 * ARCHIVE_MALFORMED, ARCHIVE_INCOMPLETE or ARCHIVE_ENCRYPTED when not even the first member's header can be read.
 */
export async function readRar5(window: RarWindow, at: number, { keys }: RarContext): Promise<RarVolume> {
  let block = await plainBlock(window, at);
  let nextBlock = (from: number) => plainBlock(window, from);
  const encryptedHeaders = block.type === ENCRYPTION;
  if (encryptedHeaders) {
    const key = await headerKey(window, block, keys);
    nextBlock = (from) => encryptedBlock(window, from, key);
    block = await nextBlock(block.dataAt);
  }
  if (block.type !== MAIN) throw window.malformed("is not where the archive's header must be");
  const archiveFlags = block.fields.vint();
  const isVolume = (archiveFlags & 1) !== 0;
  const number = archiveFlags & 2 ? block.fields.vint() : 0;
  const volume = {
    format: 5,
    isVolume,
    number: isVolume ? number : undefined,
    isFirst: number === 0,
    isSolid: (archiveFlags & 4) !== 0,
    encryptedHeaders,
  } as const;

  const parts = [];
  let restAt = block.dataAt + block.dataSize;
  try {
    while (window.size - restAt >= MIN_HEADER_BYTES) {
      block = await nextBlock(restAt);
      restAt = block.dataAt + block.dataSize;
      if (block.type === END) {
        const hasNext = block.fields.left > 0 && (block.fields.vint() & 1) !== 0;
        return { ...volume, parts, restAt, hasNext, hasEndBlock: true, damage: undefined };
      }
      if (block.type !== FILE) continue;
      const part = parseRar5File(block);
      parts.push(part);
      if (parts.length > MAX_PARTS) throw window.malformed("is one of far too many");
      if (part.continuesIn) {
        return { ...volume, parts, restAt, hasNext: true, hasEndBlock: false, damage: undefined };
      }
    }
  } catch (error) {
    if (parts.length === 0) throw error;
    const damage = await window.damage(error, restAt);
    return { ...volume, parts, restAt, hasNext: false, hasEndBlock: false, damage };
  }
  return { ...volume, parts, restAt, hasNext: false, hasEndBlock: false, damage: undefined };
}

async function plainBlock(window: RarWindow, at: number): Promise<Block> {
  const size = sizeOf(window, await window.bytes(at, Math.min(PREFIX_BYTES, Math.max(1, window.size - at))));
  return parseBlock(window, await window.bytes(at, size), at + size);
}

/** IV, then the header in AES-256-CBC, padded with zeros; every header since the encryption header is like that. */
async function encryptedBlock(window: RarWindow, at: number, key: Buffer): Promise<Block> {
  const iv = Buffer.from(await window.bytes(at, AES_BLOCK));
  const headAt = at + AES_BLOCK;
  const open = (bytes: Buffer) => {
    const decipher = createDecipheriv("aes-256-cbc", key, iv).setAutoPadding(false);
    return Buffer.concat([decipher.update(bytes), decipher.final()]);
  };
  const size = sizeOf(window, open(await window.bytes(headAt, AES_BLOCK)));
  const paddedSize = Math.ceil(size / AES_BLOCK) * AES_BLOCK;
  return parseBlock(window, open(await window.bytes(headAt, paddedSize)).subarray(0, size), headAt + paddedSize);
}

/** Bytes of the whole header, from its checksum to the end of its extra area. */
function sizeOf(window: RarWindow, prefix: Buffer): number {
  const cursor = new RarCursor(prefix, CRC_BYTES);
  const size = cursor.vint();
  if (size === 0 || size > MAX_HEADER_BYTES) throw window.malformed("has a size that none can have");
  return cursor.at + size;
}

function parseBlock(window: RarWindow, head: Buffer, dataAt: number): Block {
  if (crc32(head.subarray(CRC_BYTES)) !== head.readUInt32LE(0)) {
    throw window.malformed("does not have the checksum that it names");
  }
  const cursor = new RarCursor(head, CRC_BYTES);
  cursor.vint();
  const type = cursor.vint();
  const flags = cursor.vint();
  const extraSize = flags & 1 ? cursor.vint() : 0;
  const dataSize = flags & 2 ? cursor.vint() : 0;
  if (extraSize > cursor.left) throw window.malformed("is shorter than its extra area");
  if (!Number.isSafeInteger(dataAt + dataSize)) throw window.malformed("points outside of any file");
  const extraAt = head.length - extraSize;
  const fields = new RarCursor(head.subarray(0, extraAt), cursor.at);
  return { type, flags, fields, extra: head.subarray(extraAt), dataAt, dataSize };
}

/** The key of the headers of this volume: each volume has an encryption header of its own, which may have its own salt. */
async function headerKey(window: RarWindow, { fields, dataAt }: Block, keys: RarKeys): Promise<Buffer> {
  if (fields.vint() !== 0) throw refusal("ARCHIVE_ENCRYPTED", `"${window.name}" is encrypted in an unknown way`);
  const hasCheck = (fields.vint() & 1) !== 0;
  const log2Rounds = fields.u8();
  if (log2Rounds > MAX_LOG2_ROUNDS) throw window.malformed("asks for an absurd amount of work");
  const salt = Buffer.from(fields.take(AES_BLOCK));
  const check = hasCheck ? guardedCheck(fields.take(8), fields.take(4)) : undefined;
  for (const password of keys.inOrder(salt)) {
    if (check && !(await keys.rar5Check(password, { salt, log2Rounds })).equals(check)) continue;
    const key = await keys.rar5Key(password, { salt, log2Rounds });
    if (!check && !(await opens(window, dataAt, key))) continue;
    keys.confirm(password, salt);
    return key;
  }
  throw refusal(
    "ARCHIVE_ENCRYPTED",
    keys.count === 0
      ? `the headers of "${window.name}" are encrypted and no password is known`
      : `the headers of "${window.name}" are encrypted and none of the ${keys.count} known passwords opens them`,
  );
}

/** Without a check value, the checksum of the first encrypted header tells. */
async function opens(window: RarWindow, at: number, key: Buffer): Promise<boolean> {
  try {
    await encryptedBlock(window, at, key);
    return true;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}
