import { LRUCache } from "lru-cache";
import { errorMessage } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Job, JobId, JobState, JobStore } from "../catalog/jobs.ts";

/** Each is a transaction of its own, and players wait meanwhile. */
const AT_ONCE = 20;
const MAX_SHARED = 10_000;
const NOT_STARTED: ReadonlySet<JobState> = new Set(["queued", "waiting", "paused"]);

/**
 * Cancels the imports of dropped NZBs that nobody wants any more, a few in each turn of the event loop. Disposing leaves the rest alone:
 * they are imported.
 */
export class DropJobs implements Disposable {
  readonly #jobs: Pick<JobStore, "get" | "update">;
  readonly #log: Logger;
  readonly #shared = new LRUCache<JobId, true>({ max: MAX_SHARED });
  readonly #unwanted: JobId[] = [];
  #turn: NodeJS.Immediate | undefined;
  #isDisposed = false;

  constructor(jobs: Pick<JobStore, "get" | "update">, log: Logger) {
    this.#jobs = jobs;
    this.#log = log;
  }

  get(id: JobId | undefined): Job | undefined {
    return id === undefined ? undefined : this.#jobs.get(id);
  }

  /** Somebody else wants it too, so nobody who deletes a file of his decides alone. Known until the process ends. */
  share(id: JobId): void {
    this.#shared.set(id, true);
  }

  /** Cancels those that have not started; one that is being imported goes on. */
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
      const job = this.#jobs.get(id);
      if (job === undefined || !NOT_STARTED.has(job.state)) return;
      this.#jobs.update(id, { state: "cancelled", reason: "its NZB was deleted before the import began" });
    } catch (error) {
      this.#log.warn({ job: id, error: errorMessage(error) }, "the import of a deleted NZB could not be cancelled");
    }
  }
}
