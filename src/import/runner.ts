/**
 * Takes jobs from the durable queue and runs them, as many at a time as admission allows. Sleeps without polling: it is woken when the
 * queue changes, and by one timer when a waiting job falls due. Disposing aborts what runs, puts it back into the queue, and waits for it.
 */

import { setMaxListeners } from "node:events";
import type { Admission } from "../admission/admission.ts";
import { onAbort } from "../base/abort.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { errorMessage, RequestError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Job, JobId, JobPatch, JobStore } from "../catalog/jobs.ts";
import { NO_PAST, type Past, type Verdict, verdictOn } from "./import-verdict.ts";
import type { Importer } from "./importer.ts";
import { QueueTrouble } from "./queue-trouble.ts";

export interface ImportsOptions {
  readonly catalog: Pick<Catalog, "jobs">;
  readonly importer: Importer;
  readonly admission: Pick<Admission, "admitJob">;
  /** `imports.secondLookMs`; 0 for never. */
  readonly secondLookMs: number;
  /** Is shown every job that was running and has ended: completed, failed or cancelled. */
  readonly onEnded?: (job: Job) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 to 1; spreads the retries of jobs. */
  readonly random?: () => number;
}

export interface Imports extends AsyncDisposable {
  /**
   * To be called whenever a job was added, fetched, retried, paused, cancelled, removed or got another place or priority, and when the whole
   * queue was paused or resumed: due jobs start, and those that may not run any longer stop within one command.
   */
  wake(): void;
}

/** The reason of a run whose job was cancelled, paused or removed: it may be another run's by now, and is not touched. */
const WITHDRAWN = new Error("the job was withdrawn");
/** The reason of a run that goes back into the queue. */
const QUEUE_PAUSED = new Error("the queue was paused");
/** No progress is written sooner than this after the last. */
const PROGRESS_MS = 250;
/** After a claim that came to nothing, so that a queue at odds with itself does not spin. */
const RECHECK_MS = 1_000;
/** After trouble with the queue itself. */
const PAUSE_MS = 10_000;
/** The longest sleep: what falls due later is looked at again then, and timers cannot be set for months. */
const MAX_SLEEP_MS = 3_600_000;
/** Nothing in the queue waits for longer, unless a second look is set to come later. */
const LONGEST_WAIT_MS = 2 * MAX_SLEEP_MS;
const WORDS = { trouble: "cannot take a job from the queue", over: "jobs can be taken from the queue again" } as const;

/** Puts jobs that a dead process left behind back into the queue, and starts with what is due. Throws when the catalog cannot be read. */
export async function startImports(options: ImportsOptions): Promise<Imports> {
  const { jobs } = options.catalog;
  const recovered = jobs.recover();
  if (recovered > 0) options.log.info({ jobs: recovered }, "interrupted imports are queued again");
  const runner = new Runner(options);
  runner.start();
  return runner;
}

interface Run {
  readonly id: JobId;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

class Runner implements Imports {
  readonly #options: ImportsOptions;
  readonly #jobs: JobStore;
  readonly #closing = new AbortController();
  readonly #running = new Set<Run>();
  /** Of jobs that have waited, until they have ended or somebody starts them anew; a new process knows nothing of it. */
  readonly #past = new Map<JobId, Past>();
  readonly #trouble: QueueTrouble;
  #loop: Promise<void> = Promise.resolve();
  #rouse: () => void = () => {};

  constructor(options: ImportsOptions) {
    this.#options = options;
    this.#jobs = options.catalog.jobs;
    this.#trouble = new QueueTrouble(options.log, WORDS);
    // Every job that runs listens, and how many those are may change.
    setMaxListeners(Number.POSITIVE_INFINITY, this.#closing.signal);
  }

  start(): void {
    this.#loop = this.#takeJobs();
  }

  wake(): void {
    const { isPaused } = this.#jobs;
    for (const { id, stop } of this.#running) {
      const job = this.#jobs.get(id);
      if (job?.state !== "importing") stop.abort(WITHDRAWN);
      else if (isPaused && job.priority !== "force") stop.abort(QUEUE_PAUSED);
    }
    for (const id of this.#past.keys()) {
      const state = this.#jobs.get(id)?.state;
      if (state !== "waiting" && state !== "importing") this.#past.delete(id);
    }
    this.#rouse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("imports are being stopped"));
    this.#rouse();
    await this.#loop;
    await Promise.all([...this.#running].map(({ done }) => done));
  }

  async #takeJobs(): Promise<void> {
    const { admission } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const pauseMs = this.#dueInMs();
        if (pauseMs === MAX_SLEEP_MS && this.#hasten()) continue;
        if (pauseMs > 0) {
          // What could not be taken is not there any more, so that somebody has written to the queue since.
          this.#trouble.over();
          await this.#sleep(pauseMs);
          continue;
        }
        const ticket = await admission.admitJob({ signal });
        const isStarted = this.#startNext(ticket);
        this.#trouble.over();
        if (!isStarted) await this.#sleep(RECHECK_MS);
      } catch (error) {
        if (signal.aborted) return;
        this.#trouble.report(error);
        await this.#sleep(PAUSE_MS);
      }
    }
  }

  /** 0 when a job may start now. */
  #dueInMs(): number {
    if (this.#jobs.isClaimable()) return 0;
    const due = this.#jobs.nextDue();
    return due === undefined ? MAX_SLEEP_MS : Math.min(MAX_SLEEP_MS, Math.max(0, due - this.#options.clock.wall()));
  }

  /** Whether anything is due now that would have waited for the time that a wrong clock once showed. */
  #hasten(): boolean {
    const { clock, log, secondLookMs } = this.#options;
    const hastened = this.#jobs.hasten(Math.round(clock.wall() + Math.max(LONGEST_WAIT_MS, secondLookMs)));
    if (hastened > 0) log.info({ jobs: hastened }, "the clock was set back: imports that waited are due");
    return hastened > 0;
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#closing.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(ms, () => this.#rouse());
      this.#rouse = () => {
        timer[Symbol.dispose]();
        this.#rouse = () => {};
        resolve();
      };
    });
  }

  /** The ticket comes back when the job ends, or at once when there is none. */
  #startNext(ticket: Disposable): boolean {
    let job: Job | undefined;
    try {
      job = this.#closing.signal.aborted ? undefined : this.#jobs.claim();
    } finally {
      if (job === undefined) ticket[Symbol.dispose]();
    }
    if (job === undefined) return false;
    const { id } = job;
    const stop = new AbortController();
    const done = this.#import(job, stop)
      .catch((error: unknown) => {
        this.#options.log.error({ job: id, error: errorMessage(error) }, "cannot record how an import went");
      })
      .finally(() => {
        this.#running.delete(run);
        ticket[Symbol.dispose]();
        // It may wait now, and be due before anything else.
        this.#rouse();
      });
    const run: Run = { id, stop, done };
    this.#running.add(run);
    return true;
  }

  async #import(job: Job, stop: AbortController): Promise<void> {
    const { importer, clock, log } = this.#options;
    const { signal: closing } = this.#closing;
    using _ = onAbort(closing, () => stop.abort(closing.reason));
    const startedAt = clock.now();
    const about = () => ({ job: job.id, name: job.name, ms: Math.round(clock.now() - startedAt) });
    try {
      const options = { signal: stop.signal, onProgress: this.#progressOf(job, stop) };
      const { release, files, note } = await importer.run(job, options);
      log.info({ ...about(), path: release.path, files, note }, "import completed");
      this.#past.delete(job.id);
      if (note !== undefined) await this.#record(job, { reason: note });
      this.#ended(job);
    } catch (error) {
      const state = this.#jobs.get(job.id)?.state;
      if (state === "completed") throw error;
      if (state !== "importing" || stop.signal.reason === WITHDRAWN) {
        log.info({ ...about(), state }, "import withdrawn");
        if (state === "cancelled") this.#ended(job);
        return;
      }
      if (stop.signal.aborted) {
        await this.#record(job, { state: "queued" });
        log.info(about(), "import interrupted");
        return;
      }
      const { patch, message, isUnforeseen } = this.#verdict(job, error);
      if (isUnforeseen) log.error({ ...about(), error: error instanceof Error ? error.stack : String(error) }, message);
      else log.info({ ...about(), ...patch }, message);
      await this.#record(job, patch);
      if (patch.state === "failed") this.#ended(job);
    }
  }

  #verdict({ id }: Job, error: unknown): Verdict {
    const { clock, random = Math.random, secondLookMs } = this.#options;
    const past = this.#past.get(id) ?? NO_PAST;
    const verdict = verdictOn(error, { past, secondLookMs, now: clock.wall(), random: random() });
    if (verdict.past === undefined) this.#past.delete(id);
    else this.#past.set(id, verdict.past);
    return verdict;
  }

  /** Nothing is lost on a full disk: what became of a job is written when there is room again, unless it has been withdrawn until then. */
  async #record(job: Job, patch: JobPatch): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    for (let isFirst = true; ; isFirst = false) {
      const now = this.#jobs.get(job.id);
      if (now === undefined || now.attempts !== job.attempts) return;
      if (now.state !== "importing" && now.state !== "completed") return;
      try {
        this.#jobs.update(job.id, patch);
        return;
      } catch (error) {
        if (error instanceof RequestError || signal.aborted) throw error;
        if (isFirst) log.error({ job: job.id, error: errorMessage(error) }, "cannot write to the queue; tries again");
      }
      // Whoever stops the program finds the job still importing at the next start.
      await sleep(clock, PAUSE_MS, signal);
    }
  }

  /** Not of a job that another run has already, or that was started anew. */
  #ended({ id, attempts }: Job): void {
    const job = this.#jobs.get(id);
    const hasEnded = job?.state === "completed" || job?.state === "failed" || job?.state === "cancelled";
    if (job !== undefined && hasEnded && job.attempts === attempts) this.#options.onEnded?.(job);
  }

  #progressOf(job: Job, stop: AbortController): (progress: number) => void {
    let nextAt = Number.NEGATIVE_INFINITY;
    return (progress) => {
      const now = this.#options.clock.now();
      if (now < nextAt || stop.signal.aborted) return;
      nextAt = now + PROGRESS_MS;
      if (this.#jobs.update(job.id, { progress }).state !== "importing") stop.abort(WITHDRAWN);
    };
  }
}
