import type { JobPriority } from "../catalog/jobs.ts";

const BY_NUMBER: ReadonlyMap<number, JobPriority> = new Map([
  [-1, "low"],
  [0, "normal"],
  [1, "high"],
  [2, "force"],
]);
const NUMBERS: Readonly<Record<JobPriority, number>> = { low: -1, normal: 0, high: 1, force: 2 };
const NAMES = { low: "Low", normal: "Normal", high: "High", force: "Force" } as const;
/** Stopped, a duplicate, paused: whoever gets one of them has to be resumed. */
const HELD = new Set([-4, -3, -2]);

export interface PriorityWish {
  /** undefined: the category's. */
  readonly priority: JobPriority | undefined;
  readonly isPaused: boolean;
}

/** What SABnzbd's number stands for; -100 and whatever else it does not know is the category's own. */
export function priorityWish(number: number | undefined): PriorityWish {
  if (number === undefined) return { priority: undefined, isPaused: false };
  return { priority: BY_NUMBER.get(number), isPaused: HELD.has(number) };
}

export function priorityNumber(priority: JobPriority): number {
  return NUMBERS[priority];
}

export function priorityName(priority: JobPriority): string {
  return NAMES[priority];
}
