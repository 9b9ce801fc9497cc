const SLICE_MS = 5;
const MAX_SLICE_BYTES = 64 * 1024;
/** Timers fire late; so much lateness is made up for by sending the next slices sooner. */
const MAX_LATE_MS = 20;

/** When the next slice of a connection may go out so that it keeps to its rate. Pure arithmetic over times in milliseconds. */
export class Pacer {
  #freeAt = Number.NEGATIVE_INFINITY;

  /** How many bytes to send in one go at so many bytes per second: 5 ms worth, at least one. */
  sliceBytes(bytesPerSecond: number): number {
    return Math.min(MAX_SLICE_BYTES, Math.max(1, Math.floor((bytesPerSecond * SLICE_MS) / 1000)));
  }

  /** Milliseconds until the line is free. */
  delay(now: number): number {
    return Math.max(0, this.#freeAt - now);
  }

  /** So many bytes go out now. */
  sent(bytes: number, bytesPerSecond: number, now: number): void {
    const from = now - this.#freeAt <= MAX_LATE_MS ? this.#freeAt : now;
    this.#freeAt = from + (bytes / bytesPerSecond) * 1000;
  }
}
