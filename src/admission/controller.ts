import type { Clock } from "../base/clock.ts";
import { Limiter } from "../base/limiter.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Admission, AdmissionLimits, AdmissionState, StreamInfo, StreamTicket } from "./admission.ts";
import { importConnections, inWords, jobLimit } from "./budget.ts";

interface Stream {
  open: number;
  /** When the last body byte left, on the clock's scale. */
  lastByteAt: number;
}

export interface AdmissionOptions {
  readonly limits: AdmissionLimits;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Counts who is watching and derives from it what imports may do.
 * A stream is active from its ticket until the hold-off after its last byte; an open socket that nobody reads does not count for longer.
 */
export class AdmissionController implements Admission {
  readonly #limits: AdmissionLimits;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #jobs: Limiter;
  readonly #streams = new Map<string, Stream>();
  readonly #listeners = new Set<() => void>();
  #timer: Disposable | undefined;
  #lastCount = 0;

  constructor({ limits, clock, log }: AdmissionOptions) {
    this.#limits = limits;
    this.#clock = clock;
    this.#log = log;
    this.#jobs = new Limiter(limits.maxJobs);
  }

  openStream({ key }: StreamInfo): StreamTicket {
    const stream = this.#streams.get(key) ?? { open: 0, lastByteAt: 0 };
    stream.open += 1;
    stream.lastByteAt = this.#clock.now();
    this.#streams.set(key, stream);
    this.#update();
    let isHeld = true;
    return {
      touch: () => {
        const wasActive = this.#isActive(stream);
        stream.lastByteAt = this.#clock.now();
        // Somebody who had paused for longer than the hold-off goes on watching.
        if (!wasActive) this.#update();
      },
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        stream.open -= 1;
        this.#update();
      },
    };
  }

  admitJob(cancel: Cancel): Promise<Disposable> {
    return this.#jobs.acquire(cancel);
  }

  get activeStreams(): number {
    return this.#countActive();
  }

  importConnections(): number {
    return importConnections(this.#limits, this.#countActive());
  }

  onChange(call: () => void): Disposable {
    this.#listeners.add(call);
    return { [Symbol.dispose]: () => this.#listeners.delete(call) };
  }

  get state(): AdmissionState {
    const streams = this.#countActive();
    const state = {
      streams,
      holdOffUntil: this.#holdOffUntil(),
      jobs: { running: this.#jobs.used, waiting: this.#jobs.waiting, limit: this.#jobs.cap },
      connections: { total: this.#limits.connections, imports: importConnections(this.#limits, streams) },
    };
    return { ...state, words: inWords(state, this.#limits.holdOffMs) };
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#listeners.clear();
  }

  #isActive(stream: Stream): boolean {
    return this.#clock.now() - stream.lastByteAt < this.#limits.holdOffMs;
  }

  #countActive(): number {
    let active = 0;
    for (const stream of this.#streams.values()) if (this.#isActive(stream)) active += 1;
    return active;
  }

  #holdOffUntil(): number | undefined {
    const active = [...this.#streams.values()].filter((stream) => this.#isActive(stream));
    if (active.length === 0 || active.some((stream) => stream.open > 0)) return undefined;
    const last = Math.max(...active.map((stream) => stream.lastByteAt));
    return this.#clock.wall() + last + this.#limits.holdOffMs - this.#clock.now();
  }

  /** Applies the number of active streams, and comes back when the next of them ends. */
  #update(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    let nextEnd = Number.POSITIVE_INFINITY;
    for (const [key, stream] of this.#streams) {
      if (this.#isActive(stream)) nextEnd = Math.min(nextEnd, stream.lastByteAt + this.#limits.holdOffMs);
      else if (stream.open === 0) this.#streams.delete(key);
    }
    if (nextEnd < Number.POSITIVE_INFINITY) {
      this.#timer = this.#clock.after(Math.max(1, nextEnd - this.#clock.now()), () => this.#update());
    }
    const count = this.#countActive();
    if (count === this.#lastCount) return;
    this.#lastCount = count;
    this.#jobs.setCap(jobLimit(this.#limits, count));
    this.#log.info({ streams: count, importConnections: this.importConnections() }, this.state.words);
    for (const call of this.#listeners) call();
  }
}
