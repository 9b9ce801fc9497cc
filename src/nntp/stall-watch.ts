import type { Clock } from "../base/clock.ts";

/** How often running fetches are looked at; nothing is looked at while there are none. */
const LOOK_MS = 50;
/** Called so much too late, the process itself stood still, and every silence is a false one. */
const OWN_STALL_MS = 50;

/** A fetch that can be helped when it stalls. */
export interface Watched {
  /** Called again and again while it runs; must be quick. */
  look(now: number): void;
}

/** One timer for all fetches under way, so that none needs one of its own. */
export class StallWatch {
  readonly #clock: Clock;
  readonly #watched = new Set<Watched>();
  #isTimed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
    this.#lookSoon();
  }

  remove(watched: Watched): void {
    this.#watched.delete(watched);
  }

  /** A timer that finds nothing to do is not set again, and costs less than setting and clearing one per fetch. */
  #lookSoon(): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    const due = this.#clock.now() + LOOK_MS;
    this.#clock.after(LOOK_MS, () => {
      this.#isTimed = false;
      if (this.#watched.size === 0) return;
      const now = this.#clock.now();
      if (now - due < OWN_STALL_MS) for (const watched of this.#watched) watched.look(now);
      this.#lookSoon();
    });
  }
}
