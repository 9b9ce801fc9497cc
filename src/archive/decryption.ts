import { type Cipher, createCipheriv, createDecipheriv, type Decipher } from "node:crypto";
import type { ByteRange } from "../base/byte-range.ts";
import type { MemberCipher } from "./archive.ts";

const AES_BLOCK = 16;
const BLOCK_WORDS = AES_BLOCK / Int32Array.BYTES_PER_ELEMENT;

/** One range of an encrypted file, decrypted as its ciphertext comes. */
export interface Decryption {
  /** Of the ciphertext: what has to be given to it, in order. Whole blocks and, of CBC, the one before: up to 31 bytes before the range and 15 behind it. */
  readonly source: ByteRange;
  /** The plaintext that the next bytes of ciphertext complete, in memory of its own; may be empty. */
  update(bytes: Uint8Array): Uint8Array;
  /** So many of the next bytes of ciphertext cannot be had. Returns the part of the range that is lost with them, not yet given; may be empty. */
  lose(bytes: number): ByteRange;
}

/** `skip`: bytes of plaintext before the file begins. The key schedule is made once, and once more after a loss. */
export function startDecryption(cipher: MemberCipher & { readonly skip?: number }, range: ByteRange): Decryption {
  if (range.start === range.end) return { source: range, update: () => NOTHING, lose: () => range };
  return cipher.mode === "ctr" ? new CtrDecryption(cipher, range) : new CbcDecryption(cipher, range);
}

const NOTHING = new Uint8Array(0);

/** AES-CBC from any block on: the block before is the IV. So what cannot be had takes the block behind it along. */
class CbcDecryption implements Decryption {
  readonly source: ByteRange;
  readonly #key: Uint8Array;
  /** Offsets here are those of the stream, in which plaintext and ciphertext lie at the same places. */
  readonly #wanted: ByteRange;
  readonly #skip: number;
  #decipher: Decipher | undefined;
  /** Where the next ciphertext comes from. */
  #fed: number;
  /** Where the next plaintext belongs, a whole number of blocks; without a decipher, the block before it is its IV. */
  #next: number;
  readonly #iv = new Uint8Array(AES_BLOCK);

  constructor({ key, iv, skip = 0 }: MemberCipher & { readonly skip?: number }, { start, end }: ByteRange) {
    this.#key = key;
    this.#skip = skip;
    this.#wanted = { start: start + skip, end: end + skip };
    this.#next = Math.floor(this.#wanted.start / AES_BLOCK) * AES_BLOCK;
    if (this.#next === 0) this.#decipher = this.#begin(iv);
    this.#fed = Math.max(0, this.#next - AES_BLOCK);
    this.source = { start: this.#fed, end: blockEnd(this.#wanted.end) };
  }

  update(bytes: Uint8Array): Uint8Array {
    let rest = bytes;
    if (this.#decipher === undefined) rest = this.#takeIv(bytes);
    this.#fed += bytes.length;
    if (this.#decipher === undefined) return NOTHING;
    const plain = this.#decipher.update(rest);
    const at = this.#next;
    this.#next += plain.length;
    const from = Math.max(0, this.#wanted.start - at);
    return from === 0 && this.#next <= this.#wanted.end
      ? plain
      : plain.subarray(from, Math.max(from, this.#wanted.end - at));
  }

  lose(bytes: number): ByteRange {
    const { start, end } = this.#wanted;
    const from = Math.min(Math.max(start, this.#next), end);
    this.#fed += bytes;
    this.#decipher = undefined;
    this.#next = blockEnd(this.#fed) + AES_BLOCK;
    return { start: from - this.#skip, end: Math.min(this.#next, end) - this.#skip };
  }

  /** What follows the IV in these bytes, when it is in them to its end. */
  #takeIv(bytes: Uint8Array): Uint8Array {
    const ivStart = this.#next - AES_BLOCK;
    const from = Math.max(0, ivStart - this.#fed);
    const to = Math.max(0, this.#next - this.#fed);
    if (from < bytes.length) this.#iv.set(bytes.subarray(from, to), this.#fed + from - ivStart);
    if (to > bytes.length) return NOTHING;
    this.#decipher = this.#begin(this.#iv);
    return bytes.subarray(to);
  }

  #begin(iv: Uint8Array): Decipher {
    return createDecipheriv(`aes-${this.#key.length * 8}-cbc`, this.#key, iv).setAutoPadding(false);
  }
}

/** ZIP's CTR: the keystream is AES of block numbers, little endian, from 1. Every byte stands for itself. */
class CtrDecryption implements Decryption {
  readonly source: ByteRange;
  readonly #skip: number;
  readonly #aes: Cipher;
  #at: number;
  #counters = new Int32Array(0);
  #bytes = new Int32Array(0);

  constructor({ key, skip = 0 }: MemberCipher & { readonly skip?: number }, { start, end }: ByteRange) {
    this.#aes = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
    this.#skip = skip;
    this.#at = start + skip;
    this.source = { start: start + skip, end: end + skip };
  }

  update(bytes: Uint8Array): Uint8Array {
    const phase = this.#at % AES_BLOCK;
    const words = (blockEnd(phase + bytes.length) / AES_BLOCK) * BLOCK_WORDS;
    if (this.#counters.length < words) {
      this.#counters = new Int32Array(words);
      this.#bytes = new Int32Array(words);
    }
    const counters = this.#counters.subarray(0, words);
    count(counters, (this.#at - phase) / AES_BLOCK + 1);
    const plain = this.#aes.update(new Uint8Array(counters.buffer, 0, counters.byteLength));
    // Whole words are four times as fast, and need bytes at addresses that are multiples of four.
    new Uint8Array(this.#bytes.buffer).set(bytes, phase);
    xor(new Int32Array(plain.buffer, plain.byteOffset, words), this.#bytes);
    this.#at += bytes.length;
    return plain.subarray(phase, phase + bytes.length);
  }

  lose(bytes: number): ByteRange {
    const start = this.#at - this.#skip;
    this.#at += bytes;
    return { start, end: start + bytes };
  }
}

/** Where the block ends that holds the byte before `offset`. */
function blockEnd(offset: number): number {
  return Math.ceil(offset / AES_BLOCK) * AES_BLOCK;
}

/** Block numbers from `first` on, below 2^53 and so in two words. */
function count(counters: Int32Array, first: number): void {
  for (let at = 0, block = first; at < counters.length; at += BLOCK_WORDS, block += 1) {
    counters[at] = block;
    counters[at + 1] = block / 2 ** 32;
  }
}

function xor(words: Int32Array, others: Int32Array): void {
  const { length } = words;
  for (let at = 0; at < length; at += BLOCK_WORDS) {
    words[at] = (words[at] as number) ^ (others[at] as number);
    words[at + 1] = (words[at + 1] as number) ^ (others[at + 1] as number);
    words[at + 2] = (words[at + 2] as number) ^ (others[at + 2] as number);
    words[at + 3] = (words[at + 3] as number) ^ (others[at + 3] as number);
  }
}
