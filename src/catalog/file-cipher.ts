import type { FileCipher } from "./catalog.ts";

const AES_BLOCK = 16;
const KEY_BYTES: readonly number[] = [16, 24, 32];
const MAX_SKIP = 0xffff;
const HEADER = 4;

/** Bytes of runs that a file of this cipher takes, at least. */
export function encryptedSize({ mode, size, skip = 0 }: FileCipher): number {
  if (size === 0) return 0;
  return mode === "ctr" ? skip + size : Math.ceil((skip + size) / AES_BLOCK) * AES_BLOCK;
}

/**
 * A cipher as it is stored, all but its size, which is the entry's: mode u8 (0: CBC, 1: CTR), length of the key u8, skip u16 (little
 * endian), key, IV. Throws RangeError for what is no AES, without a word of the key.
 */
export function packCipher({ mode, key, iv, size, skip = 0 }: FileCipher): Buffer {
  if (!KEY_BYTES.includes(key.length)) throw new RangeError(`AES has no keys of ${key.length} bytes`);
  if (iv.length !== ivBytes(mode)) throw new RangeError(`an IV of ${iv.length} bytes does not fit the mode`);
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`a file cannot hold ${size} bytes`);
  if (!Number.isInteger(skip) || skip < 0 || skip > MAX_SKIP) throw new RangeError(`${skip} bytes cannot be skipped`);
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(mode === "ctr" ? 1 : 0, 0);
  header.writeUInt8(key.length, 1);
  header.writeUInt16LE(skip, 2);
  return Buffer.concat([header, key, iv]);
}

/** The cipher of a file of so many bytes. */
export function unpackCipher(stored: Buffer, size: number): FileCipher {
  const keyEnd = HEADER + stored.readUInt8(1);
  const cipher = {
    key: stored.subarray(HEADER, keyEnd),
    iv: stored.subarray(keyEnd),
    skip: stored.readUInt16LE(2),
    size,
  };
  return stored.readUInt8(0) === 1 ? { ...cipher, mode: "ctr" } : cipher;
}

function ivBytes(mode: FileCipher["mode"]): number {
  return mode === "ctr" ? 0 : AES_BLOCK;
}
