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
