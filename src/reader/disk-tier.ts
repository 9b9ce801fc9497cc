import type { Cancel } from "../base/seekable-file.ts";

/** Counters since start, and sizes now. */
export interface DiskStats {
  /** Reads answered with a segment, and those that were not: unknown, damaged, or too long to wait for. `has` counts as nothing. */
  readonly hits: number;
  readonly misses: number;
  /** Segments written, and those offered that were not: the disk could not keep up, failed, is nearly full, or is not ready yet. */
  readonly writes: number;
  readonly skipped: number;
  readonly evictions: number;
  /** Files that were found torn or changed and were dropped. */
  readonly damaged: number;
  readonly entries: number;
  /** What all files take, in whole blocks, those being written and about to be removed included; never more than the budget. */
  readonly bytes: number;
  readonly budgetBytes: number;
  /** Why nothing is written at present, in words, until a write has succeeded again; undefined when all is well. */
  readonly pausedBecause: string | undefined;
}

/** Verified segments on disk, for longer than memory lasts. Trouble of the disk is never trouble of a reader. */
export interface DiskTier extends AsyncDisposable {
  /** Whether it may have the segment; no I/O. False for all while the disk does not answer. */
  has(key: string): boolean;
  /**
   * Reads a segment of `size` bytes into the start of `into`; true when all of it is there and right, otherwise `into` may hold anything.
   * Rejects only with the signal's reason. The disk may write into `into` until the promise settles, but never after.
   */
  read(key: string, into: Buffer, size: number, cancel: Cancel): Promise<boolean>;
  /**
   * Offers a verified segment. `bytes` is only read until `done` is called, which happens exactly once, soon: at once when the
   * offer is not taken (known already, no room, too many writes under way), and for all that wait when a write takes long.
   */
  offer(key: string, bytes: Buffer, done: () => void): void;
  stats(): DiskStats;
}
