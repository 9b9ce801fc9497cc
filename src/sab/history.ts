import { randomInt } from "node:crypto";
import type { JobId } from "../catalog/jobs.ts";
import { allOf } from "../catalog/row-list.ts";
import type { TrafficLog } from "../catalog/traffic.ts";
import type { ImportQueue } from "../import/import-queue.ts";
import { inUnits } from "./figures.ts";
import { SAB_VERSION } from "./header.ts";
import { type HistoryWish, readHistory } from "./history-rows.ts";
import { historySlot } from "./history-slot.ts";
import { inTurn } from "./in-turn.ts";
import { type ListsCatalog, placeOf } from "./lists.ts";
import { LongList } from "./long-list.ts";
import { reads, type SabCall, type SabModes, writes } from "./mode.ts";
import type { Params } from "./params.ts";
import type { CompletedPlace } from "./paths.ts";
import { namedJobs, rowFilter } from "./queue.ts";
import { NO_VALUE, notImplemented, refused } from "./refusal.ts";
import { trafficSums } from "./server-stats.ts";
import type { TrafficMeter } from "./traffic-meter.ts";

export interface HistoryDeps {
  readonly catalog: ListsCatalog & { readonly traffic: TrafficLog };
  readonly queue: Pick<ImportQueue, "archive" | "remove">;
  readonly completed: CompletedPlace;
  readonly meter: TrafficMeter;
}

type State = HistoryWish["states"][number];
const BOTH: readonly State[] = ["completed", "failed"];
/** Clients keep the number in 32 bits; 0 is what those send that have none. */
const LAST_UPDATE = 2 ** 31 - 1;

/** What has ended, and taking it out of there. */
export function historyModes(deps: HistoryDeps): SabModes {
  // A process that is new counts from elsewhere, so that no client takes its history for that of the one before.
  const firstUpdate = randomInt(1, LAST_UPDATE);
  return [
    ["history", reads((call) => ({ history: listing(deps, call, firstUpdate) }))],
    ["history delete", writes((call) => remove(deps, call))],
  ];
}

/** False instead of the rows when nothing has changed since the client had them. */
function listing(deps: HistoryDeps, { params }: SabCall, firstUpdate: number) {
  if (params.text("name") !== "") notImplemented();
  const lastUpdate = (firstUpdate + deps.catalog.jobs.changeCount) % LAST_UPDATE || 1;
  if (params.count("last_history_update") === lastUpdate) return false;
  const { rows, total } = readHistory(deps.catalog, {
    ...rowFilter(params),
    states: statesOf(params),
    isArchive: params.count("archive") > 0,
    start: params.count("start"),
    limit: params.count("limit"),
  });
  const sums = trafficSums(deps.meter);
  return {
    total_size: inUnits(sums.total, ""),
    month_size: inUnits(sums.month, ""),
    week_size: inUnits(sums.week, ""),
    day_size: inUnits(sums.day, ""),
    slots: new LongList(rows.length, (index) => historySlot(rows.at(index), deps.completed)),
    ppslots: 0,
    noofslots: total,
    last_history_update: lastUpdate,
    version: SAB_VERSION,
  };
}

function statesOf(params: Params): readonly State[] {
  if (params.flag("failed_only")) return ["failed"];
  const wanted = params.list("status").map((status) => status.toLowerCase());
  return wanted.length === 0 ? BOTH : BOTH.filter((state) => wanted.includes(state));
}

/**
 * `archive=1` only takes jobs out of sight, else they are forgotten; either way the library keeps what they brought, whatever
 * `del_files` says. A job that is in the queue again by now is left there, and ids that are not there are as good as deleted.
 */
async function remove(deps: HistoryDeps, { params }: SabCall) {
  const { catalog, queue } = deps;
  const ids = params.list("value");
  if (ids.length === 0) throw refused(NO_VALUE);
  const isArchive = params.count("archive") > 0;
  await inTurn(wanted(deps, params, ids), (id) => {
    const job = catalog.jobs.get(id);
    if (job === undefined || placeOf(job, undefined) === "queue") return;
    if (isArchive) queue.archive(id);
    else queue.remove(id);
  });
  return { status: true };
}

function wanted({ catalog }: HistoryDeps, params: Params, ids: readonly string[]): readonly JobId[] {
  const special = ids.length === 1 ? ids[0]?.toLowerCase() : undefined;
  const states = BOTH.filter((state) => special === "all" || special === state);
  if (states.length === 0) return namedJobs(catalog, ids);
  const all: HistoryWish = { ...rowFilter(params), states, isArchive: false, start: 0, limit: 0 };
  return allOf(readHistory(catalog, all).rows).map(({ id }) => id);
}
