import type { Clock } from "../src/base/clock.ts";

interface Timer {
  dueAt: number;
  readonly everyMs: number | undefined;
  readonly call: () => void;
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>();
  readonly #epoch: number;
  #now = 0;

  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#epoch + this.#now;
  }

  after(ms: number, call: () => void): Disposable {
    return this.#add({ dueAt: this.#now + ms, everyMs: undefined, call });
  }

  every(ms: number, call: () => void): Disposable {
    return this.#add({ dueAt: this.#now + ms, everyMs: ms, call });
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Lets time pass; whatever falls due is called in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.dueAt - b.dueAt)[0];
      if (next === undefined || next.dueAt > end) break;
      this.#now = Math.max(this.#now, next.dueAt);
      if (next.everyMs === undefined) this.#timers.delete(next);
      else next.dueAt += next.everyMs;
      next.call();
    }
    this.#now = end;
  }

  #add(timer: Timer): Disposable {
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => this.#timers.delete(timer) };
  }
}
