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

/** How much the floor rises with each sample that is above it, so that a line that has become slower is noticed. */
const RISE = 1.02;

/** The least of what was measured lately: a round trip is what remains when nobody had to wait for anything else. */
export class Floor {
  #value: number | undefined;

  get value(): number | undefined {
    return this.#value;
  }

  add(sample: number): void {
    this.#value = this.#value === undefined ? sample : Math.min(sample, this.#value * RISE);
  }
}

/** Samples that a quantile is taken from, and how many it takes to speak of one. */
const WINDOW = 64;
const ENOUGH = 8;

/** A quantile of the latest 64 samples; undefined before there are eight. */
export class Quantile {
  readonly #share: number;
  readonly #samples: number[] = [];
  #next = 0;

  /** `share`: 0.95 for the value that 95 % stay below. */
  constructor(share: number) {
    this.#share = share;
  }

  get value(): number | undefined {
    if (this.#samples.length < ENOUGH) return undefined;
    const sorted = this.#samples.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * this.#share))];
  }

  add(sample: number): void {
    this.#samples[this.#next] = sample;
    this.#next = (this.#next + 1) % WINDOW;
  }
}
