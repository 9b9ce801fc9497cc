import { errorMessage } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Job, JobId, JobState, JobStore } from "../catalog/jobs.ts";
import type { WritableTree } from "../catalog/writable-tree.ts";

/** Each is a transaction of its own, and players wait meanwhile. */
const AT_ONCE = 20;
const UNDER_WAY: ReadonlySet<JobState> = new Set(["queued", "waiting", "importing", "paused"]);

export interface DropJobsOptions {
  readonly jobs: Pick<JobStore, "get">;
  readonly drops: Pick<WritableTree, "hasJob">;
  /** Ends a job, whatever it is doing. */
  readonly cancelJob: (id: JobId) => unknown;
  readonly log: Logger;
}

/**
 * Cancels the imports of dropped NZBs that nobody wants any more, a few in each turn of the event loop. Disposing leaves the rest alone:
 * they are imported.
 */
export class DropJobs implements Disposable {
  readonly #options: DropJobsOptions;
  readonly #unwanted: JobId[] = [];
  #turn: NodeJS.Immediate | undefined;
  #isDisposed = false;

  constructor(options: DropJobsOptions) {
    this.#options = options;
  }

  get(id: JobId | undefined): Job | undefined {
    return id === undefined ? undefined : this.#options.jobs.get(id);
  }

  /** Cancels those that only dropped files asked for, and none of them does any more. */
  abandon(ids: readonly JobId[]): void {
    for (const id of ids) this.#unwanted.push(id);
    if (this.#turn === undefined) this.#step();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearImmediate(this.#turn);
  }

  #step(): void {
    this.#turn = undefined;
    for (const id of this.#unwanted.splice(-AT_ONCE)) this.#cancel(id);
    if (this.#unwanted.length > 0 && !this.#isDisposed) this.#turn = setImmediate(() => this.#step());
  }

  #cancel(id: JobId): void {
    try {
      const { drops, cancelJob } = this.#options;
      const job = this.get(id);
      if (job?.isDropped && UNDER_WAY.has(job.state) && !drops.hasJob(id)) cancelJob(id);
    } catch (error) {
      const why = errorMessage(error);
      this.#options.log.warn({ job: id, error: why }, "the import of a deleted NZB could not be cancelled");
    }
  }
}
