/** Weight of a new sample: about the last dozen count. */
const WEIGHT = 0.15;

/** Exponentially weighted mean; undefined before the first sample. */
export class Mean {
  #value: number | undefined;

  get value(): number | undefined {
    return this.#value;
  }

  add(sample: number): void {
    this.#value = this.#value === undefined ? sample : this.#value + WEIGHT * (sample - this.#value);
  }
}

/** Samples that a quantile is taken from. */
const WINDOW = 64;

/** A quantile of the latest 64 samples. */
export class Quantile {
  readonly #share: number;
  readonly #enough: number;
  readonly #samples: number[] = [];
  #next = 0;
  #value: number | undefined;

  /** `share`: 0.95 for the value that 95 % stay below. Before there are `enough` samples it is undefined. */
  constructor(share: number, enough: number) {
    this.#share = share;
    this.#enough = enough;
  }

  get value(): number | undefined {
    if (this.#value !== undefined || this.#samples.length < this.#enough) return this.#value;
    const sorted = this.#samples.toSorted((a, b) => a - b);
    this.#value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * this.#share))];
    return this.#value;
  }

  add(sample: number): void {
    this.#samples[this.#next] = sample;
    this.#next = (this.#next + 1) % WINDOW;
    this.#value = undefined;
  }
}
