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

/** Bytes leave in bursts: a request that is open counts for so long after its last one, however short the hold-off is. */
const BURST_MS = 1_000;

export interface AdmissionOptions {
  readonly limits: AdmissionLimits;
  readonly clock: Clock;
  readonly log: Logger;
  /** Jobs of the queue that wait for whatever reason; those at the gate unless given. */
  readonly waiting?: () => number;
  /** Whether the whole queue is paused; never unless given. */
  readonly isPaused?: () => boolean;
}

/**
 * Counts who is watching and derives from it what imports may do.
 * A stream is active from its ticket until the hold-off after its last byte; an open socket that nobody reads does not count for longer.
 */
export class AdmissionController implements Admission {
  readonly #options: AdmissionOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #jobs: Limiter;
  readonly #streams = new Map<string, Stream>();
  readonly #listeners = new Set<() => void>();
  /** Jobs that wait for their place, with the time up to which their wait is counted. */
  readonly #atGate = new Set<{ since: number }>();
  #limits: AdmissionLimits;
  #jobWaitMs = 0;
  #timer: Disposable | undefined;
  #lastCount = 0;

  constructor(options: AdmissionOptions) {
    const { limits, clock, log } = options;
    this.#options = options;
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

  async admitJob(cancel: Cancel): Promise<Disposable> {
    const wait = { since: this.#clock.now() };
    this.#atGate.add(wait);
    try {
      return await this.#jobs.acquire(cancel);
    } finally {
      this.#jobWaitMs += this.#clock.now() - wait.since;
      this.#atGate.delete(wait);
    }
  }

  get jobWaitMs(): number {
    const now = this.#clock.now();
    for (const wait of this.#atGate) {
      this.#jobWaitMs += now - wait.since;
      wait.since = now;
    }
    return this.#jobWaitMs;
  }

  get activeStreams(): number {
    return this.#countActive();
  }

  importConnections(): number {
    return importConnections(this.#limits, this.#countActive());
  }

  get limits(): AdmissionLimits {
    return this.#limits;
  }

  change(limits: Partial<AdmissionLimits>): void {
    const keys = Object.keys(limits) as (keyof AdmissionLimits)[];
    const changed = keys.filter((key) => limits[key] !== this.#limits[key]).map((key) => [key, limits[key]]);
    if (changed.length === 0) return;
    this.#limits = { ...this.#limits, ...limits };
    this.#lookAgain();
    this.#apply(Object.fromEntries(changed));
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
      jobs: {
        running: this.#jobs.used,
        waiting: this.#options.waiting?.() ?? this.#jobs.waiting,
        limit: this.#jobs.cap,
        isPaused: this.#options.isPaused?.() ?? false,
      },
      connections: { total: this.#limits.connections, imports: importConnections(this.#limits, streams) },
    };
    return { ...state, words: inWords(state, this.#limits.holdOffMs) };
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#listeners.clear();
  }

  #isActive(stream: Stream): boolean {
    return this.#clock.now() < this.#endOf(stream);
  }

  /** When it ends to be active, unless more bytes leave. */
  #endOf({ open, lastByteAt }: Stream): number {
    const { holdOffMs } = this.#limits;
    return lastByteAt + (open > 0 ? Math.max(holdOffMs, BURST_MS) : holdOffMs);
  }

  #countActive(): number {
    let active = 0;
    for (const stream of this.#streams.values()) if (this.#isActive(stream)) active += 1;
    return active;
  }

  #holdOffUntil(): number | undefined {
    const active = [...this.#streams.values()].filter((stream) => this.#isActive(stream));
    if (active.length === 0 || active.some((stream) => stream.open > 0)) return undefined;
    const last = Math.max(...active.map((stream) => this.#endOf(stream)));
    return this.#clock.wall() + last - this.#clock.now();
  }

  #update(): void {
    this.#lookAgain();
    if (this.#countActive() !== this.#lastCount) this.#apply({});
  }

  /** Forgets streams that have ended, and comes back when the next one does. */
  #lookAgain(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    let nextEnd = Number.POSITIVE_INFINITY;
    for (const [key, stream] of this.#streams) {
      if (this.#isActive(stream)) nextEnd = Math.min(nextEnd, this.#endOf(stream));
      else if (stream.open === 0) this.#streams.delete(key);
    }
    if (nextEnd < Number.POSITIVE_INFINITY) {
      this.#timer = this.#clock.after(Math.max(1, nextEnd - this.#clock.now()), () => this.#update());
    }
  }

  /** Lets the present number of streams and the limits take effect, and says so. */
  #apply(changed: Partial<AdmissionLimits>): void {
    const streams = this.#countActive();
    this.#lastCount = streams;
    this.#jobs.setCap(jobLimit(this.#limits, streams));
    this.#log.info({ ...changed, streams, importConnections: this.importConnections() }, this.state.words);
    for (const call of this.#listeners) call();
  }
}
