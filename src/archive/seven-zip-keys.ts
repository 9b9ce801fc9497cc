import { createDecipheriv, createHash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { raceAbort } from "../base/abort.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { malformedSevenZip } from "./seven-zip-numbers.ts";

/** The properties of coder 06F10701, AES-256-CBC. */
export interface SevenZipAes {
  /** log2 of the rounds of SHA-256; 63 means none. */
  readonly power: number;
  readonly salt: Buffer;
  readonly iv: Buffer;
}

/** As 7-Zip: 2^24 rounds are what it reads at most, half a second of work. */
const MAX_POWER = 24;
const NO_ROUNDS = 0x3f;
/** What is hashed between two turns of the event loop: under a millisecond. */
const STEP = 512 * 1024;
const MAX_PASSWORD = 1024;
/** What one import may cost: 512 passwords at 7-Zip's usual 2^19, about ten seconds. */
const MAX_ROUNDS = 2 ** 28;

export function parseSevenZipAes(properties: Buffer): SevenZipAes {
  const [first = 0, second = 0] = properties;
  const hasMore = (first & 0xc0) !== 0;
  const saltBytes = hasMore ? (first >> 7) + (second >> 4) : 0;
  const ivBytes = hasMore ? ((first >> 6) & 1) + (second & 15) : 0;
  const start = hasMore ? 2 : 1;
  const power = first & 0x3f;
  if (properties.length < start + saltBytes + ivBytes) throw malformedSevenZip("its encryption is described wrongly");
  if (power > MAX_POWER && power !== NO_ROUNDS) {
    throw malformedSevenZip("its passwords are stretched more than any real archive's");
  }
  const iv = Buffer.alloc(16);
  properties.copy(iv, 0, start + saltBytes, start + saltBytes + ivBytes);
  return { power, salt: Buffer.from(properties.subarray(start, start + saltBytes)), iv };
}

/** The keys of one import by password, salt and power; each is derived once, in slices between which the event loop turns. */
export class SevenZipKeys {
  readonly #keys = new Map<string, Promise<Buffer>>();
  readonly #maxRounds: number;
  #rounds = 0;

  constructor({ maxRounds = MAX_ROUNDS }: { readonly maxRounds?: number } = {}) {
    this.#maxRounds = maxRounds;
  }

  /** How many keys were derived. */
  get derivations(): number {
    return this.#keys.size;
  }

  /** 32 bytes. Whoever leaves does not stop the work for the others. Throws ARCHIVE_MALFORMED when the archive asks for too much work. */
  get(password: string, aes: SevenZipAes, { signal }: Cancel): Promise<Buffer> {
    const name = `${aes.power} ${aes.salt.toString("hex")} ${password}`;
    const found = this.#keys.get(name);
    const key = found ?? this.#derive(password.slice(0, MAX_PASSWORD), aes);
    this.#keys.set(name, key);
    return raceAbort(key, signal);
  }

  async #derive(password: string, { power, salt }: SevenZipAes): Promise<Buffer> {
    const seed = Buffer.concat([salt, Buffer.from(password, "utf16le")]);
    if (power === NO_ROUNDS) return Buffer.concat([seed, Buffer.alloc(32)], 32);
    const rounds = 2 ** power;
    this.#rounds += rounds;
    if (this.#rounds > this.#maxRounds)
      throw malformedSevenZip("its passwords are stretched more than any real archive's");
    const unit = seed.length + 8;
    const perStep = Math.min(rounds, Math.max(1, Math.floor(STEP / unit)));
    const step = Buffer.alloc(perStep * unit);
    for (let i = 0; i < perStep; i++) seed.copy(step, i * unit);
    const hash = createHash("sha256");
    for (let round = 0; round < rounds; round += perStep) {
      const count = Math.min(perStep, rounds - round);
      for (let i = 0; i < count; i++) step.writeUInt32LE(round + i, i * unit + seed.length);
      hash.update(step.subarray(0, count * unit));
      await turn();
    }
    return hash.digest();
  }
}

/** Decrypts whole blocks; `iv` is the ciphertext block before them, or the coder's own. */
export function decryptCbc(ciphertext: Uint8Array, key: Uint8Array, iv: Uint8Array): Buffer {
  const decipher = createDecipheriv("aes-256-cbc", key, iv).setAutoPadding(false);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}
