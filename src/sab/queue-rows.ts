import type { JobId, QueuedJob, QueueTotals } from "../catalog/jobs.ts";
import { allOf, joined, type RowList, rowList, slice } from "../catalog/row-list.ts";
import { isWanted, type ListsCatalog, movingJobs, type RowFilter, storeFilter } from "./lists.ts";
import { bytesLeft, queueStatus } from "./queue-slot.ts";

export interface QueueWish extends RowFilter {
  /** By SABnzbd's names, in small letters; all of them unless given. */
  readonly statuses?: ReadonlySet<string> | undefined;
  readonly start: number;
  /** 0: all. */
  readonly limit: number;
}

export interface QueueRows {
  /** The page that was asked for. */
  readonly rows: RowList<QueuedJob>;
  /** Of all that the filter lets through. */
  readonly totals: QueueTotals;
  /** Those of them that are being imported. */
  readonly busy: readonly QueuedJob[];
  /** The one of them that is done last, as far as that can be told. */
  readonly last: QueuedJob | undefined;
  /** How many jobs are served before that row of the page; undefined when it waits for nothing any more. */
  placeOf(index: number): number | undefined;
}

/** Rows that one answer may have; more than that are not looked at. */
const MOST = 100_000;

export const WHOLE_QUEUE: QueueWish = { start: 0, limit: 0 };

/**
 * The queue in the order it is served; what is about to be announced comes first. Synchronous, so that it was true at one instant. Only the
 * page's rows are read, unless the filter asks for more than the store can tell by itself.
 */
export function readQueue(catalog: ListsCatalog, wish: QueueWish): QueueRows {
  const moving = movingJobs(catalog, wish);
  return isOfStore(wish) ? readPage(catalog, moving, wish) : readAll(catalog, moving, wish);
}

function isOfStore({ priorities, ids, statuses }: QueueWish): boolean {
  return (priorities === undefined || priorities.length === 1) && ids === undefined && statuses === undefined;
}

function readPage({ jobs }: ListsCatalog, moving: readonly QueuedJob[], wish: QueueWish): QueueRows {
  const filter = storeFilter(wish);
  const limit = limitOf(wish);
  const first = slice(rowList(moving, itself), wish.start, limit);
  const page = { skip: wish.start - moving.length, limit: limit - first.length };
  const rows = joined(first, jobs.queued({ ...filter, ...page, skip: Math.max(0, page.skip) }));
  const busy = allOf(jobs.queued({ ...filter, states: ["importing"], limit: MOST }));
  const all = jobs.queueTotals(filter);
  const totals = {
    jobs: all.jobs + moving.length,
    bytes: all.bytes + sum(moving, ({ bytes }) => bytes),
    bytesLeft: all.bytesLeft,
  };
  const last = jobs.lastQueued(filter) ?? busy.at(-1);
  const isUnfiltered = Object.keys(filter).length === 0;
  const start = wish.start - moving.length;
  const placeOf = isUnfiltered
    ? (index: number) => (start + index < 0 ? undefined : start + index)
    : placesAmong(rows, jobs);
  return { rows, totals, busy, last, placeOf };
}

function readAll({ jobs }: ListsCatalog, moving: readonly QueuedJob[], wish: QueueWish): QueueRows {
  const { statuses } = wish;
  const isIt = (job: QueuedJob) =>
    isWanted(job, wish) && (statuses === undefined || statuses.has(queueStatus(job).toLowerCase()));
  const read = allOf(jobs.queued({ ...storeFilter(wish), limit: MOST }));
  const wanted = [...moving, ...read].filter(isIt);
  const rows = slice(rowList(wanted, itself), wish.start, limitOf(wish));
  return {
    rows,
    totals: { jobs: wanted.length, bytes: sum(wanted, ({ bytes }) => bytes), bytesLeft: sum(wanted, bytesLeft) },
    busy: wanted.filter(({ state }) => state === "importing"),
    last: wanted.findLast(({ state }) => state === "queued" || state === "importing"),
    placeOf: placesAmong(rows, jobs),
  };
}

function limitOf({ limit }: QueueWish): number {
  return limit === 0 ? MOST : limit;
}

function itself(job: QueuedJob): QueuedJob {
  return job;
}

function sum(jobs: readonly QueuedJob[], of: (job: QueuedJob) => number): number {
  return jobs.reduce((total, job) => total + of(job), 0);
}

/**
 * Of rows among which some are left out the places of the first and the last one are looked up; those between are taken to be spread evenly:
 * counting for each of ten thousand would take seconds.
 */
function placesAmong(
  rows: RowList<QueuedJob>,
  jobs: { positionOf(id: JobId): number | undefined },
): QueueRows["placeOf"] {
  let first = 0;
  while (first < rows.length && rows.at(first).state === "completed") first += 1;
  const end = rows.length - 1;
  if (first > end) return () => undefined;
  const [from, to] = [first, end].map((index) => jobs.positionOf(rows.at(index).id));
  if (from === undefined || to === undefined) return () => undefined;
  const step = (to - from) / Math.max(1, end - first);
  return (index) => (index < first ? undefined : Math.round(from + step * (index - first)));
}
