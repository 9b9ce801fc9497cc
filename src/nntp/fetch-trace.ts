/** What one provider made of one command for an article. */
export interface Try {
  readonly provider: string;
  readonly result: "ok" | "missing" | "corrupt" | "failed" | "lost the race";
}

/** Tries that are remembered of one fetch; more of them say nothing new. */
const MAX_TRIES = 8;

/**
 * The course of one fetch, filled in while it runs; times on the clock's scale, undefined before they come. Of several tries the latest
 * one counts: the story is told to somebody who waits for what is still to come.
 */
export class FetchTrace {
  /** When it was asked for. */
  readonly askedAt: number;
  /** When there was memory for it. */
  slotAt: number | undefined;
  /** When its command was sent. */
  sentAt: number | undefined;
  /** When its status line came. */
  firstByteAt: number | undefined;
  /** When its last byte had come and had been found right. */
  doneAt: number | undefined;
  /** Time spent in decoding and checking it. */
  decodeMs = 0;
  /** Whether a second connection was asked because the first made no progress. */
  isHedged = false;
  readonly tries: Try[] = [];

  constructor(askedAt: number) {
    this.askedAt = askedAt;
  }

  note(attempt: Try): void {
    if (this.tries.length < MAX_TRIES) this.tries.push(attempt);
  }
}
