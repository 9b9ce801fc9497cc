import type { ReleaseId } from "./catalog.ts";

export type JobId = string & { readonly __brand: "JobId" };

export type JobState = "queued" | "waiting" | "importing" | "completed" | "failed" | "paused" | "cancelled";

/** One import's way through the queue. Times are milliseconds since 1970. */
export interface Job {
  readonly id: JobId;
  readonly state: JobState;
  /** The release's name, as far as it is known. */
  readonly name: string;
  readonly category: string;
  readonly digest: string;
  /** 0 to 1. */
  readonly progress: number;
  /** What it does or waits for, in words. */
  readonly reason: string | undefined;
  readonly error: string | undefined;
  readonly hint: string | undefined;
  readonly release: ReleaseId | undefined;
  readonly attempts: number;
  /** waiting: not claimed before this time. */
  readonly notBefore: number | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface NewJob {
  readonly name: string;
  readonly category: string;
  /** `Nzb.digest`. */
  readonly digest: string;
  /** Passwords given with the request, before any the NZB names. */
  readonly passwords: readonly string[];
  /** The NZB itself, gzip-compressed. */
  readonly nzb: Uint8Array;
}

export interface JobPatch {
  readonly state?: JobState;
  readonly progress?: number;
  readonly reason?: string | null;
  readonly error?: string | null;
  readonly hint?: string | null;
  readonly notBefore?: number | null;
}

/** The durable queue's rows. Every call is one transaction; a move that the table of legal moves does not allow throws. */
export interface JobStore {
  /**
   * Adds a job, or returns the one for the same digest and category that is not failed or cancelled, nor completed with a release of
   * which no file is in the library any more.
   */
  add(job: NewJob): { readonly job: Job; readonly isNew: boolean };
  get(id: string): Job | undefined;
  /** The NZB, gzip-compressed, and the passwords that came with it. */
  source(id: JobId): { readonly nzb: Buffer; readonly passwords: readonly string[] };
  /** Oldest queued job, or waiting job whose time has come, moved to importing and counted as an attempt. */
  claim(): Job | undefined;
  update(id: JobId, patch: JobPatch): Job;
  /** At start: jobs left importing by a dead process are queued again. Returns how many. */
  recover(): number;
  /** Newest first, keyset paging by `after` = the last id of the page before. */
  list(page: { readonly state?: JobState; readonly after?: string; readonly limit: number }): readonly Job[];
  counts(): Readonly<Record<JobState, number>>;
  /** When the earliest waiting job may be claimed; undefined when none waits. */
  nextDue(): number | undefined;
}
