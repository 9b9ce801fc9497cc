import type { Clock } from "../base/clock.ts";
import type { ImportQueue } from "../import/import-queue.ts";
import type { DavSpace } from "../webdav/tree.ts";
import { gigabytes, inUnits } from "./figures.ts";
import type { PauseTimer } from "./pause-timer.ts";
import type { RecentWarnings } from "./warnings.ts";

/** The version of SABnzbd whose API this is; clients ask for at least 2.0. */
export const SAB_VERSION = "4.5.1";

export interface HeaderDeps {
  readonly queue: Pick<ImportQueue, "isPaused">;
  readonly pauseTimer: PauseTimer;
  readonly warnings: RecentWarnings;
  readonly clock: Clock;
  /** Of the disk that the database lies on; undefined when the system does not tell. */
  readonly space: () => DavSpace | undefined;
}

/** What the queue and the status have in common. */
export function sabHeader({ queue, pauseTimer, warnings, space }: HeaderDeps) {
  const { available, used } = space() ?? { available: 0, used: 0 };
  const [free, total] = [gigabytes(available), gigabytes(available + used)];
  return {
    version: SAB_VERSION,
    paused: queue.isPaused,
    pause_int: untilResume(pauseTimer.leftMs),
    paused_all: false,
    diskspace1: free,
    diskspace2: free,
    diskspace1_norm: inUnits(available, ""),
    diskspace2_norm: inUnits(available, ""),
    diskspacetotal1: total,
    diskspacetotal2: total,
    // Admission decides how much imports get.
    speedlimit: "100",
    speedlimit_abs: "0",
    have_warnings: String(warnings.list().length),
    finishaction: null,
    quota: inUnits(0, ""),
    have_quota: false,
    left_quota: inUnits(0, ""),
    cache_art: "0",
    cache_size: inUnits(0, "B"),
  };
}

/** `M:SS`, or `0` where no end is set. */
function untilResume(ms: number | undefined): string {
  if (ms === undefined) return "0";
  const seconds = Math.ceil(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
