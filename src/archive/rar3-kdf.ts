import { createHash } from "node:crypto";

export interface Rar3Key {
  readonly key: Buffer;
  readonly iv: Buffer;
}

const ROUNDS = 2 ** 18;
const ROUNDS_PER_IV_BYTE = ROUNDS / 16;
const ROUNDS_PER_SLICE = 2048;
const BLOCK = 64;

/** From this many UTF-16 units on RAR's own SHA-1 changes what it hashes, and the derivation is slow. */
export const LONG_PASSWORD_UNITS = 29;

/**
 * What RAR's SHA-1 does to its input: each 64-byte block that it takes straight from the caller's memory ends up holding the
 * last 16 expanded words, little endian. A block that begins in an earlier update goes through a buffer and is left alone.
 */
function overwriteHashedBlocks(seed: Buffer, bytesHashedBefore: number): void {
  const words = new Uint32Array(16);
  for (let at = BLOCK - (bytesHashedBefore % BLOCK); at + BLOCK <= seed.length; at += BLOCK) {
    for (let i = 0; i < 16; i += 1) words[i] = seed.readUInt32BE(at + 4 * i);
    for (let t = 16; t < 80; t += 1) {
      const mixed =
        (words[(t - 3) & 15] as number) ^
        (words[(t - 8) & 15] as number) ^
        (words[(t - 14) & 15] as number) ^
        (words[t & 15] as number);
      words[t & 15] = (mixed << 1) | (mixed >>> 31);
    }
    for (let i = 0; i < 16; i += 1) seed.writeUInt32LE(words[i] as number, at + 4 * i);
  }
}

/** RAR3's key derivation (2^18 rounds of SHA-1 over password and salt), which yields every few tenths of a millisecond. */
export function* deriveRar3Key(password: string, salt: Uint8Array): Generator<undefined, Rar3Key, undefined> {
  const seed = Buffer.concat([Buffer.from(password, "utf16le"), salt]);
  const isOverwritten = seed.length > BLOCK;
  const round = seed.length + 3;
  const slice = Buffer.alloc(ROUNDS_PER_SLICE * round);
  const hash = createHash("sha1");
  const iv = Buffer.alloc(16);
  for (let first = 0; first < ROUNDS; first += ROUNDS_PER_SLICE) {
    for (let i = 0; i < ROUNDS_PER_SLICE; i += 1) {
      const at = i * round;
      const count = first + i;
      slice.set(seed, at);
      slice[at + seed.length] = count;
      slice[at + seed.length + 1] = count >> 8;
      slice[at + seed.length + 2] = count >> 16;
      if (isOverwritten) overwriteHashedBlocks(seed, count * round);
    }
    if (first % ROUNDS_PER_IV_BYTE === 0) {
      hash.update(slice.subarray(0, round));
      iv[first / ROUNDS_PER_IV_BYTE] = hash.copy().digest()[19] as number;
      hash.update(slice.subarray(round));
    } else {
      hash.update(slice);
    }
    yield;
  }
  return { key: hash.digest().subarray(0, 16).swap32(), iv };
}
