import { raceAbort } from "../base/abort.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { SpeedEvent, SpeedProgress } from "./speed-test-events.ts";

/** Does the work and tells how it goes, the report last. */
type Work = (tell: (event: SpeedEvent) => void, cancel: Cancel) => Promise<void>;

/**
 * One measurement under way, with everyone who follows it. It starts at once, and is stopped when its last follower leaves.
 * What was told is kept, so that who comes later is told it too; of progress only the latest.
 */
export class SpeedRun {
  /** Settles when the work has ended, whichever way. */
  readonly ended: Promise<void>;
  readonly #told: Exclude<SpeedEvent, SpeedProgress>[] = [];
  readonly #stop = new AbortController();
  #progress: SpeedProgress | undefined;
  #followers = 0;
  #hasEnded = false;
  #error: { readonly thrown: unknown } | undefined;
  #wake: () => void = () => {};
  #news: Promise<void> = Promise.resolve();

  constructor(work: Work) {
    this.#renew();
    this.ended = work((event) => this.#tell(event), { signal: this.#stop.signal })
      .catch((thrown) => {
        this.#error = { thrown };
      })
      .then(() => {
        this.#hasEnded = true;
        this.#renew();
      });
  }

  /** Whether nobody can join it any more: it has ended, or has been stopped. */
  get isOver(): boolean {
    return this.#hasEnded || this.#stop.signal.aborted;
  }

  stop(reason: Error): void {
    this.#stop.abort(reason);
  }

  /** All that is told, from first to last; throws what the work threw. Leaving the loop, or aborting, leaves the run to the others. */
  async *follow({ signal }: Cancel): AsyncGenerator<SpeedEvent, void, undefined> {
    this.#followers += 1;
    try {
      let progress: SpeedProgress | undefined;
      for (let next = 0; ; ) {
        signal.throwIfAborted();
        const news = this.#news;
        const event = this.#told[next];
        if (event !== undefined) {
          next += 1;
          yield event;
        } else if (this.#progress !== undefined && this.#progress !== progress) {
          progress = this.#progress;
          yield progress;
        } else if (this.#hasEnded) {
          if (this.#error !== undefined) throw this.#error.thrown;
          return;
        } else {
          await raceAbort(news, signal);
        }
      }
    } finally {
      this.#followers -= 1;
      if (this.#followers === 0) this.stop(new Error("nobody waits for this speed test any more"));
    }
  }

  #tell(event: SpeedEvent): void {
    if (event.kind === "progress") {
      this.#progress = event;
    } else {
      this.#told.push(event);
      // It belongs to what comes before.
      this.#progress = undefined;
    }
    this.#renew();
  }

  /** Wakes those who wait for news; whoever looks from here on waits for the next. */
  #renew(): void {
    this.#wake();
    this.#news = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
