import type { Clock } from "../base/clock.ts";
import { reserveOf, type StatFs } from "./disk-place.ts";

const CHECK_MS = 5_000;
/** Writing begins again only when so much more than the reserve is free, or it would begin and end all the time. */
const RESUME_RATIO = 1.25;

/** Whether the disk has room to spare: asks the system once in five seconds at most, and only while somebody writes. */
export class DiskSpace {
  readonly #folder: string;
  readonly #statfs: StatFs;
  readonly #clock: Clock;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #freeBytes = 0;
  #usedBytes = 0;
  #reserveBytes = 0;
  #isLow = false;

  constructor(folder: string, statfs: StatFs, clock: Clock) {
    this.#folder = folder;
    this.#statfs = statfs;
    this.#clock = clock;
  }

  /** Whether `bytes` more may be written, when the cache's files have `usedBytes` now. Rejects with what the system says. */
  async admits(bytes: number, usedBytes: number): Promise<boolean> {
    if (this.#clock.now() - this.#checkedAt >= CHECK_MS) {
      const facts = await this.#statfs(this.#folder);
      this.#checkedAt = this.#clock.now();
      this.#freeBytes = facts.bavail * facts.bsize;
      this.#usedBytes = usedBytes;
      this.#reserveBytes = reserveOf(facts.blocks * facts.bsize);
    }
    const freeBytes = this.#freeBytes - (usedBytes - this.#usedBytes) - bytes;
    this.#isLow = freeBytes < this.#reserveBytes * (this.#isLow ? RESUME_RATIO : 1);
    return !this.#isLow;
  }
}
