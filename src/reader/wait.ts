import type { FetchTrace, Try } from "../nntp/fetch-trace.ts";

/** Where the time of one wait went, in milliseconds. */
export interface WaitPhases {
  /** Until there was memory to decode into. */
  readonly permit: number;
  /** Until a connection was free, opened if need be. */
  readonly connection: number;
  /** From the command to the status line. */
  readonly firstByte: number;
  /** From there to the bytes that were waited for. */
  readonly body: number;
  /** Of all that: decoding and checking. */
  readonly decode: number;
}

/** A reader stood still until a segment had what it needed next. */
export interface Wait {
  readonly phases: WaitPhases;
  /** Sum of permit, connection, firstByte and body. */
  readonly totalMs: number;
  /** Whether these were the first bytes after a jump; otherwise a player that reads on was kept waiting. */
  readonly isFirst: boolean;
  /** What the providers made of it so far, oldest first. */
  readonly tries: readonly Try[];
  readonly isHedged: boolean;
}

/** Is told of every wait of one read. Must be quick and must not throw. */
export interface ReadObserver {
  waited(wait: Wait): void;
}

/** What a wait from `from` until now, `to`, was spent on; times on the clock's scale. */
export function waitOf(trace: FetchTrace, from: number, { to, isFirst }: { to: number; isFirst: boolean }): Wait {
  const within = (start: number, end: number) => Math.max(0, Math.min(end, to) - Math.max(start, from));
  const permit = within(trace.askedAt, trace.slotAt ?? to);
  let connection = 0;
  let firstByte = 0;
  trace.times.forEach(({ askedAt, sentAt, firstByteAt }, index) => {
    const endedAt = trace.times[index + 1]?.askedAt ?? to;
    connection += within(askedAt, sentAt ?? endedAt);
    if (sentAt !== undefined) firstByte += within(sentAt, firstByteAt ?? endedAt);
  });
  const totalMs = to - from;
  const body = Math.max(0, totalMs - permit - connection - firstByte);
  return {
    phases: { permit, connection, firstByte, body, decode: Math.min(trace.decodeMs, body) },
    totalMs,
    isFirst,
    tries: trace.tries,
    isHedged: trace.isHedged,
  };
}
