import type { ByteRange } from "../base/byte-range.ts";
import type { MessageId } from "../base/message-id.ts";
import type { EntryId } from "./catalog.ts";

/** missing: no provider has the article. corrupt: none has it intact. */
export type DamageKind = "missing" | "corrupt";

/** Holes of one file that are recorded; a file with more is beyond hope, and nobody reads a longer list. */
export const MAX_HOLES_PER_FILE = 1000;

/**
 * Bytes `[start, end)` of a file as it was posted that could not be had: what one segment holds of it. Of an encrypted file these are
 * places in its ciphertext, `FileCipher.skip` more than those in the plaintext, which lacks a block more on either side.
 */
export interface NewHole extends ByteRange {
  /** undefined: the NZB names no article for these bytes. */
  readonly messageId: MessageId | undefined;
  readonly kind: DamageKind;
}

/** A hole as it is recorded. Times are milliseconds since 1970. */
export interface Hole extends NewHole {
  readonly since: number;
  readonly lastSeen: number;
}

/** What is recorded of one kind in the whole library. */
export interface DamageCount {
  readonly holes: number;
  readonly bytes: number;
}

/** The holes that reads have found, gone with their file. Every call is one short transaction. */
export interface DamageLog {
  /**
   * Records a hole, or that it is still there: one row for each offset. Passes over a file that is gone, and over a new hole
   * of a file that has MAX_HOLES_PER_FILE already.
   */
  record(file: EntryId, hole: NewHole): void;
  /** The holes of a file by offset; empty for whatever is not a file. */
  list(file: EntryId): readonly Hole[];
  /** Forgets the holes of a file that overlap `range`, or all of them. Returns how many. */
  clear(file: EntryId, range?: ByteRange): number;
  totals(): Readonly<Record<DamageKind, DamageCount>>;
}
