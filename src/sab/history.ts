import { createHash } from "node:crypto";
import type { JobId } from "../catalog/jobs.ts";
import type { TrafficLog } from "../catalog/traffic.ts";
import type { ImportQueue } from "../import/import-queue.ts";
import { inUnits } from "./figures.ts";
import { SAB_VERSION } from "./header.ts";
import { type HistoryRow, type HistoryWish, readHistory } from "./history-rows.ts";
import { historySlot } from "./history-slot.ts";
import { inTurn } from "./in-turn.ts";
import { type ListsCatalog, placeOf } from "./lists.ts";
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

/** What has ended, and taking it out of there. */
export function historyModes(deps: HistoryDeps): SabModes {
  return [
    ["history", reads((call) => ({ history: listing(deps, call) }))],
    ["history delete", writes((call) => remove(deps, call))],
  ];
}

/** False instead of the rows when they are those that the client says it has. */
function listing(deps: HistoryDeps, { params }: SabCall) {
  if (params.text("name") !== "") notImplemented();
  const wish: HistoryWish = {
    ...rowFilter(params),
    states: statesOf(params),
    isArchive: params.count("archive") > 0,
    start: params.count("start"),
    limit: params.count("limit"),
  };
  const { rows, total } = readHistory(deps.catalog, wish);
  const lastUpdate = fingerprint(rows, total);
  if (params.count("last_history_update") === lastUpdate) return false;
  const sums = trafficSums(deps.meter);
  return {
    total_size: inUnits(sums.total, "B"),
    month_size: inUnits(sums.month, "B"),
    week_size: inUnits(sums.week, "B"),
    day_size: inUnits(sums.day, "B"),
    slots: rows.map((row) => historySlot(row, deps.completed)),
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

/** A number that is another one when the rows are; never 0, which clients send that have none. SABnzbd counts its changes instead. */
function fingerprint(rows: readonly HistoryRow[], total: number): number {
  const hash = createHash("sha1").update(`${total}`);
  for (const { job, folder } of rows) hash.update(`\n${job.id} ${job.updatedAt} ${job.category} ${folder?.name ?? ""}`);
  return hash.digest().readUInt32BE(0) % 0x7fff_ffff || 1;
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
  return readHistory(catalog, all).rows.map(({ job }) => job.id);
}
