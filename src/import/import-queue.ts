import { setImmediate } from "node:timers/promises";
import type { Clock } from "../base/clock.ts";
import { RequestError } from "../base/errors.ts";
import type { Job, JobId, JobPriority, JobState, JobStore, QueuedJob, SortKey } from "../catalog/jobs.ts";
import { Pace } from "./pace.ts";
import { safeName } from "./safe-name.ts";
import { checkedCategory, chosenName } from "./wish.ts";

/** Jobs that get their place in one transaction. */
const PLACED_AT_ONCE = 250;

/** What people and download clients do to the queue; every face of the program does it here. Throws NOT_FOUND or CONFLICT. */
export interface ImportQueue {
  /** One that is being imported stops at once, and begins anew when it is resumed. */
  pause(id: JobId): Job;
  /** From paused; a waiting job does not wait any longer. */
  resume(id: JobId): Job;
  /** Ends it, whatever it is doing. */
  cancel(id: JobId): Job;
  /** A failed or cancelled job begins anew. */
  retry(id: JobId, passwords?: readonly string[]): Job;
  /** It is gone from queue and history; what it imported stays in the library. False when there was none. */
  remove(id: JobId): boolean;
  archive(id: JobId): boolean;
  setPriority(id: JobId, priority: JobPriority): Job;
  setCategory(id: JobId, category: string): Job;
  /** The name may hold a password: `name{{password}}`. Throws BAD_REQUEST for one that cannot name a release. */
  rename(id: JobId, name: string): Job;
  moveTo(id: JobId, position: number): Job;
  /**
   * Once, within each priority; what comes later is served as always. Done some hundred jobs at a time, with all else that the process has to
   * do in between.
   */
  sort(by: SortKey, isDescending: boolean): Promise<void>;
  /** Durable; what is being imported stops and goes back to its place, but for jobs of priority force. */
  pauseAll(): void;
  resumeAll(): void;
  readonly isPaused: boolean;
  /**
   * Milliseconds until a job is done, as far as its progress, its place and the latest imports tell; 0 when it has ended, undefined when
   * nothing tells. `place`: how many jobs are served before it, where a list of them tells that already.
   */
  timeLeftMs(job: QueuedJob, place?: number): number | undefined;
}

export interface ImportQueueOptions {
  readonly jobs: JobStore;
  /** Called after each change: whoever imports or fetches looks again. */
  readonly onChange: () => void;
  readonly clock: Clock;
}

/** The queue over its rows; it owns nothing. */
export function createImportQueue({ jobs, onChange, clock }: ImportQueueOptions): ImportQueue {
  const pace = new Pace(jobs, clock);

  function changed<T>(result: T): T {
    pace.changed();
    onChange();
    return result;
  }

  function existing(id: JobId): Job {
    const job = jobs.get(id);
    if (job === undefined) throw new RequestError("NOT_FOUND", `there is no job ${id}`);
    return job;
  }

  /** The job in the state `to`; as it is when that is in `done`. Throws CONFLICT when it is in none of the states `from`. */
  function move(
    id: JobId,
    to: JobState,
    { from, done }: { readonly from: readonly JobState[]; readonly done: readonly JobState[] },
  ): Job {
    const job = existing(id);
    if (done.includes(job.state)) return job;
    if (from.includes(job.state)) return changed(jobs.update(id, { state: to }));
    throw new RequestError("CONFLICT", `job ${id} is ${job.state} and cannot become ${to}`);
  }

  return {
    pause: (id) => move(id, "paused", { from: ["queued", "waiting", "importing"], done: ["paused"] }),
    resume: (id) => move(id, "queued", { from: ["paused", "waiting"], done: ["queued", "importing"] }),
    cancel: (id) =>
      move(id, "cancelled", { from: ["queued", "waiting", "importing", "paused", "failed"], done: ["cancelled"] }),
    retry(id, passwords = []) {
      if (passwords.length > 0) jobs.addPasswords(existing(id).id, passwords);
      return move(id, "queued", { from: ["failed", "cancelled"], done: [] });
    },
    remove: (id) => changed(jobs.remove(id)),
    archive: (id) => changed(jobs.archive(id)),
    setPriority: (id, priority) => changed(jobs.setPriority(id, priority)),
    setCategory: (id, category) => changed(jobs.setCategory(id, checkedCategory(category))),
    rename(id, wanted) {
      const { name = "", passwords } = chosenName(wanted);
      const job = jobs.setName(id, safeName(name, "Unnamed release"));
      if (passwords.length > 0) jobs.addPasswords(id, passwords);
      return changed(job);
    },
    moveTo: (id, position) => changed(jobs.moveTo(id, position)),
    async sort(by, isDescending) {
      const placed = jobs.sorted(by, isDescending);
      for (let start = 0; start < placed.length; start += PLACED_AT_ONCE) {
        if (start > 0) await setImmediate();
        jobs.place(placed.slice(start, start + PLACED_AT_ONCE));
      }
      changed(undefined);
    },
    pauseAll() {
      jobs.isPaused = true;
      changed(undefined);
    },
    resumeAll() {
      jobs.isPaused = false;
      changed(undefined);
    },
    get isPaused() {
      return jobs.isPaused;
    },
    timeLeftMs: (job, place) => pace.timeLeftMs(job, place),
  };
}
