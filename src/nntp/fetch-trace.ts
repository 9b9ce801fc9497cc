/** What one provider made of one command for an article. */
export interface Try {
  readonly provider: string;
  readonly result: "ok" | "missing" | "corrupt" | "failed" | "lost the race";
}

/** The times of one try, on the clock's scale; undefined before they come. */
export interface TryTimes {
  /** When it began to wait for a connection. */
  readonly askedAt: number;
  /** When its command was sent. */
  sentAt: number | undefined;
  /** When its status line came. */
  firstByteAt: number | undefined;
}

/** Tries that are remembered of one fetch; more of them say nothing new. */
const MAX_TRIES = 8;

/** The course of one fetch, filled in while it runs; times on the clock's scale, undefined before they come. */
export class FetchTrace {
  /** When it was asked for. */
  readonly askedAt: number;
  /** When there was memory for it. */
  slotAt: number | undefined;
  /** Time spent in decoding and checking it. */
  decodeMs = 0;
  /** Whether a second connection was asked because the first made no progress. */
  isHedged = false;
  /** One after the other; a second try beside the first is none of them. */
  readonly times: TryTimes[] = [];
  readonly tries: Try[] = [];

  constructor(askedAt: number) {
    this.askedAt = askedAt;
  }

  /** Those of the latest try. */
  get latest(): TryTimes | undefined {
    return this.times.at(-1);
  }

  /** A try begins. */
  begin(askedAt: number): TryTimes {
    const times: TryTimes = { askedAt, sentAt: undefined, firstByteAt: undefined };
    if (this.times.length < MAX_TRIES) this.times.push(times);
    return times;
  }

  note(attempt: Try): void {
    if (this.tries.length < MAX_TRIES) this.tries.push(attempt);
  }
}
