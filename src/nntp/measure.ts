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
