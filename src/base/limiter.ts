interface Waiter {
  readonly grant: (ticket: Disposable) => void;
}

/**
 * A counting semaphore, first come first served. The cap may change at any time: raising it wakes as many waiters as fit,
 * lowering it below what is out grants nothing until enough came back. A newcomer never passes the queue.
 */
export class Limiter {
  #cap: number;
  #used = 0;
  readonly #waiters = new Set<Waiter>();

  constructor(cap: number) {
    this.#cap = cap;
  }

  get cap(): number {
    return this.#cap;
  }

  get used(): number {
    return this.#used;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  setCap(cap: number): void {
    this.#cap = cap;
    this.#wake();
  }

  /** Waits for a place; disposing the ticket gives it back, twice is harmless. Rejects with the signal's reason. */
  acquire({ signal }: { readonly signal: AbortSignal }): Promise<Disposable> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const leave = () => {
        this.#waiters.delete(waiter);
        reject(signal.reason);
        this.#wake();
      };
      const waiter: Waiter = {
        grant: (ticket) => {
          signal.removeEventListener("abort", leave);
          resolve(ticket);
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiters.add(waiter);
      this.#wake();
    });
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (this.#used >= this.#cap) return;
      this.#waiters.delete(waiter);
      this.#used += 1;
      waiter.grant(this.#ticket());
    }
  }

  #ticket(): Disposable {
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#used -= 1;
        this.#wake();
      },
    };
  }
}
