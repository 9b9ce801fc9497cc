const SECONDS = 10;

interface Second {
  readonly number: number;
  bytes: number;
}

/** Bytes a second over the last ten seconds, without a timer. Times are milliseconds on one scale. */
export class RecentRate {
  readonly #startedAt: number;
  /** Those in which something came, oldest first. */
  readonly #seconds: Second[] = [];

  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  add(bytes: number, now: number): void {
    const number = Math.floor(now / 1000);
    const last = this.#seconds.at(-1);
    if (last?.number === number) {
      last.bytes += bytes;
      return;
    }
    this.#seconds.push({ number, bytes });
    if (this.#seconds.length > SECONDS) this.#seconds.shift();
  }

  bytesPerSecond(now: number): number {
    const first = Math.floor(now / 1000) - SECONDS + 1;
    const bytes = this.#seconds.reduce((sum, second) => (second.number < first ? sum : sum + second.bytes), 0);
    const elapsedMs = now - Math.max(this.#startedAt, first * 1000);
    return (bytes * 1000) / Math.max(1000, elapsedMs);
  }
}
