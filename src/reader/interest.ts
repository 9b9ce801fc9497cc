import { LANES, type Lane, type Urgency } from "../nntp/lanes.ts";

/** The lane of what nobody wants any more and what is read to its end all the same. */
const DESERTED = LANES.indexOf("readahead");

/** How many want something, and how urgently: the lane is that of the most urgent of them. */
export class Interest implements Urgency {
  /** By lane, most urgent first. */
  readonly #counts = LANES.map(() => 0);
  #watchers: Set<() => void> | undefined;
  #rank: number;

  constructor(lane: Lane) {
    this.#rank = LANES.indexOf(lane);
  }

  get lane(): Lane {
    return LANES[this.#rank] as Lane;
  }

  get isNone(): boolean {
    return this.#counts.every((count) => count === 0);
  }

  join(lane: Lane): void {
    const rank = LANES.indexOf(lane);
    this.#counts[rank] = (this.#counts[rank] as number) + 1;
    if (rank >= this.#rank) return;
    this.#rank = rank;
    for (const call of this.#watchers ?? []) call();
  }

  leave(lane: Lane): void {
    const rank = LANES.indexOf(lane);
    this.#counts[rank] = Math.max(0, (this.#counts[rank] as number) - 1);
    const wanted = this.#counts.findIndex((count) => count > 0);
    this.#rank = wanted < 0 ? DESERTED : wanted;
  }

  watch(call: () => void): Disposable {
    this.#watchers ??= new Set();
    this.#watchers.add(call);
    return { [Symbol.dispose]: () => this.#watchers?.delete(call) };
  }
}
