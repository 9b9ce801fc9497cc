import { closeSync, openSync, readSync, statSync } from "node:fs";

/** Looked up once: in the realms of a test runner each look at a global costs more than the multiplication. */
const { imul } = Math;

/** Bytes of known length, readable from any offset at once; the same range always gives the same bytes. */
export interface Content {
  readonly size: number;
  /** Exactly `length` bytes from `offset` on; throws RangeError when they do not lie inside. The caller may keep the buffer. */
  read(offset: number, length: number): Buffer;
}

/**
 * Content that is a pure function of (seed, offset), so that any range can be checked without storing it. Each aligned 32-bit word is
 * a bijection of its index, so bytes moved by any multiple of 4 below 16 GiB differ in every word; other moves differ by chance
 * (1 - 2^-32 per word).
 */
export function patternContent(seed: number, size: number): Content {
  return {
    size,
    read(offset, length) {
      checkRange(offset, length, size);
      const first = Math.floor(offset / 4);
      const words = new Uint32Array(Math.ceil((offset + length) / 4) - first);
      fillWords(words, seed, first);
      return Buffer.from(words.buffer, offset - first * 4, length);
    },
  };
}

/** Content held in memory. */
export function bytesContent(bytes: Uint8Array): Content {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    size: buffer.length,
    read(offset, length) {
      checkRange(offset, length, buffer.length);
      return Buffer.from(buffer.subarray(offset, offset + length));
    },
  };
}

/** Content of a local file, whose size is taken now; nothing stays open between reads. Throws when the file cannot be read or has shrunk. */
export function fileContent(path: string): Content {
  const { size } = statSync(path);
  return {
    size,
    read(offset, length) {
      checkRange(offset, length, size);
      const bytes = Buffer.allocUnsafeSlow(length);
      const file = openSync(path, "r");
      try {
        let filled = 0;
        while (filled < length) {
          const got = readSync(file, bytes, filled, length - filled, offset + filled);
          if (got === 0) throw new RangeError("the file became shorter while it was being posted");
          filled += got;
        }
      } finally {
        closeSync(file);
      }
      return bytes;
    },
  };
}

function checkRange(offset: number, length: number, size: number): void {
  if (
    !Number.isSafeInteger(offset) ||
    !Number.isSafeInteger(length) ||
    offset < 0 ||
    length < 0 ||
    offset + length > size
  ) {
    throw new RangeError(`no ${length} bytes at ${offset} in content of ${size} bytes`);
  }
}

/** Word i of the content is mix(low 32 bits of i, xor a key made of seed and high bits). */
function fillWords(words: Uint32Array, seed: number, first: number): void {
  let high = Math.floor(first / 0x1_0000_0000);
  let key = mix32(seed ^ imul(high, 0x9e3779b1) ^ 0x5bd1e995);
  let low = first >>> 0;
  for (let at = 0; at < words.length; at += 1) {
    words[at] = mix32(low ^ key);
    low = (low + 1) >>> 0;
    if (low === 0) {
      high += 1;
      key = mix32(seed ^ imul(high, 0x9e3779b1) ^ 0x5bd1e995);
    }
  }
}

/** The finalizer of MurmurHash3: a bijection of 32-bit words in which every input bit changes half of the output bits. */
export function mix32(word: number): number {
  let mixed = word | 0;
  mixed = imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
