import type { Clock } from "../base/clock.ts";

/** How far one article has come. */
export interface Arrival {
  /** Decoded bytes so far. */
  readonly filled: number;
}

interface Arriving {
  filled: number;
  /** Those of `filled` that came before bytes counted, and those that count. */
  uncounted: number;
  counted: number;
}

/**
 * The rate of one step. Bytes count from when as many articles flow as there are connections, so that opening them does not,
 * until the meter is stopped; what turns out to be wrong is taken off again, even after that.
 */
export class SpeedMeter {
  readonly #clock: Clock;
  readonly #connections: number;
  readonly #startedAt: number;
  #flowing = 0;
  #uncountedBytes = 0;
  #countedBytes = 0;
  #countedFrom: number | undefined;
  #stoppedAt: number | undefined;

  constructor(clock: Clock, connections: number) {
    this.#clock = clock;
    this.#connections = connections;
    this.#startedAt = clock.now();
  }

  /** Since the start, and since bytes count. */
  get lastedMs(): number {
    return this.#clock.now() - this.#startedAt;
  }

  get countedMs(): number {
    return this.#countedFrom === undefined ? 0 : this.#clock.now() - this.#countedFrom;
  }

  get countedBytes(): number {
    return this.#countedBytes;
  }

  get isStopped(): boolean {
    return this.#stoppedAt !== undefined;
  }

  /** Of what counts; of everything when nothing does yet. */
  get bytesPerSecond(): number {
    const until = this.#stoppedAt ?? this.#clock.now();
    const hasCounted = this.#countedFrom !== undefined && this.#countedBytes > 0;
    const bytes = hasCounted ? this.#countedBytes : this.#uncountedBytes;
    const from = hasCounted ? (this.#countedFrom as number) : this.#startedAt;
    return Math.round((bytes * 1000) / Math.max(1, until - from));
  }

  begin(): Arrival {
    const arriving: Arriving = { filled: 0, uncounted: 0, counted: 0 };
    return arriving;
  }

  arrived(article: Arrival, filled: number): void {
    const arriving = article as Arriving;
    const more = filled - arriving.filled;
    if (more <= 0) return;
    if (arriving.filled === 0) this.#flowing += 1;
    arriving.filled = filled;
    if (this.isStopped) return;
    if (this.#countedFrom !== undefined) {
      arriving.counted += more;
      this.#countedBytes += more;
    } else {
      arriving.uncounted += more;
      this.#uncountedBytes += more;
      if (this.#flowing >= this.#connections) this.startCounting();
    }
  }

  /** What came of it so far was wrong, or came in vain. */
  forget(article: Arrival): void {
    const arriving = article as Arriving;
    this.#uncountedBytes -= arriving.uncounted;
    this.#countedBytes -= arriving.counted;
    Object.assign(arriving, { filled: 0, uncounted: 0, counted: 0 } satisfies Arriving);
  }

  startCounting(): void {
    this.#countedFrom ??= this.#clock.now();
  }

  stop(): void {
    this.#stoppedAt ??= this.#clock.now();
  }
}
