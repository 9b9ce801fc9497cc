import { malformedSevenZip } from "./seven-zip-numbers.ts";

const TOP = 2 ** 24;
const HALF = 1024;
const STATES = 12;
const POS_STATES = 16;
const MIN_MATCH = 2;
const LENGTH_CODER = 2 + POS_STATES * 8 * 2 + 256;
const END_MARK = 0xffffffff;

/** Where each group of probabilities begins in the one array. */
const IS_MATCH = 0;
const IS_REP = IS_MATCH + STATES * POS_STATES;
const IS_REP_G0 = IS_REP + STATES;
const IS_REP_G1 = IS_REP_G0 + STATES;
const IS_REP_G2 = IS_REP_G1 + STATES;
const IS_REP0_LONG = IS_REP_G2 + STATES;
const POS_SLOT = IS_REP0_LONG + STATES * POS_STATES;
const POS_SPECIAL = POS_SLOT + 4 * 64;
const ALIGN = POS_SPECIAL + 128;
const MATCH_LENGTH = ALIGN + 16;
const REP_LENGTH = MATCH_LENGTH + LENGTH_CODER;
const LITERALS = REP_LENGTH + LENGTH_CODER;

/**
 * Decodes LZMA (LZMA SDK, lzma-specification.txt) into memory of a known size, which is its dictionary too: so a header costs what
 * it declares to unpack to, whatever dictionary it names. Decodes in steps, because LZMA2 is made of runs that share the state.
 */
export class LzmaDecoder {
  readonly out: Buffer;
  /** How much of `out` is written. */
  position = 0;
  #dictionaryStart = 0;
  #probs = new Uint16Array(0);
  #lc = 0;
  #lpMask = 0;
  #pbMask = 0;
  #state = 0;
  #reps: [number, number, number, number] = [0, 0, 0, 0];
  #input: Buffer = Buffer.alloc(0);
  #at = 0;
  #range = 0;
  #code = 0;

  constructor(size: number) {
    this.out = Buffer.allocUnsafe(size);
  }

  /** `lc + 9 * (lp + 5 * pb)`, as it stands in front of LZMA data; forgets all that was learnt. */
  setProperties(byte: number): void {
    if (byte >= 9 * 5 * 5) throw broken();
    this.#lc = byte % 9;
    const lp = Math.floor(byte / 9) % 5;
    this.#lpMask = (1 << lp) - 1;
    this.#pbMask = (1 << Math.floor(byte / 45)) - 1;
    const probs = LITERALS + (0x300 << (this.#lc + lp));
    if (this.#probs.length !== probs) this.#probs = new Uint16Array(probs);
    this.resetState();
  }

  resetState(): void {
    this.#probs.fill(HALF);
    this.#state = 0;
    this.#reps = [0, 0, 0, 0];
  }

  /** What was written so far can no longer be referred to. */
  resetDictionary(): void {
    this.#dictionaryStart = this.position;
  }

  /** Takes bytes over as they are. */
  copy(bytes: Buffer): void {
    if (bytes.length > this.out.length - this.position) throw broken();
    bytes.copy(this.out, this.position);
    this.position += bytes.length;
  }

  /** Begins a run of range-coded bytes. */
  start(input: Buffer): void {
    if (input.length < 5 || input[0] !== 0) throw broken();
    this.#input = input;
    this.#at = 5;
    this.#code = input.readUInt32BE(1);
    this.#range = 0xffffffff;
  }

  /** Decodes on until at least `pause` bytes are in `out`, but never beyond `end`. */
  run(pause: number, end: number): void {
    const stop = Math.min(pause, end);
    while (this.position < stop) {
      const posState = (this.position - this.#dictionaryStart) & this.#pbMask;
      const state = this.#state;
      if (this.#bit(IS_MATCH + state * POS_STATES + posState) === 0) this.#literal();
      else this.#match(state, posState, end);
    }
  }

  #match(state: number, posState: number, end: number): void {
    if (this.#bit(IS_REP + state) === 0) {
      const [rep0, rep1, rep2] = this.#reps;
      const length = this.#length(MATCH_LENGTH, posState);
      const distance = this.#distance(length);
      if (distance === END_MARK) throw broken();
      this.#reps = [distance, rep0, rep1, rep2];
      this.#state = state < 7 ? 7 : 10;
      this.#repeat(length + MIN_MATCH, end);
    } else if (this.#bit(IS_REP_G0 + state) === 1) {
      this.#pickRep(state);
      this.#repeatLong(state, posState, end);
    } else if (this.#bit(IS_REP0_LONG + state * POS_STATES + posState) === 1) {
      this.#repeatLong(state, posState, end);
    } else {
      this.#state = state < 7 ? 9 : 11;
      this.#repeat(1, end);
    }
  }

  #repeatLong(state: number, posState: number, end: number): void {
    const length = this.#length(REP_LENGTH, posState);
    this.#state = state < 7 ? 8 : 11;
    this.#repeat(length + MIN_MATCH, end);
  }

  /** Brings the second, third or fourth last distance to the front. */
  #pickRep(state: number): void {
    const [rep0, rep1, rep2, rep3] = this.#reps;
    if (this.#bit(IS_REP_G1 + state) === 0) this.#reps = [rep1, rep0, rep2, rep3];
    else if (this.#bit(IS_REP_G2 + state) === 0) this.#reps = [rep2, rep0, rep1, rep3];
    else this.#reps = [rep3, rep0, rep1, rep2];
  }

  #repeat(length: number, end: number): void {
    const { out } = this;
    const start = this.position;
    const from = start - this.#reps[0] - 1;
    if (from < this.#dictionaryStart || length > end - start) throw broken();
    // The source may run into what is being written, so not copyWithin.
    for (let i = 0; i < length; i++) out[start + i] = out[from + i] as number;
    this.position = start + length;
  }

  #literal(): void {
    const { out, position } = this;
    const start = this.#dictionaryStart;
    const before = position > start ? (out[position - 1] as number) : 0;
    const context = (((position - start) & this.#lpMask) << this.#lc) + (before >> (8 - this.#lc));
    const probs = LITERALS + 0x300 * context;
    let symbol = 1;
    if (this.#state >= 7) {
      const from = position - this.#reps[0] - 1;
      if (from < start) throw broken();
      for (let matched = (out[from] as number) << 1; symbol < 0x100; matched <<= 1) {
        const expected = matched & 0x100;
        const bit = this.#bit(probs + 0x100 + expected + symbol);
        symbol = (symbol << 1) | bit;
        if (expected >> 8 !== bit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(probs + symbol);
    out[position] = symbol;
    this.position = position + 1;
    const state = this.#state;
    this.#state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
  }

  /** The length of a match, less than it by MIN_MATCH. */
  #length(coder: number, posState: number): number {
    if (this.#bit(coder) === 0) return this.#tree(coder + 2 + posState * 8, 3);
    if (this.#bit(coder + 1) === 0) return 8 + this.#tree(coder + 2 + (POS_STATES + posState) * 8, 3);
    return 16 + this.#tree(coder + 2 + POS_STATES * 8 * 2, 8);
  }

  #distance(length: number): number {
    const slot = this.#tree(POS_SLOT + Math.min(length, 3) * 64, 6);
    if (slot < 4) return slot;
    const directBits = (slot >> 1) - 1;
    const base = ((2 | (slot & 1)) << directBits) >>> 0;
    if (slot < 14) return base + this.#reverseTree(POS_SPECIAL + base - slot, directBits);
    return (base + this.#direct(directBits - 4) * 16 + this.#reverseTree(ALIGN, 4)) >>> 0;
  }

  #tree(probs: number, bits: number): number {
    let symbol = 1;
    for (let i = 0; i < bits; i++) symbol = (symbol << 1) | this.#bit(probs + symbol);
    return symbol - (1 << bits);
  }

  #reverseTree(probs: number, bits: number): number {
    let symbol = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.#bit(probs + symbol);
      symbol = (symbol << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  #direct(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++) {
      if (this.#range < TOP) this.#normalize();
      this.#range = this.#range >>> 1;
      const bit = this.#code >= this.#range ? 1 : 0;
      if (bit === 1) this.#code -= this.#range;
      value = value * 2 + bit;
    }
    return value;
  }

  #bit(index: number): 0 | 1 {
    if (this.#range < TOP) this.#normalize();
    const prob = this.#probs[index] as number;
    const bound = (this.#range >>> 11) * prob;
    if (this.#code < bound) {
      this.#range = bound;
      this.#probs[index] = prob + ((2048 - prob) >> 5);
      return 0;
    }
    this.#range -= bound;
    this.#code -= bound;
    this.#probs[index] = prob - (prob >> 5);
    return 1;
  }

  #normalize(): void {
    if (this.#at >= this.#input.length) throw broken();
    this.#range = (this.#range << 8) >>> 0;
    this.#code = ((this.#code << 8) | (this.#input[this.#at++] as number)) >>> 0;
  }
}

function broken(): Error {
  return malformedSevenZip("its packed header is damaged");
}
