import type { ReleaseId } from "./catalog.ts";
import type { RowList } from "./row-list.ts";

export type JobId = string & { readonly __brand: "JobId" };

export type JobState = "queued" | "waiting" | "importing" | "completed" | "failed" | "paused" | "cancelled";

/** Least urgent first. `force` also runs while the whole queue is paused. */
export const PRIORITIES = ["low", "normal", "high", "force"] as const;
export type JobPriority = (typeof PRIORITIES)[number];

/** One import's way through the queue. Times are milliseconds since 1970. */
export interface Job {
  readonly id: JobId;
  readonly state: JobState;
  /** The release's name, as far as it is known. */
  readonly name: string;
  /** Of the NZB's file, as it came; undefined when it came without. */
  readonly nzbName: string | undefined;
  readonly category: string;
  readonly digest: string;
  readonly priority: JobPriority;
  /** The queue is served from the lowest up; priority and age are in it, so it need not change while time passes. */
  readonly rank: number;
  /** Encoded bytes of all articles, as the NZB says; 0 while nobody has seen the NZB. */
  readonly bytes: number;
  /** Where the NZB is still to be fetched from: scheme and host alone, since the rest may hold a key. undefined: it is here. */
  readonly fetchFrom: string | undefined;
  /** 0 to 1. */
  readonly progress: number;
  /** What it does or waits for, in words. */
  readonly reason: string | undefined;
  readonly error: string | undefined;
  /** The `code` of the AppError that it failed with. */
  readonly errorCode: string | undefined;
  readonly hint: string | undefined;
  readonly release: ReleaseId | undefined;
  readonly attempts: number;
  /** waiting: not claimed before this time. */
  readonly notBefore: number | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** When the latest attempt began. */
  readonly startedAt: number | undefined;
  /** When it came into the state completed, failed or cancelled. */
  readonly endedAt: number | undefined;
  /** Taken out of the history that download clients see; the library is not touched by that. */
  readonly isArchived: boolean;
  /** Nobody but dropped files has asked for it so far: it goes with the last of them. */
  readonly isDropped: boolean;
  /** cancelled: the job that imports the post which this one was to fetch, as long as that one is there. */
  readonly mergedInto: JobId | undefined;
}

/** What every new job says, whatever way it came in. */
export interface JobWish {
  readonly name: string;
  readonly category: string;
  /** normal unless given. */
  readonly priority?: JobPriority;
  /** It begins in the state paused. */
  readonly isPaused?: boolean;
  /** Passwords given with the request, before any the NZB names. */
  readonly passwords: readonly string[];
}

/** An NZB and what is known from it. */
export interface JobSource {
  /** `Nzb.digest`. */
  readonly digest: string;
  /** The NZB itself, gzip-compressed. */
  readonly nzb: Uint8Array;
  readonly bytes: number;
  readonly nzbName?: string | undefined;
}

export interface NewJob extends JobWish, JobSource {
  /**
   * What to do when a completed job has the same post and category, and its release is still in the library: return that job, or make a
   * new one, which will end in the same release. `the same job` unless given.
   */
  readonly whenCompleted?: "the same job" | "a new job";
  /** A dropped file asks for it: see `Job.isDropped`. */
  readonly isDropped?: true;
}

/** A job whose NZB is still to be fetched. */
export interface NewFetch extends JobWish {
  readonly url: string;
  /** The request gave the name: it stays, whatever the NZB calls itself. */
  readonly isNamed?: boolean;
  /** What was asked of `NewJob.whenCompleted`. */
  readonly whenCompleted?: NewJob["whenCompleted"];
}

/** What a fetch needs to know. */
export interface Fetch {
  readonly url: string;
  readonly isNamed: boolean;
  readonly whenCompleted: NonNullable<NewJob["whenCompleted"]>;
}

export interface JobPatch {
  readonly state?: JobState;
  readonly progress?: number;
  readonly reason?: string | null;
  readonly error?: string | null;
  readonly errorCode?: string | null;
  readonly hint?: string | null;
  readonly notBefore?: number | null;
}

export interface JobFilter {
  /** Any of them; all states unless given. */
  readonly states?: readonly JobState[];
  /** Any of them, exactly. */
  readonly categories?: readonly string[];
  /** Words that the name holds, whatever their case. */
  readonly search?: string;
  readonly priority?: JobPriority;
  /** Whether archived jobs are left out; they are not unless given. */
  readonly withoutArchived?: true;
}

/** What lists of the queue show of a job. */
export type QueuedJob = Pick<
  Job,
  | "id"
  | "state"
  | "name"
  | "category"
  | "priority"
  | "bytes"
  | "fetchFrom"
  | "progress"
  | "notBefore"
  | "createdAt"
  | "startedAt"
>;

/** What lists of the history show of a job. */
export interface EndedJob
  extends Pick<
    Job,
    | "id"
    | "state"
    | "name"
    | "nzbName"
    | "category"
    | "bytes"
    | "fetchFrom"
    | "reason"
    | "error"
    | "errorCode"
    | "hint"
    | "createdAt"
    | "startedAt"
    | "isArchived"
  > {
  readonly endedAt: number;
  /** The folder that download clients fetch it from; undefined once that was taken away, and for a job that has none. */
  readonly folder: { readonly category: string; readonly name: string } | undefined;
}

/** Of all jobs that a filter lets through. */
export interface QueueTotals {
  readonly jobs: number;
  readonly bytes: number;
  /** As far as their progress tells. */
  readonly bytesLeft: number;
}

/** By what a queue can be sorted. */
export type SortKey = "name" | "bytes" | "bytesLeft" | "createdAt";

/** A job, the rank that it has, and the one it is to have. */
export interface Placed {
  readonly id: JobId;
  readonly from: number;
  readonly rank: number;
}

/** The durable queue's rows. Every call is one transaction; a move that the table of legal moves does not allow throws CONFLICT. */
export interface JobStore {
  /**
   * Adds a job, or returns the one for the same digest and category that is not failed or cancelled, nor completed with a release of
   * which no file is in the library any more; that one is no longer `isDropped` unless this is.
   */
  add(job: NewJob): { readonly job: Job; readonly isNew: boolean };
  /** Adds a job that is claimable once `fetched` was called; or returns the one that is to fetch the same URL into the same category. */
  addFetch(fetch: NewFetch): { readonly job: Job; readonly isNew: boolean };
  /** The next job whose NZB is to be fetched now: neither paused nor waiting for a later time. `except`: those being fetched already. */
  nextFetch(except: ReadonlySet<JobId>): Job | undefined;
  /** When the earliest waiting fetch falls due. */
  nextFetchDue(): number | undefined;
  /** NOT_FOUND when the job is gone or has its NZB. */
  fetch(id: JobId): Fetch;
  /**
   * The NZB has come, and the job can be claimed. Where another living job has the same post and category, this one ends as cancelled,
   * `mergedInto` that one, which is returned and no longer `isDropped`.
   */
  fetched(
    id: JobId,
    source: JobSource & { readonly name?: string; readonly category?: string; readonly passwords?: readonly string[] },
  ): { readonly job: Job; readonly isNew: boolean };
  get(id: string): Job | undefined;
  /** The NZB, gzip-compressed, and the passwords that came with it. NOT_FOUND while it is still to be fetched. */
  source(id: JobId): { readonly nzb: Buffer; readonly passwords: readonly string[] };
  /**
   * The queued job of the lowest rank, or a waiting one whose time has come and whose rank is lower, moved to importing and counted as an
   * attempt. Only jobs of priority force while the queue is paused; none whose NZB is still to be fetched.
   */
  claim(): Job | undefined;
  update(id: JobId, patch: JobPatch): Job;
  /** The job and its NZB are gone, with its folder of completed files; its release stays in the library. False when there was none. */
  remove(id: JobId): boolean;
  /** Takes ended jobs out of the history that download clients see, and their folders of completed files. */
  archive(id: JobId): boolean;
  /** Tried before those that it has. */
  addPasswords(id: JobId, passwords: readonly string[]): void;
  setPriority(id: JobId, priority: JobPriority): Job;
  setCategory(id: JobId, category: string): Job;
  /** As somebody wants it called, whatever the NZB calls itself. CONFLICT for a job that has ended or is being imported. */
  setName(id: JobId, name: string): Job;
  /**
   * To a place in `queue`, or as near as it may come: behind the last one where the position is too high, always behind those that are
   * being imported, and jobs of priority force before all others. One that is being imported keeps its place. CONFLICT for an ended job.
   */
  moveTo(id: JobId, position: number): Job;
  /** How many jobs of the queue are served before this one; undefined when it has ended or is not there. */
  positionOf(id: JobId): number | undefined;
  /** At start: jobs left importing by a dead process are queued again. Returns how many. */
  recover(): number;
  /** Waiting jobs that would wait beyond this time are due now: the clock was set back since they began to. Returns how many. */
  hasten(latest: number): number;
  /** Newest first, keyset paging by `after` = the last id of the page before. */
  list(page: JobFilter & { readonly after?: string; readonly limit: number }): readonly Job[];
  /** Those that have not ended in the order they are served, importing ones first; `skip` of them left out. */
  queue(page: JobFilter & { readonly skip?: number; readonly limit: number }): readonly Job[];
  /** The same jobs as `queue`, at a quarter of its cost for many. */
  queued(page: JobFilter & { readonly skip?: number; readonly limit: number }): RowList<QueuedJob>;
  queueTotals(filter: JobFilter): QueueTotals;
  /** The job that is served last of those that wait for nothing but their turn. */
  lastQueued(filter: JobFilter): QueuedJob | undefined;
  /**
   * The history's jobs that somebody has still to act on, those that ended last first: completed ones whose folder is there and was
   * announced, and failed ones; of either kind at most `limit`, the newest.
   */
  pressing(filter: JobFilter & { readonly limit: number }): RowList<EndedJob>;
  /** Completed jobs, not archived, whose folder was taken away; newest first. */
  taken(page: JobFilter & { readonly skip?: number; readonly limit: number }): RowList<EndedJob>;
  /** Archived jobs, newest first. */
  archived(page: JobFilter & { readonly skip?: number; readonly limit: number }): RowList<EndedJob>;
  /**
   * The jobs that are still to come with the ranks that would sort the queue, smallest first unless `isDescending`: within each priority,
   * the most urgent one first. They take over each other's ranks. Nothing is written; `place` does that, some of them at a time.
   */
  sorted(by: SortKey, isDescending: boolean): readonly Placed[];
  /** Gives jobs their ranks, in one transaction. Those that are no longer to come, or got another place meanwhile, are left alone. */
  place(jobs: readonly Placed[]): void;
  /** Another number after each change of the database through this process; 0 to begin with. */
  readonly changeCount: number;
  /** Those that changed last at `updatedAt` or later, but earlier than `before`, in order of (updatedAt, id) after the given one; an empty id comes first. */
  changed(
    after: { readonly updatedAt: number; readonly id: string },
    page: { readonly before: number; readonly limit: number },
  ): readonly Job[];
  /** How many jobs the filter lets through. */
  count(filter: JobFilter): number;
  counts(): Readonly<Record<JobState, number>>;
  /** When the earliest waiting job falls due that can be claimed then: while the queue is paused, of those of priority force. */
  nextDue(): number | undefined;
  /** Whether a queued job could be claimed at this moment. */
  isClaimable(): boolean;
  /** The whole queue, durably: only jobs of priority force are claimed. */
  isPaused: boolean;
  /** Milliseconds that the latest completed imports took, at most `limit` of them. */
  recentDurations(limit: number): readonly number[];
}
