import { foldCase } from "./fold-case.ts";
import { LEGAL_MOVES } from "./job-moves.ts";
import { TO_COME } from "./job-queue-order.ts";
import { hasEnded, type JobRows } from "./job-rows.ts";
import type { Job, JobFilter, JobId, JobState, JobStore } from "./jobs.ts";
import type { Database } from "./sqlite.ts";

/** Jobs by what people look for. */
export type JobSearch = Pick<JobStore, "list" | "queue" | "count">;

/** What a filter lets through; its values are those of `filterValues`. */
export const FILTERS = `(@categories IS NULL OR job.category IN (SELECT value FROM json_each(@categories)))
  AND (@priority IS NULL OR job.priority = @priority) AND (@search IS NULL OR instr(job.folded_name, @search) > 0)`;
const HISTORY = `FROM job INDEXED BY job_history WHERE state = @state AND is_archived = @archived AND ${FILTERS}`;

/** The searches, each in an index that holds whatever it filters by. */
export const SEARCH_QUERIES = {
  list: `SELECT id ${HISTORY} AND id < @after ORDER BY id DESC LIMIT @limit`,
  count: `SELECT count(*) ${HISTORY}`,
  importing: `SELECT id FROM job INDEXED BY job_history WHERE state = 'importing' AND is_archived = 0 AND ${FILTERS}`,
  toCome: `SELECT id FROM ${TO_COME} AND (@states IS NULL OR state IN (SELECT value FROM json_each(@states))) AND ${FILTERS}
    ORDER BY rank, id LIMIT @limit OFFSET @skip`,
} as const;

const STATES = Object.keys(LEGAL_MOVES) as readonly JobState[];
/** SQLite takes no more as a limit. */
const MAX_ROWS = 2 ** 31;

export type Values = Readonly<Record<string, string | number | null>>;

export function jobSearch(db: Database, rows: Pick<JobRows, "existing">): JobSearch {
  const list = db.prepare<[Values], JobId>(SEARCH_QUERIES.list).pluck();
  const count = db.prepare<[Values], number>(SEARCH_QUERIES.count).pluck();
  const importing = db.prepare<[Values], JobId>(SEARCH_QUERIES.importing).pluck();
  const toCome = db.prepare<[Values], JobId>(SEARCH_QUERIES.toCome).pluck();

  return {
    list({ after = "~", limit, ...filter }) {
      const values = { ...filterValues(filter), after, limit: rowLimit(limit) };
      const ids = partsOf(filter).flatMap((part) => list.all({ ...values, ...part }));
      // Each part is in order already.
      return ids
        .sort((a, b) => (a < b ? 1 : -1))
        .slice(0, values.limit)
        .map(rows.existing);
    },

    queue({ skip = 0, limit, ...filter }) {
      const values = filterValues(filter);
      const isAsked = filter.states === undefined || filter.states.includes("importing");
      const first = isAsked ? importing.all(values).map(rows.existing).sort(byRank) : [];
      const page = { skip: rowLimit(skip - first.length), limit: rowLimit(limit - Math.max(0, first.length - skip)) };
      const states = filter.states === undefined ? null : JSON.stringify(filter.states);
      const ids = toCome.all({ ...values, states, ...page });
      return [...first.slice(rowLimit(skip), rowLimit(skip) + rowLimit(limit)), ...ids.map(rows.existing)];
    },

    count(filter) {
      const values = filterValues(filter);
      return partsOf(filter).reduce((sum, part) => sum + (count.get({ ...values, ...part }) ?? 0), 0);
    },
  };
}

/** What the index of jobs keeps apart. */
function partsOf({ states = STATES, withoutArchived }: JobFilter): readonly Values[] {
  return [...new Set(states)].flatMap((state) => {
    const archived = withoutArchived || !hasEnded(state) ? [0] : [0, 1];
    return archived.map((flag) => ({ state, archived: flag }));
  });
}

function byRank(one: Job, other: Job): number {
  return one.rank - other.rank || (one.id < other.id ? -1 : 1);
}

export function filterValues({ categories, priority, search }: JobFilter): Values {
  return {
    categories: categories === undefined ? null : JSON.stringify(categories),
    priority: priority ?? null,
    search: search === undefined || search === "" ? null : foldCase(search),
  };
}

/** As SQLite takes it: none for what is below zero. */
export function rowLimit(rows: number): number {
  return Math.min(MAX_ROWS, Math.max(0, Math.trunc(rows)));
}
