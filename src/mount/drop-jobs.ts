import { LRUCache } from "lru-cache";
import { errorMessage } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Job, JobId, JobState, JobStore } from "../catalog/jobs.ts";
import type { WritableTree } from "../catalog/writable-tree.ts";

/** Each is a transaction of its own, and players wait meanwhile. */
const AT_ONCE = 20;
const MAX_SHARED = 10_000;
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
  readonly #shared = new LRUCache<JobId, true>({ max: MAX_SHARED });
  readonly #unwanted: JobId[] = [];
  #turn: NodeJS.Immediate | undefined;
  #isDisposed = false;

  constructor(options: DropJobsOptions) {
    this.#options = options;
  }

  get(id: JobId | undefined): Job | undefined {
    return id === undefined ? undefined : this.#options.jobs.get(id);
  }

  /** Whether a dropped file asked for it. */
  isDropped(id: JobId): boolean {
    return this.#options.drops.hasJob(id);
  }

  /** It came by another way than a dropped file too, so nobody who deletes a file of his decides alone. Known until the process ends. */
  share(id: JobId): void {
    this.#shared.set(id, true);
  }

  /** Cancels those that no dropped file asks for any more, and that did not come by another way. */
  abandon(ids: readonly JobId[]): void {
    for (const id of ids) if (!this.#shared.has(id)) this.#unwanted.push(id);
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
      const state = this.get(id)?.state;
      if (state !== undefined && UNDER_WAY.has(state) && !this.isDropped(id)) this.#options.cancelJob(id);
    } catch (error) {
      const why = errorMessage(error);
      this.#options.log.warn({ job: id, error: why }, "the import of a deleted NZB could not be cancelled");
    }
  }
}
