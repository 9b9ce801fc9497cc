import { timeOfJobId } from "./job-id.ts";
import type { JobId, JobPriority } from "./jobs.ts";

const HOUR_MS = 3_600_000;

/** A job of a priority is served as if it had come so much earlier; so age wins in the end, but never against `force`. */
const HEAD_START_MS: Readonly<Record<JobPriority, number>> = {
  low: -HOUR_MS,
  normal: 0,
  high: HOUR_MS,
  force: 2 ** 43,
};

/** Ranks below it are those of jobs of priority force; times reach it in the year 2109. */
export const FORCE_BELOW = -(2 ** 42);

/** Where a job stands that nobody has moved. */
export function rankOf(id: JobId, priority: JobPriority): number {
  return timeOfJobId(id) - HEAD_START_MS[priority];
}

/** A rank between those of two neighbours, either of which may be missing, but not both; undefined where they leave no room. */
export function rankBetween(before: number | undefined, after: number | undefined): number | undefined {
  if (before === undefined) return (after as number) - 1;
  if (after === undefined) return before + 1;
  const middle = (before + after) / 2;
  return before < middle && middle < after ? middle : undefined;
}
