import type { Segment } from "../catalog/catalog.ts";

/** Segments asked of the catalog at a time. */
const BATCH = 32;
/** Batches in a row without a new article, after which the library is taken to hold no more of them. */
const FRUITLESS = 3;

/** Draws some segments of the library at random. */
export type SampleSegments = (count: number) => readonly Segment[];

/** Articles to test with, none twice, so that no cache at the provider's flatters it; a library that is too small begins anew. */
export class FreshArticles {
  readonly #sample: SampleSegments;
  readonly #seen = new Set<string>();
  readonly #ready: Segment[] = [];
  #repeats = false;

  constructor(sample: SampleSegments) {
    this.#sample = sample;
  }

  /** Whether articles had to be given out a second time. */
  get repeats(): boolean {
    return this.#repeats;
  }

  /** undefined when the library holds none. */
  next(): Segment | undefined {
    for (let tries = 0; this.#ready.length === 0; tries += 1) {
      if (tries === FRUITLESS) {
        if (this.#seen.size === 0) return undefined;
        this.#seen.clear();
        this.#repeats = true;
        tries = 0;
      }
      for (const segment of this.#sample(BATCH)) {
        const { id } = segment;
        if (id === undefined || this.#seen.has(id)) continue;
        this.#seen.add(id);
        this.#ready.push(segment);
      }
    }
    return this.#ready.pop();
  }
}
