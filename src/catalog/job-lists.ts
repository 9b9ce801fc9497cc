import { TO_COME } from "./job-queue-order.ts";
import { FILTERS, filterValues, rowLimit, type Values } from "./job-search.ts";
import type { JobFilter, JobId, JobPriority, JobState, JobStore, QueuedJob } from "./jobs.ts";
import { joined, rowList, slice } from "./row-list.ts";
import type { Database } from "./sqlite.ts";

/** The queue as those read it who look at all of it every few seconds. */
export type JobLists = Pick<JobStore, "queued" | "queueTotals" | "lastQueued" | "changeCount">;

const COLUMNS = "id, state, name, category, priority, bytes, fetch_from, progress, not_before, created_at, started_at";
const WANTED = `(@states IS NULL OR state IN (SELECT value FROM json_each(@states))) AND ${FILTERS}`;

/** The searches, each in an index that holds whatever it filters by; the sums need nothing else. */
export const LIST_QUERIES = {
  importing: `SELECT ${COLUMNS}, rank FROM job INDEXED BY job_history WHERE state = 'importing' AND is_archived = 0 AND ${WANTED}`,
  toCome: `SELECT ${COLUMNS} FROM ${TO_COME} AND ${WANTED} ORDER BY rank, id LIMIT @limit OFFSET @skip`,
  totals: `SELECT count(*), total(bytes), total(bytes * (1 - progress)) FROM ${TO_COME} AND ${WANTED}`,
  last: `SELECT ${COLUMNS} FROM ${TO_COME} AND state = 'queued' AND ${WANTED} ORDER BY rank DESC, id DESC LIMIT 1`,
} as const;

const IS_TO_COME: ReadonlySet<JobState> = new Set(["queued", "waiting", "paused"]);

type QueuedRow = readonly [
  id: JobId,
  state: JobState,
  name: string,
  category: string,
  priority: JobPriority,
  bytes: number,
  fetchFrom: string | null,
  progress: number,
  notBefore: number | null,
  createdAt: number,
  startedAt: number | null,
];
type BusyRow = readonly [...QueuedRow, rank: number];
type Sums = readonly [jobs: number, bytes: number, bytesLeft: number];

export function jobLists(db: Database): JobLists {
  const importing = db.prepare<[Values], BusyRow>(LIST_QUERIES.importing).raw();
  const toCome = db.prepare<[Values], QueuedRow>(LIST_QUERIES.toCome).raw();
  const totals = db.prepare<[Values], Sums>(LIST_QUERIES.totals).raw();
  const last = db.prepare<[Values], QueuedRow>(LIST_QUERIES.last).raw();
  const changes = db.prepare<[], number>("SELECT total_changes()").pluck();

  return {
    queued({ skip = 0, limit, ...filter }) {
      const values = listValues(filter);
      const busy = importing.all(values).sort(byRank);
      const first = slice(rowList(busy, toQueued), rowLimit(skip), rowLimit(limit));
      const page = { skip: rowLimit(skip - busy.length), limit: rowLimit(limit - first.length) };
      // Looking through all that is to come for none of it would cost as much as its sums.
      if (filter.states?.every((state) => !IS_TO_COME.has(state)) === true) return first;
      return joined(first, rowList(toCome.all({ ...values, ...page }), toQueued));
    },

    queueTotals(filter) {
      const values = listValues(filter);
      const [jobs, bytes, bytesLeft] = totals.get(values) as Sums;
      const busy = importing.all(values).map(toQueued);
      return {
        jobs: jobs + busy.length,
        bytes: busy.reduce((sum, job) => sum + job.bytes, bytes),
        bytesLeft: busy.reduce((sum, job) => sum + job.bytes * (1 - job.progress), bytesLeft),
      };
    },

    lastQueued(filter) {
      const row = last.get(listValues(filter));
      return row && toQueued(row);
    },

    get changeCount() {
      return changes.get() ?? 0;
    },
  };
}

function listValues({ states, ...filter }: JobFilter): Values {
  return { ...filterValues(filter), states: states === undefined ? null : JSON.stringify(states) };
}

function toQueued(row: QueuedRow | BusyRow): QueuedJob {
  return {
    id: row[0],
    state: row[1],
    name: row[2],
    category: row[3],
    priority: row[4],
    bytes: row[5],
    fetchFrom: row[6] ?? undefined,
    progress: row[7],
    notBefore: row[8] ?? undefined,
    createdAt: row[9],
    startedAt: row[10] ?? undefined,
  };
}

function byRank(one: BusyRow, other: BusyRow): number {
  return one[11] - other[11] || (one[0] < other[0] ? -1 : 1);
}
