import { RequestError } from "../base/errors.ts";
import type { JobState } from "./jobs.ts";

/** Where a job may go from each state. Staying is always allowed. */
export const LEGAL_MOVES: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ["importing", "waiting", "paused", "failed", "cancelled"],
  waiting: ["importing", "queued", "paused", "failed", "cancelled"],
  importing: ["completed", "failed", "waiting", "queued", "paused", "cancelled"],
  paused: ["queued", "cancelled"],
  failed: ["queued", "cancelled"],
  cancelled: ["queued"],
  completed: [],
};

/** Throws RequestError CONFLICT for a move that the table does not have. */
export function assertMove(id: string, from: JobState, to: JobState): void {
  if (from === to || LEGAL_MOVES[from].includes(to)) return;
  throw new RequestError("CONFLICT", `job ${id} is ${from} and cannot become ${to}`);
}
