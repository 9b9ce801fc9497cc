/** lc 3, lp 0, pb 2, a dictionary of 64 KiB; as they stand in a 7z coder. */
export const LZMA_PROPERTIES = Buffer.from("5d00000100", "hex");

const PROBABILITY_BITS = 11;
const MOVE_BITS = 5;
const TOP = 2 ** 24;
const LITERAL_CONTEXT_BITS = 3;

/** A raw LZMA stream of literals only, which every decoder takes (LZMA specification, Igor Pavlov, 2015). It does not get smaller. */
export function packLzma(bytes: Buffer): Buffer {
  const coder = new RangeCoder();
  const isMatch = probabilities(4);
  const literals = Array.from({ length: 2 ** LITERAL_CONTEXT_BITS }, () => probabilities(0x300));
  let before = 0;
  for (const [at, byte] of bytes.entries()) {
    coder.encode(isMatch, at & 3, 0);
    const model = literals[before >> (8 - LITERAL_CONTEXT_BITS)] as Uint16Array;
    let symbol = 1;
    for (let bit = 7; bit >= 0; bit -= 1) {
      const value = (byte >> bit) & 1;
      coder.encode(model, symbol, value);
      symbol = (symbol << 1) | value;
    }
    before = byte;
  }
  return coder.finish();
}

function probabilities(count: number): Uint16Array {
  return new Uint16Array(count).fill(2 ** (PROBABILITY_BITS - 1));
}

class RangeCoder {
  readonly #out: number[] = [];
  #low = 0;
  #range = 2 ** 32 - 1;
  #cache = 0;
  #waiting = 1;

  encode(model: Uint16Array, index: number, bit: number): void {
    const probability = model[index] as number;
    const bound = Math.floor(this.#range / 2 ** PROBABILITY_BITS) * probability;
    if (bit === 0) {
      this.#range = bound;
      model[index] = probability + ((2 ** PROBABILITY_BITS - probability) >> MOVE_BITS);
    } else {
      this.#low += bound;
      this.#range -= bound;
      model[index] = probability - (probability >> MOVE_BITS);
    }
    while (this.#range < TOP) {
      this.#range *= 256;
      this.#shift();
    }
  }

  finish(): Buffer {
    for (let count = 0; count < 5; count += 1) this.#shift();
    return Buffer.from(this.#out);
  }

  #shift(): void {
    if (this.#low < 0xff00_0000 || this.#low >= 2 ** 32) {
      const carry = this.#low >= 2 ** 32 ? 1 : 0;
      let byte = this.#cache;
      do {
        this.#out.push((byte + carry) & 0xff);
        byte = 0xff;
        this.#waiting -= 1;
      } while (this.#waiting > 0);
      this.#cache = Math.floor(this.#low / TOP) & 0xff;
    }
    this.#waiting += 1;
    this.#low = (this.#low % TOP) * 256;
  }
}
