import type { ReadClass } from "../reader/read-class.ts";
import type { WaitPhases } from "../reader/wait.ts";

/** Where the time of a stream went, in milliseconds: waiting, and `send`: bytes were with the client, which had not yet taken them. */
export interface StreamPhases extends WaitPhases {
  readonly send: number;
}

/** A player was kept waiting. */
export interface Stall {
  /** When it was over, in milliseconds since 1970. */
  readonly at: number;
  /** Offset of the bytes that were waited for. */
  readonly position: number;
  readonly durationMs: number;
  /** In words. */
  readonly cause: string;
}

/** One client that reads one file, as it stands or as it was when it ended. Times are milliseconds since 1970. */
export interface StreamSnapshot {
  readonly path: string;
  readonly client: string;
  readonly userAgent: string;
  /** What the client does with the file, as far as can be told. */
  readonly class: ReadClass;
  readonly startedAt: number;
  /** Undefined until it has ended. */
  readonly endedAt: number | undefined;
  readonly requests: number;
  readonly openRequests: number;
  readonly failures: number;
  /** Where the last byte sent lies in the file. */
  readonly position: number;
  readonly size: number;
  readonly bytes: number;
  /** Over the last ten seconds. */
  readonly bytesPerSecond: number;
  readonly lastByteAt: number;
  /** From the latest request to its first byte, in milliseconds; undefined before one came. */
  readonly firstByteMs: number | undefined;
  /** It is connected and takes nothing: a player whose buffer is full. */
  readonly paused: boolean;
  readonly phases: StreamPhases;
  /** `last` holds the latest ones, oldest first. */
  readonly stalls: { readonly count: number; readonly totalMs: number; readonly last: readonly Stall[] };
}
