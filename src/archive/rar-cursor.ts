import { malformed } from "./refusals.ts";

const MAX_VINT_BYTES = 10;

/** Reads the fields of one header in order; whatever lies beyond its end is ARCHIVE_MALFORMED. All integers are little endian. */
export class RarCursor {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Buffer {
    if (length > this.left) throw malformed("a rar header ends inside one of its fields");
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16LE();
  }

  u32(): number {
    return this.take(4).readUInt32LE();
  }

  /** RAR5's integer: 7 bits a byte, low ones first, possibly padded, of at most 10 bytes; beyond 2^53 it is refused. */
  vint(): number {
    let value = 0;
    for (let place = 0; place < MAX_VINT_BYTES; place += 1) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** (7 * place);
      if (byte & 0x80) continue;
      if (!Number.isSafeInteger(value)) throw malformed("a rar header has a number that no real archive has");
      return value;
    }
    throw malformed("a rar header has an endless number");
  }
}
