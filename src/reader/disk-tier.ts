import type { Cancel } from "../base/seekable-file.ts";

/** Counters since start, and sizes now. */
export interface DiskStats {
  readonly hits: number;
  readonly misses: number;
  /** Segments written, and those that were not because the disk could not keep up. */
  readonly writes: number;
  readonly skipped: number;
  readonly evictions: number;
  /** Files that were found torn or changed and were dropped. */
  readonly damaged: number;
  readonly entries: number;
  readonly bytes: number;
  readonly budgetBytes: number;
  /** Why nothing is written at present, in words; undefined when all is well. */
  readonly pausedBecause: string | undefined;
}

/** Verified segments on disk, for longer than memory lasts. Trouble of the disk is never trouble of a reader. */
export interface DiskTier extends AsyncDisposable {
  /** Whether it may have the segment; no I/O. */
  has(key: string): boolean;
  /** Reads a segment of `size` bytes into the start of `into`; true when all of it is there and right. Rejects only with the signal's reason. */
  read(key: string, into: Buffer, size: number, cancel: Cancel): Promise<boolean>;
  /**
   * Offers a verified segment. `bytes` is only read until `done` is called, which happens exactly once, soon: at once when the
   * offer is not taken (known already, no room, too many writes under way).
   */
  offer(key: string, bytes: Buffer, done: () => void): void;
  stats(): DiskStats;
}
