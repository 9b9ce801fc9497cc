import { LANES, type Lane, type Urgency } from "../nntp/lanes.ts";

/** How many want something, and how urgently: the lane is that of the most urgent of them. */
export class Interest implements Urgency {
  readonly #counts = new Map<Lane, number>();
  readonly #watchers = new Set<() => void>();
  #lane: Lane;

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  get lane(): Lane {
    return this.#lane;
  }

  get isNone(): boolean {
    return this.#counts.size === 0;
  }

  join(lane: Lane): void {
    this.#counts.set(lane, (this.#counts.get(lane) ?? 0) + 1);
    if (LANES.indexOf(lane) < LANES.indexOf(this.#lane)) {
      this.#lane = lane;
      for (const call of this.#watchers) call();
    }
  }

  leave(lane: Lane): void {
    const left = (this.#counts.get(lane) ?? 1) - 1;
    if (left > 0) this.#counts.set(lane, left);
    else this.#counts.delete(lane);
    this.#lane = LANES.find((candidate) => this.#counts.has(candidate)) ?? this.#lane;
  }

  watch(call: () => void): Disposable {
    this.#watchers.add(call);
    return { [Symbol.dispose]: () => this.#watchers.delete(call) };
  }
}
