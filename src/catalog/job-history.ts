import { FILTERS, filterValues, rowLimit, type Values } from "./job-search.ts";
import type { EndedJob, JobId, JobState, JobStore } from "./jobs.ts";
import { rowList } from "./row-list.ts";
import type { Database } from "./sqlite.ts";

/** The history as download clients see it. */
export type JobHistory = Pick<JobStore, "pressing" | "taken" | "archived">;

const COLUMNS = `job.id, job.state, job.name, job.nzb_name, job.category, job.bytes, job.fetch_from, job.reason, job.error, job.error_code,
  job.hint, job.created_at, job.started_at, coalesce(job.ended_at, job.updated_at), job.is_archived`;
const WITHOUT_FOLDER = `SELECT ${COLUMNS}, NULL, NULL FROM job INDEXED BY job_history`;
const NEWEST = "ORDER BY job.id DESC LIMIT @limit OFFSET @skip";

/** The searches, each in an index, newest first. */
export const HISTORY_QUERIES = {
  ready: `SELECT ${COLUMNS}, completed.category, completed.name FROM completed CROSS JOIN job ON job.id = completed.job
    WHERE completed.is_ready = 1 AND job.state = 'completed' AND job.is_archived = 0 AND ${FILTERS}
    ORDER BY completed.job DESC LIMIT @limit OFFSET @skip`,
  failed: `${WITHOUT_FOLDER} WHERE state = 'failed' AND is_archived = 0 AND ${FILTERS} ${NEWEST}`,
  taken: `${WITHOUT_FOLDER} WHERE state = 'completed' AND is_archived = 0 AND ${FILTERS}
    AND NOT EXISTS (SELECT 1 FROM completed WHERE completed.job = job.id) ${NEWEST}`,
  archived: `${WITHOUT_FOLDER} WHERE state = @state AND is_archived = 1 AND ${FILTERS} ${NEWEST}`,
} as const;

type EndedRow = readonly [
  id: JobId,
  state: JobState,
  name: string,
  nzbName: string | null,
  category: string,
  bytes: number,
  fetchFrom: string | null,
  reason: string | null,
  error: string | null,
  errorCode: string | null,
  hint: string | null,
  createdAt: number,
  startedAt: number | null,
  endedAt: number,
  isArchived: 0 | 1,
  folderCategory: string | null,
  folderName: string | null,
];

const ENDED: readonly JobState[] = ["completed", "failed", "cancelled"];

export function jobHistory(db: Database): JobHistory {
  const ready = db.prepare<[Values], EndedRow>(HISTORY_QUERIES.ready).raw();
  const failed = db.prepare<[Values], EndedRow>(HISTORY_QUERIES.failed).raw();
  const taken = db.prepare<[Values], EndedRow>(HISTORY_QUERIES.taken).raw();
  const archived = db.prepare<[Values], EndedRow>(HISTORY_QUERIES.archived).raw();

  return {
    pressing({ limit, states = ENDED, ...filter }) {
      const values = { ...filterValues(filter), skip: 0, limit: rowLimit(limit) };
      const done = states.includes("completed") ? ready.all(values) : [];
      const lost = states.includes("failed") ? failed.all(values) : [];
      return rowList([...done, ...lost].sort(byEnd), toEnded);
    },

    taken({ skip = 0, limit, states = ENDED, ...filter }) {
      if (!states.includes("completed")) return rowList([], toEnded);
      return rowList(taken.all({ ...filterValues(filter), skip: rowLimit(skip), limit: rowLimit(limit) }), toEnded);
    },

    archived({ skip = 0, limit, states = ENDED, ...filter }) {
      const end = rowLimit(rowLimit(skip) + rowLimit(limit));
      const values = { ...filterValues(filter), skip: 0, limit: end };
      const rows = ENDED.filter((state) => states.includes(state)).flatMap((state) =>
        archived.all({ ...values, state }),
      );
      return rowList(rows.sort((a, b) => (a[0] < b[0] ? 1 : -1)).slice(rowLimit(skip), end), toEnded);
    },
  };
}

function byEnd(one: EndedRow, other: EndedRow): number {
  return other[13] - one[13] || (one[0] < other[0] ? 1 : -1);
}

function toEnded(row: EndedRow): EndedJob {
  const [folderCategory, folderName] = [row[15], row[16]];
  return {
    id: row[0],
    state: row[1],
    name: row[2],
    nzbName: row[3] ?? undefined,
    category: row[4],
    bytes: row[5],
    fetchFrom: row[6] ?? undefined,
    reason: row[7] ?? undefined,
    error: row[8] ?? undefined,
    errorCode: row[9] ?? undefined,
    hint: row[10] ?? undefined,
    createdAt: row[11],
    startedAt: row[12] ?? undefined,
    endedAt: row[13],
    isArchived: row[14] === 1,
    folder: folderCategory === null || folderName === null ? undefined : { category: folderCategory, name: folderName },
  };
}
