import type { QueuedJob } from "../catalog/jobs.ts";
import { shownCategory } from "./categories.ts";
import { inUnits, megabytes, timeLeft, unixTime } from "./figures.ts";
import { nzoId } from "./nzo-id.ts";
import { priorityName } from "./priorities.ts";

/** The words of SABnzbd that this program has a use for; clients stumble over any that are not SABnzbd's. */
export type SabStatus =
  | "Grabbing"
  | "Queued"
  | "Paused"
  | "Downloading"
  | "Moving"
  | "Completed"
  | "Failed"
  | "Deleted";

/** What a job's state is called. A completed one is `Moving` while it stands in the queue: its folder is being announced. */
export function queueStatus({ state, fetchFrom }: Pick<QueuedJob, "state" | "fetchFrom">): SabStatus {
  switch (state) {
    case "queued":
    case "waiting":
      return fetchFrom === undefined ? "Queued" : "Grabbing";
    case "importing":
      return "Downloading";
    case "paused":
      return "Paused";
    case "completed":
      return "Moving";
    case "failed":
      return "Failed";
    case "cancelled":
      return "Deleted";
  }
}

/** Bytes that are still to come, as far as its progress tells. */
export function bytesLeft({ state, bytes, progress }: Pick<QueuedJob, "state" | "bytes" | "progress">): number {
  return state === "completed" ? 0 : Math.round(bytes * (1 - progress));
}

/** Bytes a second at which a job gets on: its progress since its attempt began, measured in bytes of the post. */
export function bytesPerSecond({ state, bytes, progress, startedAt }: QueuedJob, now: number): number {
  if (state !== "importing" || startedAt === undefined || now <= startedAt) return 0;
  return (bytes * progress * 1000) / (now - startedAt);
}

/** One line of the queue. `leftMs`: until it is done. */
export function queueSlot(job: QueuedJob, index: number, leftMs: number | undefined) {
  const left = bytesLeft(job);
  const isDone = job.state === "completed";
  return {
    index,
    nzo_id: nzoId(job.id),
    unpackopts: "3",
    priority: priorityName(job.priority),
    script: "None",
    filename: job.name === "" ? `Fetching an NZB from ${job.fetchFrom ?? "somewhere"}` : job.name,
    labels: [],
    // Never told: whoever may read the queue need not know it.
    password: "",
    cat: shownCategory(job.category),
    mbleft: megabytes(left),
    mb: megabytes(job.bytes),
    size: inUnits(job.bytes, "B"),
    sizeleft: inUnits(left, "B"),
    percentage: String(isDone ? 100 : Math.floor(job.progress * 100)),
    mbmissing: megabytes(0),
    direct_unpack: null,
    status: queueStatus(job),
    timeleft: timeLeft(isDone ? 0 : leftMs),
    // The NZB may tell, but it stays packed.
    avg_age: "-",
    time_added: unixTime(job.createdAt),
  };
}

export type QueueSlot = ReturnType<typeof queueSlot>;
