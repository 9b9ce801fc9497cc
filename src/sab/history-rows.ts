import type { CompletedFolder } from "../catalog/completed.ts";
import type { Job, JobFilter, JobId, JobState } from "../catalog/jobs.ts";
import { storableName } from "../catalog/names.ts";
import { isWanted, type ListsCatalog, movingJobs, placeOf, type RowFilter, storeFilter } from "./lists.ts";

/** A job that clients see in the history, with the folder that they fetch it from; undefined once that was taken away. */
export interface HistoryRow {
  readonly job: Job;
  readonly folder: CompletedFolder | undefined;
}

export interface HistoryWish extends RowFilter {
  readonly states: readonly ("completed" | "failed")[];
  /** Only those that were archived, instead of only the others. */
  readonly isArchive: boolean;
  readonly start: number;
  /** 0: all. */
  readonly limit: number;
}

export interface HistoryRows {
  readonly rows: readonly HistoryRow[];
  /** How many the filter lets through. */
  readonly total: number;
}

/** Rows that one answer may have; older ones are not looked at. */
const MOST = 10_000;
const PAGE = 500;

/**
 * The history from row `start` on, newest first within each part: what somebody still has to act on comes first, jobs whose folder is there
 * and failed ones, and no limit cuts them off; then the others, up to the limit. Synchronous, so that it was true at one instant.
 */
export function readHistory(catalog: ListsCatalog, wish: HistoryWish): HistoryRows {
  if (wish.ids !== undefined) return namedRows(catalog, wish, wish.ids);
  const total = countOf(catalog, wish);
  if (wish.isArchive) {
    const archived = newest(catalog, wish, endOf(wish), ({ isArchived }) => isArchived);
    return { rows: pageOf(archived, wish).map((job) => ({ job, folder: undefined })), total };
  }
  const folders = foldersOf(catalog, wish.categories);
  const isHere = (job: Job) => placeOf(job, folders.get(job.id)) === "history";
  const pressing = pressingJobs(catalog, wish, folders).filter(isHere);
  const end = Math.max(endOf(wish), pressing.length);
  const known = new Set(pressing.map(({ id }) => id));
  const others = newest(catalog, wish, end - pressing.length, (job) => isHere(job) && !known.has(job.id));
  const rows = [...pressing, ...others].slice(wish.start, end);
  return { rows: rows.map((job) => ({ job, folder: folders.get(job.id) })), total };
}

function namedRows({ jobs, completed }: ListsCatalog, wish: HistoryWish, ids: ReadonlySet<string>): HistoryRows {
  const rows = [...ids].flatMap((id): HistoryRow[] => {
    const job = jobs.get(id);
    if (job === undefined || !wish.states.some((state) => state === job.state) || !isWanted(job, wish)) return [];
    const folder = completed.ofJob(job.id);
    const isShown = wish.isArchive ? job.isArchived : placeOf(job, folder) === "history";
    return isShown ? [{ job, folder }] : [];
  });
  return { rows: pageOf(rows, wish), total: rows.length };
}

function endOf({ start, limit }: HistoryWish): number {
  return limit === 0 ? MOST : start + limit;
}

function pageOf<T>(rows: readonly T[], wish: HistoryWish): readonly T[] {
  return rows.slice(wish.start, endOf(wish));
}

/** Folders of completed jobs of some categories, or of all, whether they are announced or not. */
function foldersOf(
  { completed }: ListsCatalog,
  categories: readonly string[] | undefined,
): ReadonlyMap<JobId, CompletedFolder> {
  const folders = new Map<JobId, CompletedFolder>();
  const wanted = categories === undefined ? completed.categories() : categories.map((name) => storableName(name, name));
  for (const category of new Set(wanted)) {
    for (let after: string | undefined; ; ) {
      const found = completed.list(category, after, PAGE);
      for (const folder of found) folders.set(folder.job, folder);
      after = found.at(-1)?.name;
      if (found.length < PAGE) break;
    }
  }
  return folders;
}

function pressingJobs(
  catalog: ListsCatalog,
  wish: HistoryWish,
  folders: ReadonlyMap<JobId, CompletedFolder>,
): readonly Job[] {
  const isAsked = (state: JobState) => wish.states.some((asked) => asked === state);
  const youngest = [...folders.values()].sort((a, b) => b.createdAt - a.createdAt).slice(0, MOST);
  const done = isAsked("completed") ? youngest.flatMap(({ job }) => catalog.jobs.get(job) ?? []) : [];
  const failed = isAsked("failed") ? newest(catalog, { ...wish, states: ["failed"] }, MOST, () => true) : [];
  const found = [...done.filter((job) => isWanted(job, wish)), ...failed];
  return found.sort((a, b) => (b.endedAt ?? b.updatedAt) - (a.endedAt ?? a.updatedAt)).slice(0, MOST);
}

/** The newest `most` jobs that pass, page by page. */
function newest(
  { jobs }: ListsCatalog,
  wish: HistoryWish,
  most: number,
  passes: (job: Job) => boolean,
): readonly Job[] {
  const found: Job[] = [];
  const filter = { ...historyFilter(wish), limit: PAGE };
  for (let after: JobId | undefined; found.length < most; ) {
    const read = jobs.list(after === undefined ? filter : { ...filter, after });
    found.push(...read.filter(passes));
    after = read.at(-1)?.id;
    if (read.length < PAGE) break;
  }
  return found.slice(0, Math.max(0, most));
}

function countOf(catalog: ListsCatalog, wish: HistoryWish): number {
  const { jobs } = catalog;
  const shown = jobs.count(historyFilter({ ...wish, isArchive: false }));
  if (wish.isArchive) return jobs.count(historyFilter(wish)) - shown;
  return wish.states.includes("completed") ? shown - movingJobs(catalog, wish).length : shown;
}

function historyFilter(wish: HistoryWish): JobFilter {
  return { ...storeFilter(wish), states: wish.states, ...(wish.isArchive ? {} : { withoutArchived: true }) };
}
