import type { Clock } from "../base/clock.ts";
import { errorCode, RequestError } from "../base/errors.ts";
import type { ReleaseId } from "./catalog.ts";
import { inTransaction } from "./database.ts";
import { jobIds } from "./job-id.ts";
import { assertMove } from "./job-moves.ts";
import type { Job, JobId, JobPatch, JobState, JobStore } from "./jobs.ts";
import type { Database } from "./sqlite.ts";

export interface SqliteJobStore extends JobStore {
  /** Completes a job, inside the caller's transaction. Throws RequestError CONFLICT when its state does not allow that. */
  complete(id: JobId, release: ReleaseId): void;
}

type Nullable<T> = {
  readonly [Key in keyof T]: Exclude<T[Key], undefined> | (undefined extends T[Key] ? null : never);
};
type JobRow = Nullable<Job>;

const COLUMNS = `id, state, name, category, digest, progress, reason, error, hint, release, attempts,
  not_before AS notBefore, created_at AS createdAt, updated_at AS updatedAt`;

/** The searches, each in an index. */
export const JOB_QUERIES = {
  living: `SELECT ${COLUMNS} FROM job
    WHERE digest = ? AND category = ? AND state NOT IN ('failed', 'cancelled') AND superseded = 0`,
  claimable: `SELECT ${COLUMNS} FROM job WHERE id = min(
    coalesce((SELECT min(id) FROM job WHERE state = 'queued'), '~'),
    coalesce((SELECT id FROM job WHERE state = 'waiting' AND coalesce(not_before, 0) <= ? ORDER BY id LIMIT 1), '~'))`,
  importing: `SELECT ${COLUMNS} FROM job WHERE state = 'importing' ORDER BY id`,
  list: `SELECT ${COLUMNS} FROM job WHERE id < ? ORDER BY id DESC LIMIT ?`,
  listState: `SELECT ${COLUMNS} FROM job WHERE state = ? AND id < ? ORDER BY id DESC LIMIT ?`,
  due: `SELECT coalesce(not_before, 0) FROM job INDEXED BY job_due WHERE state = 'waiting' ORDER BY not_before LIMIT 1`,
} as const;

/** What a job forgets when it gets into a state; a patch may say it anew. */
const FORGETS: Readonly<Record<JobState, Partial<JobRow>>> = {
  queued: { progress: 0, reason: null, error: null, hint: null, notBefore: null },
  waiting: { reason: null, notBefore: null },
  importing: { progress: 0, reason: null, error: null, hint: null, notBefore: null },
  completed: { progress: 1, reason: null, error: null, hint: null, notBefore: null },
  failed: { reason: null, notBefore: null },
  paused: { reason: null, notBefore: null },
  cancelled: { reason: null, notBefore: null },
};

interface Parts {
  readonly clock: Clock;
  /** Whether any file of a release is still in the library. */
  readonly isInLibrary: (release: ReleaseId) => boolean;
}

export function jobStore(db: Database, { clock, isInLibrary }: Parts): SqliteJobStore {
  const newest = db.prepare<[], string | null>("SELECT max(id) FROM job").pluck();
  const nextId = jobIds(newest.get() ?? undefined);
  const byId = db.prepare<[string], JobRow>(`SELECT ${COLUMNS} FROM job WHERE id = ?`);
  const living = db.prepare<[string, string], JobRow>(JOB_QUERIES.living);
  const insert = db.prepare(
    `INSERT INTO job (id, state, name, category, digest, created_at, updated_at)
     VALUES (@id, 'queued', @name, @category, @digest, @at, @at)`,
  );
  const supersede = db.prepare("UPDATE job SET superseded = 1 WHERE id = ?");
  const insertSource = db.prepare("INSERT INTO job_source (job, nzb, passwords) VALUES (?, ?, ?)");
  const source = db.prepare<[string], { nzb: Buffer; passwords: string }>(
    "SELECT nzb, passwords FROM job_source WHERE job = ?",
  );
  const write = db.prepare(
    `UPDATE job SET state = @state, progress = @progress, reason = @reason, error = @error, hint = @hint, release = @release,
     attempts = @attempts, not_before = @notBefore, updated_at = @updatedAt WHERE id = @id`,
  );
  const claimable = db.prepare<[number], JobRow>(JOB_QUERIES.claimable);
  const importing = db.prepare<[], JobRow>(JOB_QUERIES.importing);
  const list = db.prepare<[string, number], JobRow>(JOB_QUERIES.list);
  const listState = db.prepare<[JobState, string, number], JobRow>(JOB_QUERIES.listState);
  const counts = db.prepare<[], [JobState, number]>("SELECT state, jobs FROM job_count").raw();
  const due = db.prepare<[], number>(JOB_QUERIES.due).pluck();

  function now(): number {
    return Math.round(clock.wall());
  }

  function existing(id: string): JobRow {
    const row = byId.get(id);
    if (row === undefined) throw new RequestError("NOT_FOUND", `there is no job ${id}`);
    return row;
  }

  /** The one place where a job changes. */
  function change(row: JobRow, patch: JobPatch & { readonly release?: ReleaseId }): Job {
    const state = patch.state ?? row.state;
    assertMove(row.id, row.state, state);
    const isMove = state !== row.state;
    const changed: JobRow = {
      ...row,
      ...(isMove ? FORGETS[state] : {}),
      ...patch,
      id: row.id,
      state,
      attempts: row.attempts + (isMove && state === "importing" ? 1 : 0),
      updatedAt: now(),
    };
    const stored = { ...changed, progress: Math.min(1, Math.max(0, changed.progress)) };
    try {
      write.run(stored);
    } catch (error) {
      if (errorCode(error) !== "SQLITE_CONSTRAINT_UNIQUE") throw error;
      throw new RequestError("CONFLICT", `job ${row.id} cannot come back: another job imports the same post`, {
        cause: error,
      });
    }
    return toJob(stored);
  }

  return {
    add: (job) =>
      inTransaction(db, () => {
        const there = living.get(job.digest, job.category);
        const isOfUse = there?.state !== "completed" || (there.release !== null && isInLibrary(there.release));
        if (there !== undefined && isOfUse) return { job: toJob(there), isNew: false };
        if (there !== undefined) supersede.run(there.id);
        const at = now();
        const id = nextId(at);
        insert.run({ id, name: job.name, category: job.category, digest: job.digest, at });
        insertSource.run(id, job.nzb, JSON.stringify(job.passwords));
        return { job: toJob(existing(id)), isNew: true };
      }),

    get(id) {
      const row = byId.get(id);
      return row && toJob(row);
    },

    source(id) {
      const row = source.get(id);
      if (row === undefined) throw new RequestError("NOT_FOUND", `there is no job ${id}`);
      return { nzb: row.nzb, passwords: JSON.parse(row.passwords) as string[] };
    },

    claim: () =>
      inTransaction(db, () => {
        const row = claimable.get(now());
        return row && change(row, { state: "importing" });
      }),

    update: (id, patch) => inTransaction(db, () => change(existing(id), patch)),

    recover: () => inTransaction(db, () => importing.all().map((row) => change(row, { state: "queued" })).length),

    list({ state, after = "~", limit }) {
      const rows =
        state === undefined ? list.all(after, Math.max(0, limit)) : listState.all(state, after, Math.max(0, limit));
      return rows.map(toJob);
    },

    counts: () => Object.fromEntries(counts.all()) as Record<JobState, number>,
    nextDue: () => due.get(),

    complete(id, release) {
      change(existing(id), { state: "completed", release });
    },
  };
}

function toJob(row: JobRow): Job {
  return {
    ...row,
    reason: row.reason ?? undefined,
    error: row.error ?? undefined,
    hint: row.hint ?? undefined,
    release: row.release ?? undefined,
    notBefore: row.notBefore ?? undefined,
  };
}
