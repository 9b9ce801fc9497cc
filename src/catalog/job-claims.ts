import { FORCE_BELOW } from "./job-rank.ts";
import type { JobId, JobStore } from "./jobs.ts";
import type { Database } from "./sqlite.ts";

/** Which job is imported next. */
export interface JobClaims extends Pick<JobStore, "nextDue" | "isClaimable"> {
  next(now: number): JobId | undefined;
}

/** The searches, each in an index that holds no job whose NZB is still to be fetched. */
export const CLAIM_QUERIES = {
  queued: `SELECT id, rank FROM job INDEXED BY job_queued
    WHERE state = 'queued' AND fetch_from IS NULL AND rank < ? ORDER BY rank, id LIMIT 1`,
  /** Of those that come before another one. */
  waiting: `SELECT id, rank FROM job INDEXED BY job_waiting
    WHERE state = 'waiting' AND fetch_from IS NULL AND (rank, id) < (?, ?) AND coalesce(not_before, 0) <= ? ORDER BY rank, id LIMIT 1`,
  due: `SELECT coalesce(not_before, 0) FROM job INDEXED BY job_due
    WHERE state = 'waiting' AND fetch_from IS NULL AND rank < ? ORDER BY not_before LIMIT 1`,
} as const;

interface Candidate {
  readonly id: JobId;
  readonly rank: number;
}

export function jobClaims(db: Database, pause: Pick<JobStore, "isPaused">): JobClaims {
  const queued = db.prepare<[number], Candidate>(CLAIM_QUERIES.queued);
  const waiting = db.prepare<[number, string, number], Candidate>(CLAIM_QUERIES.waiting);
  const due = db.prepare<[number], number>(CLAIM_QUERIES.due).pluck();

  /** No job of this rank or a higher one is claimed. */
  function bound(): number {
    return pause.isPaused ? FORCE_BELOW : Number.POSITIVE_INFINITY;
  }

  return {
    next(now) {
      const first = queued.get(bound());
      return (waiting.get(first?.rank ?? bound(), first?.id ?? "", now) ?? first)?.id;
    },
    isClaimable: () => queued.get(bound()) !== undefined,
    nextDue: () => due.get(bound()),
  };
}
