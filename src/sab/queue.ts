import type { Job, JobId } from "../catalog/jobs.ts";
import type { ImportQueue } from "../import/import-queue.ts";
import { categoryFilter } from "./categories.ts";
import { inUnits, kilobytes, megabytes, timeLeft } from "./figures.ts";
import { type HeaderDeps, sabHeader } from "./header.ts";
import { type ListsCatalog, queueLength, type RowFilter, readQueue } from "./lists.ts";
import { reads, type SabCall, type SabModes } from "./mode.ts";
import { jobIdOf } from "./nzo-id.ts";
import type { Params } from "./params.ts";
import { priorityWish } from "./priorities.ts";
import { bytesLeft, bytesPerSecond, queueSlot, queueStatus } from "./queue-slot.ts";

export interface QueueDeps extends HeaderDeps {
  readonly catalog: ListsCatalog;
  readonly queue: ImportQueue;
}

/** `queue` without a name, or with one that SABnzbd does not know either. */
export function queueListing(deps: QueueDeps): SabModes {
  return [["queue", reads((call) => ({ queue: listing(deps, call) }))]];
}

/** Filters that both lists take, by the names that SABnzbd gives them. */
export function rowFilter(params: Params): RowFilter {
  const categories = params.list("cat").length > 0 ? params.list("cat") : params.list("category");
  // SABnzbd lets a star stand for anything, which words do anyhow.
  const search = params.text("search").replace(/[*^$]/g, " ").trim();
  const ids = params.list("nzo_ids");
  return {
    categories: categoryFilter(categories),
    ...(search === "" ? {} : { search }),
    ...(ids.length === 0 ? {} : { ids: new Set(ids.map(jobIdOf)) }),
  };
}

function listing(deps: QueueDeps, { params }: SabCall) {
  const { catalog, queue, clock } = deps;
  const [start, limit] = [params.count("start"), params.count("limit")];
  const rows = readQueue(catalog, { ...rowFilter(params), ...priorityFilter(params) });
  const wanted = statusFilter(rows, params.list("status"));
  const slots = wanted.slice(start, limit === 0 ? undefined : start + limit);
  const placeOf = places(slots, catalog);
  const now = clock.wall();
  const speed = wanted.reduce((sum, job) => sum + bytesPerSecond(job, now), 0);
  const bytes = wanted.reduce((sum, job) => sum + job.bytes, 0);
  const left = wanted.reduce((sum, job) => sum + bytesLeft(job), 0);
  const isBusy = wanted.some(({ state }) => state === "importing");
  return {
    ...sabHeader(deps),
    kbpersec: kilobytes(speed),
    speed: inUnits(speed, ""),
    mbleft: megabytes(left),
    mb: megabytes(bytes),
    sizeleft: inUnits(left, "B"),
    size: inUnits(bytes, "B"),
    noofslots_total: queueLength(catalog),
    noofslots: wanted.length,
    start,
    limit,
    finish: start + limit,
    status: queue.isPaused ? "Paused" : isBusy ? "Downloading" : "Idle",
    timeleft: timeLeft(lastOf(wanted, queue)),
    slots: slots.map((job, index) => queueSlot(job, start + index, queue.timeLeftMs(job, placeOf(index)))),
  };
}

/**
 * How many jobs are served before each of these. Known of the first and the last one; those between are taken to be spread evenly, which they
 * are where nothing is left out: counting for each of ten thousand would take seconds.
 */
function places(rows: readonly Job[], { jobs }: Pick<ListsCatalog, "jobs">): (index: number) => number | undefined {
  const first = rows.findIndex(({ state }) => state !== "completed");
  const [from, to] = [rows[first], rows.at(-1)].map((job) => job && jobs.positionOf(job.id));
  if (from === undefined || to === undefined) return () => undefined;
  const step = (to - from) / Math.max(1, rows.length - 1 - first);
  return (index) => Math.round(from + step * (index - first));
}

/** The queue is done when its last job is. */
function lastOf(jobs: readonly Job[], queue: ImportQueue): number | undefined {
  const last = jobs.findLast(({ state }) => state === "queued" || state === "importing");
  return last === undefined ? undefined : queue.timeLeftMs(last);
}

function priorityFilter(params: Params): RowFilter {
  const given = params.list("priority");
  if (given.length === 0) return {};
  return { priorities: given.flatMap((number) => priorityWish(Number(number)).priority ?? []) };
}

function statusFilter(rows: readonly Job[], statuses: readonly string[]): readonly Job[] {
  if (statuses.length === 0) return rows;
  const wanted = new Set(statuses.map((status) => status.toLowerCase()));
  return rows.filter((job) => wanted.has(queueStatus(job).toLowerCase()));
}

/** The jobs that a list of ids names; ids of jobs that are gone are passed over. */
export function namedJobs({ jobs }: Pick<ListsCatalog, "jobs">, ids: readonly string[]): readonly JobId[] {
  return [...new Set(ids.map(jobIdOf))].flatMap((id) => jobs.get(id)?.id ?? []);
}
