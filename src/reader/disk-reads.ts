import { onAbort } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { Limiter } from "../base/limiter.ts";
import type { Cancel } from "../base/seekable-file.ts";

/** With the one that writes these are three of the four threads that Node has for files, so that name look-ups find one free. */
const MAX_READS = 2;
const PATIENCE_MS = 1_000;
const IMPATIENT = new Error("the disk does not answer");

/** Places for reads. A disk that sleeps or hangs keeps two readers at most: others are told to fetch elsewhere. */
export class DiskReads {
  readonly #clock: Clock;
  readonly #places = new Limiter(MAX_READS);
  readonly #startedAt = new Set<{ readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a read has been under way for longer than any disk that is awake needs. */
  get isStalled(): boolean {
    for (const { at } of this.#startedAt) if (this.#clock.now() - at > PATIENCE_MS) return true;
    return false;
  }

  /** Runs `work` when a place is free; undefined when none becomes free soon. Rejects with the signal's reason while it waits. */
  async run<T>(work: () => Promise<T>, { signal }: Cancel): Promise<T | undefined> {
    const place = await this.#place(signal);
    if (place === undefined) return undefined;
    const started = { at: this.#clock.now() };
    this.#startedAt.add(started);
    try {
      return await work();
    } finally {
      this.#startedAt.delete(started);
      place[Symbol.dispose]();
    }
  }

  /** Resolves when no read is under way, and lets none begin any more. Rejects with the signal's reason. */
  async end({ signal }: Cancel): Promise<void> {
    for (let n = 0; n < MAX_READS; n += 1) await this.#places.acquire({ signal });
  }

  async #place(signal: AbortSignal): Promise<Disposable | undefined> {
    const wait = new AbortController();
    using _leave = onAbort(signal, () => wait.abort(signal.reason));
    using _patience = this.#clock.after(PATIENCE_MS, () => wait.abort(IMPATIENT));
    try {
      return await this.#places.acquire(wait);
    } catch (error) {
      if (error === IMPATIENT) return undefined;
      throw error;
    }
  }
}
