import type { Statement } from "better-sqlite3";
import type { Clock } from "../base/clock.ts";
import { errorCode, RequestError } from "../base/errors.ts";
import { foldCase } from "./fold-case.ts";
import { jobIds } from "./job-id.ts";
import { assertMove } from "./job-moves.ts";
import { rankOf } from "./job-rank.ts";
import type { Job, JobPatch, JobState, JobWish } from "./jobs.ts";
import type { Database } from "./sqlite.ts";

/** What may change about a job, its state by the table of legal moves alone. */
export type JobChange = Partial<Omit<Job, "id" | "attempts" | "createdAt" | "updatedAt">>;

/** What a new job is made of. */
export interface NewRow extends Pick<Job, "digest" | "bytes" | "nzbName" | "fetchFrom" | "isDropped"> {
  readonly wish: JobWish;
}

/** The rows of jobs. What writes is called inside the caller's transaction. */
export interface JobRows {
  get(id: string): Job | undefined;
  /** Throws RequestError NOT_FOUND. */
  existing(id: string): Job;
  add(job: NewRow): Job;
  /** The one place where a job changes. Throws RequestError CONFLICT for an illegal move, or when it would be a second one for its post. */
  change(job: Job, change: JobChange): Job;
  now(): number;
}

const COLUMN_OF: Readonly<Record<keyof Job, string>> = {
  id: "id",
  state: "state",
  name: "name",
  nzbName: "nzb_name",
  category: "category",
  digest: "digest",
  priority: "priority",
  rank: "rank",
  bytes: "bytes",
  fetchFrom: "fetch_from",
  progress: "progress",
  reason: "reason",
  error: "error",
  errorCode: "error_code",
  hint: "hint",
  release: "release",
  attempts: "attempts",
  notBefore: "not_before",
  createdAt: "created_at",
  updatedAt: "updated_at",
  startedAt: "started_at",
  endedAt: "ended_at",
  isArchived: "is_archived",
  isDropped: "is_dropped",
  mergedInto: "merged_into",
};
const KEYS = Object.keys(COLUMN_OF) as readonly (keyof Job)[];
const FLAGS = ["isArchived", "isDropped"] as const;

/** What a statement that gives raw rows selects for `toJob`. */
export const JOB_COLUMNS = Object.values(COLUMN_OF).join(", ");
type Value = string | number | null;
export type JobRow = readonly Value[];

export function toJob(row: JobRow): Job {
  const job: Partial<Record<keyof Job, Value | boolean | undefined>> = {};
  for (let index = 0; index < KEYS.length; index++) job[KEYS[index] as keyof Job] = row[index] ?? undefined;
  for (const key of FLAGS) job[key] = job[key] === 1;
  return job as Job;
}

/** `null` says that there is none any more. */
export function changeOf(patch: JobPatch): JobChange {
  return Object.fromEntries(Object.entries(patch).map(([key, value]) => [key, value ?? undefined]));
}

const HEALED: JobChange = { error: undefined, errorCode: undefined, hint: undefined };
const AT_REST: JobChange = { reason: undefined, notBefore: undefined };
/** What a job forgets when it gets into a state; a change may say it anew. */
const FORGETS: Readonly<Record<JobState, JobChange>> = {
  queued: { ...AT_REST, ...HEALED, progress: 0, endedAt: undefined, isArchived: false, mergedInto: undefined },
  waiting: AT_REST,
  importing: { ...AT_REST, ...HEALED, progress: 0 },
  completed: { ...AT_REST, ...HEALED, progress: 1 },
  failed: AT_REST,
  paused: AT_REST,
  cancelled: AT_REST,
};

/** Whether a job of this state is in history, and not in the queue. */
export function hasEnded(state: JobState): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

export function jobRows(db: Database, clock: Clock): JobRows {
  const newest = db.prepare<[], string | null>("SELECT max(id) FROM job").pluck();
  const nextId = jobIds(newest.get() ?? undefined);
  const byId = db.prepare<[string], JobRow>(`SELECT ${JOB_COLUMNS} FROM job WHERE id = ?`).raw();
  const insert = db.prepare(
    `INSERT INTO job (id, state, name, folded_name, nzb_name, category, digest, priority, rank, bytes, fetch_from, is_dropped, created_at,
       updated_at)
     VALUES (@id, @state, @name, @foldedName, @nzbName, @category, @digest, @priority, @rank, @bytes, @fetchFrom, @isDropped, @at, @at)`,
  );
  const updates = new Map<string, Statement<Record<string, Value>>>();

  function now(): number {
    return Math.round(clock.wall());
  }

  function get(id: string): Job | undefined {
    const row = byId.get(id);
    return row && toJob(row);
  }

  function existing(id: string): Job {
    const job = get(id);
    if (job === undefined) throw new RequestError("NOT_FOUND", `there is no job ${id}`);
    return job;
  }

  /** Only what has changed: every column takes along the indexes that it is in. */
  function write(before: Job, after: Job): void {
    const values: Record<string, Value> = { id: after.id };
    for (const key of KEYS) if (after[key] !== before[key]) values[COLUMN_OF[key]] = stored(after[key]);
    if (after.name !== before.name) values["folded_name"] = foldCase(after.name);
    const columns = Object.keys(values).slice(1);
    if (columns.length === 0) return;
    const sets = columns.map((column) => `${column} = @${column}`).join(", ");
    let update = updates.get(sets);
    if (update === undefined) {
      update = db.prepare(`UPDATE job SET ${sets} WHERE id = @id`);
      updates.set(sets, update);
    }
    update.run(values);
  }

  return {
    get,
    existing,
    now,

    add({ wish, digest, nzbName = null, fetchFrom = null, ...row }) {
      const at = now();
      const id = nextId(at);
      const { name, category, priority = "normal", isPaused } = wish;
      const state: JobState = isPaused ? "paused" : "queued";
      const rank = rankOf(id, priority);
      const foldedName = foldCase(name);
      const [bytes, isDropped] = [row.bytes, stored(row.isDropped)];
      const known = { name, foldedName, nzbName, category, digest, priority, rank, bytes, fetchFrom, isDropped };
      insert.run({ id, state, ...known, at });
      return existing(id);
    },

    change(job, change) {
      const state = change.state ?? job.state;
      assertMove(job.id, job.state, state);
      const at = now();
      const told = {
        ...job,
        ...(state === job.state ? {} : onEntering(state, job, at)),
        ...change,
        state,
        updatedAt: at,
      };
      const changed: Job = { ...told, progress: Math.min(1, Math.max(0, told.progress)) };
      try {
        write(job, changed);
      } catch (error) {
        if (errorCode(error) !== "SQLITE_CONSTRAINT_UNIQUE") throw error;
        throw new RequestError("CONFLICT", `another job imports the same post as job ${job.id} into that category`, {
          cause: error,
        });
      }
      return changed;
    },
  };
}

function onEntering(state: JobState, job: Job, at: number): Partial<Job> {
  if (state === "importing") return { ...FORGETS[state], attempts: job.attempts + 1, startedAt: at };
  return hasEnded(state) ? { ...FORGETS[state], endedAt: at } : FORGETS[state];
}

function stored(value: Job[keyof Job]): Value {
  return typeof value === "boolean" ? Number(value) : (value ?? null);
}
