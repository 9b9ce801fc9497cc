/** A door that a test opens: whoever comes before waits, and the test can wait for somebody to come. */
export interface Gate {
  /** For whoever has to wait. */
  pass(): Promise<void>;
  /** Resolves when somebody waits, or has passed. */
  readonly reached: Promise<void>;
  open(): void;
}

export function createGate(): Gate {
  let open: () => void = () => {};
  let reach: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  return {
    pass() {
      reach();
      return opened;
    },
    reached,
    open: () => open(),
  };
}

/** Resolves when `count` has stayed the same for so many turns of the event loop. */
export async function settled(count: () => number, turns = 40): Promise<number> {
  let last = count();
  for (let quiet = 0; quiet < turns; quiet += 1) {
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
    if (count() !== last) {
      last = count();
      quiet = 0;
    }
  }
  return last;
}

/** Counts the turns of the event loop. */
export function countTurns(): Disposable & { readonly now: number } {
  let now = 0;
  const tick = () => {
    now += 1;
    next = setImmediate(tick);
  };
  let next = setImmediate(tick);
  return {
    get now() {
      return now;
    },
    [Symbol.dispose]: () => clearImmediate(next),
  };
}
