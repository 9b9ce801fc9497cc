import type { Catalog, Entry } from "../catalog/catalog.ts";
import type { Job } from "../catalog/jobs.ts";

/** Clients look whether their upload arrived, so an NZB stays for a while after it was imported. */
const IMPORTED_MS = 60 * 60 * 1000;
/** Whatever nobody comes back to: NZBs that failed, texts about refused ones, files that never became NZBs. */
const LEFT_MS = 7 * 24 * 60 * 60 * 1000;
const PAGE = 50;

/**
 * Deletes dropped files that have had their time, a page of them in each step; folders stay. Files whose import is under way, or still to
 * come, are not touched. Returns how many were deleted.
 */
export function* sweepDrops({ drops, jobs }: Pick<Catalog, "drops" | "jobs">, now: number): Generator<void, number> {
  let deleted = 0;
  const folders = [""];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    const inFolder = at === "" ? "" : `${at}/`;
    let after: string | undefined;
    for (;;) {
      const page = drops.list(at, after, PAGE);
      for (const entry of page) {
        const path = inFolder + entry.name;
        if (entry.kind === "folder") folders.push(path);
        else if (isOver(entry, entry.job === undefined ? undefined : jobs.get(entry.job), now)) {
          drops.remove(path);
          deleted += 1;
        }
      }
      yield;
      if (page.length < PAGE) break;
      after = page.at(-1)?.name;
    }
  }
  return deleted;
}

function isOver(entry: Entry, job: Job | undefined, now: number): boolean {
  if (job === undefined) return now - entry.modifiedAt >= LEFT_MS;
  if (job.state === "completed") return now - job.updatedAt >= IMPORTED_MS;
  return (job.state === "failed" || job.state === "cancelled") && now - job.updatedAt >= LEFT_MS;
}
