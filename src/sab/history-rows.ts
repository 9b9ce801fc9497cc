import type { EndedJob } from "../catalog/jobs.ts";
import { joined, type RowList, rowList, slice } from "../catalog/row-list.ts";
import { isWanted, type ListsCatalog, movingJobs, placeOf, type RowFilter, storeFilter } from "./lists.ts";

export interface HistoryWish extends RowFilter {
  readonly states: readonly ("completed" | "failed")[];
  /** Only those that were archived, instead of only the others. */
  readonly isArchive: boolean;
  readonly start: number;
  /** 0: all. */
  readonly limit: number;
}

export interface HistoryRows {
  readonly rows: RowList<EndedJob>;
  /** How many the filter lets through. */
  readonly total: number;
}

/** Rows that one answer may have; older ones are not looked at. */
const MOST = 10_000;

/**
 * The history from row `start` on, newest first within each part: what somebody still has to act on comes first, jobs whose folder is there
 * and failed ones, and no limit cuts them off; then the others, up to the limit. Synchronous, so that it was true at one instant.
 */
export function readHistory(catalog: ListsCatalog, wish: HistoryWish): HistoryRows {
  if (wish.ids !== undefined) return namedRows(catalog, wish, wish.ids);
  const { jobs } = catalog;
  const { states, start } = wish;
  const filter = { ...storeFilter(wish), states };
  const limit = wish.limit === 0 ? Math.max(0, MOST - start) : wish.limit;
  const total = countOf(catalog, wish);
  if (wish.isArchive) return { rows: jobs.archived({ ...filter, skip: start, limit }), total };
  const pressing = jobs.pressing({ ...filter, limit: MOST });
  const first = slice(pressing, start, pressing.length);
  const page = { skip: Math.max(0, start - pressing.length), limit: Math.max(0, limit - first.length) };
  return { rows: joined(first, jobs.taken({ ...filter, ...page })), total };
}

function namedRows({ jobs, completed }: ListsCatalog, wish: HistoryWish, ids: ReadonlySet<string>): HistoryRows {
  const found = [...ids].flatMap((id): EndedJob[] => {
    const job = jobs.get(id);
    if (job === undefined || !wish.states.some((state) => state === job.state) || !isWanted(job, wish)) return [];
    const folder = completed.ofJob(job.id);
    const isShown = wish.isArchive ? job.isArchived : placeOf(job, folder) === "history";
    return isShown ? [{ ...job, endedAt: job.endedAt ?? job.updatedAt, folder }] : [];
  });
  const rows = rowList(found, (row) => row);
  return { rows: slice(rows, wish.start, wish.limit === 0 ? rows.length : wish.limit), total: rows.length };
}

function countOf(catalog: ListsCatalog, wish: HistoryWish): number {
  const { jobs } = catalog;
  const filter = { ...storeFilter(wish), states: wish.states };
  const shown = jobs.count({ ...filter, withoutArchived: true });
  if (wish.isArchive) return jobs.count(filter) - shown;
  return wish.states.includes("completed") ? shown - movingJobs(catalog, wish).length : shown;
}
