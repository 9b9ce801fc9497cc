import type { Clock } from "../base/clock.ts";
import { RequestError } from "../base/errors.ts";
import type { ReleaseId } from "./catalog.ts";
import { inTransaction } from "./database.ts";
import { jobClaims } from "./job-claims.ts";
import { fetchDigest, fetchOrigin, jobFetches } from "./job-fetches.ts";
import { jobHistory } from "./job-history.ts";
import { jobLists } from "./job-lists.ts";
import { queueOrder } from "./job-queue-order.ts";
import { rankOf } from "./job-rank.ts";
import { changeOf, hasEnded, JOB_COLUMNS, type JobRow, jobRows, toJob } from "./job-rows.ts";
import { jobSearch, rowLimit } from "./job-search.ts";
import { jobSort } from "./job-sort.ts";
import type { Job, JobId, JobState, JobStore, NewJob } from "./jobs.ts";
import { queuePause } from "./queue-pause.ts";
import type { Database } from "./sqlite.ts";

export interface SqliteJobStore extends JobStore {
  /** Completes a job, inside the caller's transaction. Throws RequestError CONFLICT when its state does not allow that. */
  complete(id: JobId, release: ReleaseId): Job;
}

/** The searches, each in an index. */
export const JOB_QUERIES = {
  living: `SELECT ${JOB_COLUMNS} FROM job
    WHERE digest = ? AND category = ? AND state NOT IN ('failed', 'cancelled') AND superseded = 0`,
  importing: `SELECT ${JOB_COLUMNS} FROM job WHERE state = 'importing'`,
  late: "SELECT id FROM job INDEXED BY job_history WHERE state = 'waiting' AND not_before > ? LIMIT 1",
  changed: `SELECT ${JOB_COLUMNS} FROM job INDEXED BY job_updated
    WHERE (updated_at, id) > (?, ?) AND updated_at < ? ORDER BY updated_at, id LIMIT ?`,
  durations: `SELECT ended_at - started_at FROM job INDEXED BY job_done
    WHERE state = 'completed' AND started_at IS NOT NULL ORDER BY ended_at DESC LIMIT ?`,
} as const;

interface Parts {
  readonly clock: Clock;
  /** Whether any file of a release is still in the library. */
  readonly isInLibrary: (release: ReleaseId) => boolean;
  /** Takes away a job's folder of completed files, inside the caller's transaction. */
  readonly removeCompleted: (job: JobId) => void;
}

export function jobStore(db: Database, { clock, isInLibrary, removeCompleted }: Parts): SqliteJobStore {
  const rows = jobRows(db, clock);
  const fetches = jobFetches(db);
  const order = queueOrder(db);
  const search = jobSearch(db, rows);
  const lists = jobLists(db);
  const pause = queuePause(db);
  const claims = jobClaims(db, pause);
  const living = db.prepare<[string, string], JobRow>(JOB_QUERIES.living).raw();
  const supersede = db.prepare("UPDATE job SET superseded = 1 WHERE id = ?");
  const remove = db.prepare("DELETE FROM job WHERE id = ?");
  const insertSource = db.prepare("INSERT INTO job_source (job, nzb, passwords) VALUES (?, ?, ?)");
  const source = db.prepare<[string], { nzb: Buffer; passwords: string }>(
    "SELECT nzb, passwords FROM job_source WHERE job = ?",
  );
  const passwordsOf = db.prepare<[string], string>("SELECT passwords FROM job_source WHERE job = ?").pluck();
  const setPasswords = db.prepare("UPDATE job_source SET passwords = ? WHERE job = ?");
  const importing = db.prepare<[], JobRow>(JOB_QUERIES.importing).raw();
  const late = db.prepare<[number], JobId>(JOB_QUERIES.late).pluck();
  const dueAtOnce = db.prepare(
    "UPDATE job SET not_before = @now, updated_at = @now WHERE state = 'waiting' AND not_before > @latest",
  );
  const changed = db.prepare<[number, string, number, number], JobRow>(JOB_QUERIES.changed).raw();
  const counts = db.prepare<[], [JobState, number]>("SELECT state, jobs FROM job_count").raw();
  const durations = db.prepare<[number], number>(JOB_QUERIES.durations).pluck();

  function livingOf(digest: string, category: string): Job | undefined {
    const row = living.get(digest, category);
    return row && toJob(row);
  }

  /** The job that a new one for the same post would be a second of. One that has completed to no use makes way. */
  function sameAs({ digest, category, whenCompleted }: Pick<NewJob, "digest" | "category" | "whenCompleted">) {
    const there = livingOf(digest, category);
    if (there?.state !== "completed") return there;
    const isOfUse = whenCompleted !== "a new job" && there.release !== undefined && isInLibrary(there.release);
    if (isOfUse) return there;
    supersede.run(there.id);
    return undefined;
  }

  /** A job that somebody else asks for too. */
  function sharedBy(there: Job, { isDropped }: Pick<NewJob, "isDropped">): Job {
    return there.isDropped && !isDropped ? rows.change(there, { isDropped: false }) : there;
  }

  return {
    add: (job) =>
      inTransaction(db, () => {
        const there = sameAs(job);
        if (there !== undefined) return { job: sharedBy(there, job), isNew: false };
        const { digest, bytes, nzbName, isDropped = false } = job;
        const added = rows.add({ wish: job, digest, bytes, nzbName, fetchFrom: undefined, isDropped });
        insertSource.run(added.id, job.nzb, JSON.stringify(job.passwords));
        return { job: added, isNew: true };
      }),

    addFetch: (fetch) =>
      inTransaction(db, () => {
        const fetchFrom = fetchOrigin(fetch.url);
        const digest = fetchDigest(fetch.url);
        const there = livingOf(digest, fetch.category);
        if (there !== undefined) return { job: there, isNew: false };
        const added = rows.add({ wish: fetch, digest, bytes: 0, nzbName: undefined, fetchFrom, isDropped: false });
        fetches.add(added.id, fetch);
        return { job: added, isNew: true };
      }),

    nextFetch(except) {
      const id = fetches.next(except, rows.now());
      return id && rows.existing(id);
    },
    nextFetchDue: fetches.nextDue,
    fetch(id) {
      const { url, isNamed, whenCompleted } = fetches.get(id);
      return { url, isNamed, whenCompleted };
    },

    fetched: (id, { digest, nzb, bytes, nzbName, ...told }) =>
      inTransaction(db, () => {
        const { isNamed, whenCompleted, passwords } = fetches.get(id);
        const job = rows.existing(id);
        if (hasEnded(job.state))
          throw new RequestError("CONFLICT", `job ${id} is ${job.state}: its NZB comes too late`);
        const name = isNamed ? job.name : (told.name ?? job.name);
        const category = told.category ?? job.category;
        const known = { name, category, digest, bytes, nzbName, fetchFrom: undefined };
        insertSource.run(id, nzb, JSON.stringify(merged(passwords, told.passwords ?? [])));
        fetches.forget(id);
        const there = sameAs({ digest, category, whenCompleted });
        if (there !== undefined) {
          const reason = `job ${there.id} imports the same post`;
          rows.change(job, { ...known, state: "cancelled", reason, mergedInto: there.id });
          return { job: sharedBy(there, {}), isNew: false };
        }
        const state = job.state === "waiting" ? "queued" : job.state;
        return { job: rows.change(job, { ...known, state }), isNew: true };
      }),

    get: rows.get,

    source(id) {
      const row = source.get(id);
      if (row === undefined) throw new RequestError("NOT_FOUND", `there is no job ${id}, or its NZB is still to come`);
      return { nzb: row.nzb, passwords: JSON.parse(row.passwords) as string[] };
    },

    claim: () =>
      inTransaction(db, () => {
        const id = claims.next(rows.now());
        return id && rows.change(rows.existing(id), { state: "importing" });
      }),

    update: (id, patch) => inTransaction(db, () => rows.change(rows.existing(id), changeOf(patch))),

    remove: (id) =>
      inTransaction(db, () => {
        removeCompleted(id);
        return remove.run(id).changes > 0;
      }),

    archive: (id) =>
      inTransaction(db, () => {
        const job = rows.get(id);
        if (job === undefined) return false;
        if (!hasEnded(job.state)) throw new RequestError("CONFLICT", `job ${id} is ${job.state}, not in history yet`);
        if (!job.isArchived) rows.change(job, { isArchived: true });
        removeCompleted(id);
        return true;
      }),

    addPasswords: (id, passwords) =>
      inTransaction(db, () => {
        const packed = passwordsOf.get(id);
        const known = packed === undefined ? fetches.get(id).passwords : (JSON.parse(packed) as string[]);
        const all = merged(passwords, known);
        if (packed === undefined) fetches.setPasswords(id, all);
        else setPasswords.run(JSON.stringify(all), id);
      }),

    setPriority: (id, priority) =>
      inTransaction(db, () => rows.change(rows.existing(id), { priority, rank: rankOf(id, priority) })),

    setCategory: (id, category) =>
      inTransaction(db, () => {
        const job = rows.existing(id);
        if (hasEnded(job.state)) throw new RequestError("CONFLICT", `job ${id} is ${job.state}: its category stays`);
        return rows.change(job, { category });
      }),

    setName: (id, name) =>
      inTransaction(db, () => {
        const job = rows.existing(id);
        if (hasEnded(job.state) || job.state === "importing")
          throw new RequestError("CONFLICT", `job ${id} is ${job.state}: its name stays`);
        fetches.setNamed(id);
        return rows.change(job, { name });
      }),

    moveTo: (id, position) =>
      inTransaction(db, () => {
        const job = rows.existing(id);
        const rank = order.rankAt(job, position);
        return rank === job.rank ? job : rows.change(job, { rank });
      }),

    positionOf(id) {
      const job = rows.get(id);
      return job && order.positionOf(job);
    },

    recover: () =>
      inTransaction(db, () => importing.all().map((row) => rows.change(toJob(row), { state: "queued" })).length),

    hasten(latest) {
      if (late.get(latest) === undefined) return 0;
      return inTransaction(db, () => dueAtOnce.run({ latest, now: rows.now() }).changes);
    },

    ...search,
    ...jobHistory(db),
    ...jobSort(db),
    queued: lists.queued,
    queueTotals: lists.queueTotals,
    lastQueued: lists.lastQueued,
    get changeCount() {
      return lists.changeCount;
    },
    changed: ({ updatedAt, id }, { before, limit }) => changed.all(updatedAt, id, before, rowLimit(limit)).map(toJob),
    counts: () => Object.fromEntries(counts.all()) as Record<JobState, number>,
    nextDue: claims.nextDue,
    isClaimable: claims.isClaimable,
    get isPaused() {
      return pause.isPaused;
    },
    set isPaused(value) {
      pause.isPaused = value;
    },
    recentDurations: (limit) => durations.all(rowLimit(limit)),

    complete: (id, release) => rows.change(rows.existing(id), { state: "completed", release }),
  };
}

/** Each password once, the first ones first. */
function merged(first: readonly string[], then: readonly string[]): readonly string[] {
  return [...new Set([...first, ...then])];
}
