/**
 * Waits for `work`, but only as long as `signal` allows; then rejects with its reason at once.
 * A result that arrives after the wait was given up is handed to `late`, which must dispose of it.
 */
export function raceAbort<T>(work: Promise<T>, signal: AbortSignal, late?: (value: T) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let left = false;
    const leave = () => {
      left = true;
      reject(signal.reason);
    };
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    work.then(
      (value) => {
        signal.removeEventListener("abort", leave);
        if (left) late?.(value);
        else resolve(value);
      },
      (error) => {
        signal.removeEventListener("abort", leave);
        if (!left) reject(error);
      },
    );
  });
}

/** Calls `stop` once when the signal fires (at once if it has); disposing forgets the wish. */
export function onAbort(signal: AbortSignal, stop: () => void): Disposable {
  if (signal.aborted) {
    stop();
    return { [Symbol.dispose]() {} };
  }
  signal.addEventListener("abort", stop, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", stop) };
}
