import type { Job, JobStore } from "../catalog/jobs.ts";
import type { ImportQueue } from "../import/import-queue.ts";

/** An import as lists and events show it. */
export function importSummary(job: Job) {
  return {
    id: job.id,
    state: job.state,
    name: job.name,
    nzbName: job.nzbName ?? null,
    category: job.category,
    priority: job.priority,
    bytes: job.bytes,
    fetchFrom: job.fetchFrom ?? null,
    progress: job.progress,
    reason: job.reason ?? null,
    error: job.error ?? null,
    code: job.errorCode ?? null,
    hint: job.hint ?? null,
    attempts: job.attempts,
    notBefore: job.notBefore ?? null,
    createdAt: job.createdAt,
    updatedAt: job.updatedAt,
    startedAt: job.startedAt ?? null,
    endedAt: job.endedAt ?? null,
    isArchived: job.isArchived,
    mergedInto: job.mergedInto ?? null,
  };
}

/** The same with its place among those that have not ended, which costs a look at all of these. */
export function importWithPlace(
  job: Job,
  { jobs, queue }: { readonly jobs: Pick<JobStore, "positionOf">; readonly queue: Pick<ImportQueue, "timeLeftMs"> },
) {
  const position = jobs.positionOf(job.id);
  return {
    ...importSummary(job),
    position: position ?? null,
    timeLeftMs: queue.timeLeftMs(job, position) ?? null,
  };
}
