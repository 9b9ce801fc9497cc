import { type Clock, systemClock } from "../../src/base/clock.ts";

interface Timer {
  dueAt: number;
  readonly everyMs: number | undefined;
  readonly call: () => void;
  running: Disposable;
}

/** Real time, as real sockets need it, that a test may push forward: what is due by then is called at once, in order. */
export class SkippingClock implements Clock {
  readonly #timers = new Set<Timer>();
  #skippedMs = 0;

  now(): number {
    return systemClock.now() + this.#skippedMs;
  }

  wall(): number {
    return systemClock.wall() + this.#skippedMs;
  }

  after(ms: number, call: () => void): Disposable {
    return this.#add(ms, undefined, call);
  }

  every(ms: number, call: () => void): Disposable {
    return this.#add(ms, ms, call);
  }

  skip(ms: number): void {
    this.#skippedMs += ms;
    const due = [...this.#timers].filter(({ dueAt }) => dueAt <= this.now()).sort((a, b) => a.dueAt - b.dueAt);
    for (const timer of due) if (this.#timers.has(timer)) this.#fire(timer);
    for (const timer of this.#timers) this.#wind(timer);
  }

  #add(ms: number, everyMs: number | undefined, call: () => void): Disposable {
    const timer: Timer = { dueAt: this.now() + ms, everyMs, call, running: { [Symbol.dispose]() {} } };
    this.#timers.add(timer);
    this.#wind(timer);
    return {
      [Symbol.dispose]: () => {
        this.#timers.delete(timer);
        timer.running[Symbol.dispose]();
      },
    };
  }

  #wind(timer: Timer): void {
    timer.running[Symbol.dispose]();
    timer.running = systemClock.after(Math.max(0, timer.dueAt - this.now()), () => this.#fire(timer));
  }

  #fire(timer: Timer): void {
    timer.running[Symbol.dispose]();
    if (timer.everyMs === undefined) {
      this.#timers.delete(timer);
    } else {
      timer.dueAt = this.now() + timer.everyMs;
      this.#wind(timer);
    }
    timer.call();
  }
}
