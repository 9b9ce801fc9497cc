/**
 * Which job a download client sees where: in the queue while anything is still to be done, which includes telling others of its folder; in
 * the history from then on, until it is archived. Never in both, and in neither once it was cancelled. Each read is synchronous, so that
 * what it returns was true at one instant.
 */
import type { Catalog } from "../catalog/catalog.ts";
import type { CompletedFolder } from "../catalog/completed.ts";
import { foldCase } from "../catalog/fold-case.ts";
import type { Job, JobFilter, JobPriority } from "../catalog/jobs.ts";

export type ListsCatalog = Pick<Catalog, "jobs" | "completed">;

/** What rows are looked for; all of them unless said. */
export interface RowFilter {
  readonly categories?: readonly string[] | undefined;
  readonly search?: string | undefined;
  readonly priorities?: readonly JobPriority[] | undefined;
  readonly ids?: ReadonlySet<string> | undefined;
}

const MOST_MOVING = 10_000;

/** Completed jobs of whose folders somebody is still to be told. */
export function movingJobs({ jobs, completed }: ListsCatalog, filter: RowFilter): readonly Job[] {
  const unready = completed.unready(MOST_MOVING).flatMap((folder) => {
    const job = jobs.get(folder.job);
    return job !== undefined && placeOf(job, folder) === "queue" ? [job] : [];
  });
  return unready.filter((job) => isWanted(job, filter));
}

/** How many jobs the queue has. */
export function queueLength(catalog: ListsCatalog): number {
  const { queued, waiting, importing, paused } = catalog.jobs.counts();
  return queued + waiting + importing + paused + movingJobs(catalog, {}).length;
}

/** Whether a job stands in the queue, in the history, or in neither. */
export function placeOf(
  job: Pick<Job, "state" | "isArchived">,
  folder: Pick<CompletedFolder, "isReady"> | undefined,
): "queue" | "history" | "nowhere" {
  switch (job.state) {
    case "queued":
    case "waiting":
    case "paused":
    case "importing":
      return "queue";
    case "completed":
      if (job.isArchived) return "nowhere";
      return folder === undefined || folder.isReady ? "history" : "queue";
    case "failed":
      return job.isArchived ? "nowhere" : "history";
    case "cancelled":
      return "nowhere";
  }
}

/** As much of a filter as the store does by itself: all of it, but for several priorities and ids. */
export function storeFilter({ categories, search, priorities }: RowFilter): JobFilter {
  const [priority] = priorities ?? [];
  return {
    ...(categories === undefined ? {} : { categories }),
    ...(search === undefined ? {} : { search }),
    ...(priority !== undefined && priorities?.length === 1 ? { priority } : {}),
  };
}

/** All of it, for a job at hand. */
export function isWanted(job: Pick<Job, "id" | "name" | "category" | "priority">, filter: RowFilter): boolean {
  const { categories, search = "", priorities, ids } = filter;
  const isFound = search === "" || foldCase(job.name).includes(foldCase(search));
  const isOfKind = (categories?.includes(job.category) ?? true) && (priorities?.includes(job.priority) ?? true);
  return isFound && isOfKind && (ids?.has(job.id) ?? true);
}
