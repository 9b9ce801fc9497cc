import type { FormatError } from "../base/errors.ts";
import { refusal } from "./refusals.ts";

/** Reads a 7z header front to back; what it promises beyond its end is refused, and so is every number above 2^53. */
export class SevenZipCursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** The next `length` bytes, shared with the header. */
  bytes(length: number): Buffer {
    if (length > this.left) throw malformedSevenZip("its header ends too early");
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  byte(): number {
    if (this.left < 1) throw malformedSevenZip("its header ends too early");
    return this.#bytes[this.#at++] as number;
  }

  u32(): number {
    return this.bytes(4).readUInt32LE();
  }

  u64(): bigint {
    return this.bytes(8).readBigUInt64LE();
  }

  /** A NUMBER: as many further bytes, low ones first, as the first byte has leading ones; its other bits are the top. */
  number(): number {
    const first = this.byte();
    let value = 0;
    let scale = 1;
    for (let mask = 0x80; mask > 0; mask >>= 1) {
      if ((first & mask) === 0) return safe(value + (first & (mask - 1)) * scale);
      value += this.byte() * scale;
      scale *= 256;
    }
    return safe(value);
  }

  /** A NUMBER that says how many things follow, each at least one bit long; more cannot be there. */
  count(): number {
    const count = this.number();
    if (count > this.left * 8) throw malformedSevenZip("its header promises more than it can hold");
    return count;
  }

  /** `count` flags, the highest bit first. */
  flags(count: number): boolean[] {
    const bytes = this.bytes(Math.ceil(count / 8));
    return Array.from(
      { length: count },
      (_, index) => (((bytes[index >> 3] as number) >> (7 - (index & 7))) & 1) === 1,
    );
  }

  /** As `flags`, after a byte that may say that all are set. */
  optionalFlags(count: number): boolean[] {
    return this.byte() === 0 ? this.flags(count) : new Array<boolean>(count).fill(true);
  }
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw malformedSevenZip("a number in its header is absurd");
  return value;
}

/** What is thrown for a 7z file that no program can read. */
export function malformedSevenZip(why: string): FormatError {
  return refusal("ARCHIVE_MALFORMED", `the 7z archive cannot be read: ${why}`);
}
