import type { JobId } from "../catalog/jobs.ts";
import type { ImportQueue } from "../import/import-queue.ts";
import { categoryFilter } from "./categories.ts";
import { inUnits, kilobytes, megabytes, timeLeft } from "./figures.ts";
import { type HeaderDeps, sabHeader } from "./header.ts";
import { type ListsCatalog, queueLength, type RowFilter } from "./lists.ts";
import { LongList } from "./long-list.ts";
import { reads, type SabCall, type SabModes } from "./mode.ts";
import { jobIdOf } from "./nzo-id.ts";
import type { Params } from "./params.ts";
import { priorityWish } from "./priorities.ts";
import { type QueueRows, readQueue, WHOLE_QUEUE } from "./queue-rows.ts";
import { bytesLeft, bytesPerSecond, queueSlot } from "./queue-slot.ts";

const MEBI = 1024 * 1024;

export interface QueueDeps extends HeaderDeps {
  readonly catalog: ListsCatalog;
  readonly queue: ImportQueue;
}

/** `queue` without a name, or with one that SABnzbd does not know either. */
export function queueListing(deps: QueueDeps): SabModes {
  return [
    ["queue", reads((call) => ({ queue: listing(deps, call) }))],
    ["qstatus", reads(() => shortListing(deps))],
  ];
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
  const { queue } = deps;
  const [start, limit] = [params.count("start"), params.count("limit")];
  const statuses = params.list("status").map((status) => status.toLowerCase());
  const found = readQueue(deps.catalog, {
    ...rowFilter(params),
    ...priorityFilter(params),
    ...(statuses.length === 0 ? {} : { statuses: new Set(statuses) }),
    start,
    limit,
  });
  const { rows, totals, placeOf } = found;
  const sums = figuresOf(found, deps);
  return {
    ...sabHeader(deps),
    kbpersec: kilobytes(sums.speed),
    speed: inUnits(sums.speed, ""),
    mbleft: megabytes(totals.bytesLeft),
    mb: megabytes(totals.bytes),
    sizeleft: inUnits(totals.bytesLeft, "B"),
    size: inUnits(totals.bytes, "B"),
    noofslots_total: queueLength(deps.catalog),
    noofslots: totals.jobs,
    start,
    limit,
    finish: start + limit,
    status: sums.status,
    timeleft: timeLeft(sums.leftMs),
    slots: new LongList(rows.length, (index) => {
      const job = rows.at(index);
      return queueSlot(job, start + index, queue.timeLeftMs(job, placeOf(index)));
    }),
  };
}

/** The queue is done when its last job is. */
function figuresOf({ busy, last }: QueueRows, { queue, clock }: QueueDeps) {
  const now = clock.wall();
  return {
    /** Bytes a second. */
    speed: busy.reduce((sum, job) => sum + bytesPerSecond(job, now), 0),
    status: queue.isPaused ? "Paused" : busy.length > 0 ? "Downloading" : "Idle",
    leftMs: last === undefined ? undefined : queue.timeLeftMs(last),
  };
}

/** What SABnzbd answered before it had `queue`, without anything around it; some that show a status still ask for that. */
function shortListing(deps: QueueDeps) {
  const { queue } = deps;
  const found = readQueue(deps.catalog, WHOLE_QUEUE);
  const { rows, totals, placeOf } = found;
  const { speed, status, leftMs } = figuresOf(found, deps);
  return {
    ...sabHeader(deps),
    state: status.toUpperCase(),
    kbpersec: speed / 1024,
    speed: inUnits(speed, ""),
    mbleft: totals.bytesLeft / MEBI,
    mb: totals.bytes / MEBI,
    noofslots: totals.jobs,
    timeleft: timeLeft(leftMs),
    loadavg: "",
    jobs: new LongList(rows.length, (index) => {
      const job = rows.at(index);
      const { nzo_id: id, filename, timeleft } = queueSlot(job, index, queue.timeLeftMs(job, placeOf(index)));
      return { id, filename, mb: job.bytes / MEBI, mbleft: bytesLeft(job) / MEBI, timeleft };
    }),
  };
}

function priorityFilter(params: Params): RowFilter {
  const given = params.list("priority");
  if (given.length === 0) return {};
  return { priorities: given.flatMap((number) => priorityWish(Number(number)).priority ?? []) };
}

/** The jobs that a list of ids names; ids of jobs that are gone are passed over. */
export function namedJobs({ jobs }: Pick<ListsCatalog, "jobs">, ids: readonly string[]): readonly JobId[] {
  return [...new Set(ids.map(jobIdOf))].flatMap((id) => jobs.get(id)?.id ?? []);
}
