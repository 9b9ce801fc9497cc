import type { EndedJob } from "../catalog/jobs.ts";
import { shownCategory } from "./categories.ts";
import { inUnits, unixTime } from "./figures.ts";
import { nzoId } from "./nzo-id.ts";
import { type CompletedPlace, storageOf } from "./paths.ts";

/** The one failure that Sonarr and Radarr warn of instead of looking for another release: they compare these words. */
export const LOCAL_WRITE_ERROR = "Unpacking failed, write error or disk is full?";
const ENCRYPTED = "Aborted, encryption detected";

/** Codes of failures that lie with this machine and say nothing about the post. */
const LOCAL =
  /^(?:DISK_FULL|ENOSPC|EDQUOT|EIO|EROFS|EMFILE|ENFILE|ENOMEM|SQLITE_(?:FULL|IOERR|READONLY|BUSY|LOCKED|CANTOPEN).*)$/;

/** Why a job failed; empty for one that did not. */
export function failMessage({ state, error, errorCode, hint }: EndedJob): string {
  if (state !== "failed") return "";
  if (LOCAL.test(errorCode ?? "")) return LOCAL_WRITE_ERROR;
  const words = [error ?? "the import failed", hint].filter((part) => part !== undefined && part !== "").join("; ");
  return errorCode === "ARCHIVE_ENCRYPTED" ? `${ENCRYPTED}: ${words}` : words;
}

/** One line of the history. The last segment of `storage` is `name`, from which clients find the job's folder. */
export function historySlot(job: EndedJob, place: CompletedPlace) {
  const isCompleted = job.state === "completed";
  const { folder, endedAt } = job;
  const shown = folder ?? { category: job.category, name: job.name };
  return {
    completed: unixTime(endedAt),
    name: shown.name,
    nzb_name: job.nzbName ?? `${job.name}.nzb`,
    category: shownCategory(job.category),
    pp: "D",
    script: "None",
    report: "",
    url: job.fetchFrom ?? "",
    status: isCompleted ? "Completed" : "Failed",
    nzo_id: nzoId(job.id),
    storage: isCompleted ? storageOf(place, shown) : "",
    path: "",
    script_line: "",
    download_time: Math.max(0, Math.round((endedAt - (job.startedAt ?? endedAt)) / 1000)),
    postproc_time: 0,
    stage_log: job.reason === undefined ? [] : [{ name: "Download", actions: [job.reason] }],
    downloaded: job.bytes,
    completeness: null,
    fail_message: failMessage(job),
    url_info: "",
    bytes: job.bytes,
    meta: null,
    series: "",
    duplicate_key: "",
    md5sum: "",
    password: "",
    action_line: "",
    size: inUnits(job.bytes, "B"),
    loaded: false,
    retry: isCompleted ? 0 : 1,
    archive: job.isArchived,
    time_added: unixTime(job.createdAt),
  };
}

export type HistorySlot = ReturnType<typeof historySlot>;
