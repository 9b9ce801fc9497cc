/**
 * Fetches the NZBs of jobs that came as a URL, two at once, outside the gate of jobs: nothing of it goes over the news servers. Sleeps
 * without polling: it is woken when the queue changes, and by one timer when a fetch that waits falls due. Nothing is written while a fetch
 * is under way, so one that is interrupted, however roughly, begins anew at the next start.
 */
import { LRUCache } from "lru-cache";
import { onAbort } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { AppError, errorCode, errorMessage } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Fetch, Job, JobId, JobPatch, JobStore } from "../catalog/jobs.ts";
import type { CategoryRules } from "./category-rules.ts";
import type { Submitted } from "./intake.ts";
import { QueueTrouble } from "./queue-trouble.ts";
import type { ReadNzb } from "./read-nzb.ts";
import type { SpooledIntake } from "./spooled-intake.ts";
import { isPublicAddress } from "./url-address.ts";
import { acceptedBody, answerNames, BusyError, withoutSecrets } from "./url-answer.ts";
import { openDownload } from "./url-download.ts";
import { DEFAULT_CATEGORY, knownCategory } from "./wish.ts";

export interface UrlFetcherOptions {
  readonly jobs: Pick<JobStore, "nextFetch" | "nextFetchDue" | "fetch" | "fetched" | "get" | "update">;
  readonly intake: Pick<SpooledIntake, "deliver">;
  readonly rules: CategoryRules;
  readonly maxNzbBytes: number;
  /** Whether NZBs may come from private networks. */
  readonly allowPrivate: boolean;
  /** Called after a job got its NZB. */
  readonly onQueued: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Disposing ends what is under way, and waits for it. */
export interface UrlFetcher extends AsyncDisposable {
  /** To be called whenever the queue changed: due fetches start, withdrawn ones stop. */
  wake(): void;
}

const AT_ONCE = 2;
const GIVE_UP_MS = 24 * 3_600_000;
const LEAST_WAIT_MS = 30_000;
const MOST_WAIT_MS = 3_600_000;
const SPIN_MS = 1_000;
/** After trouble with the queue itself. */
const PAUSE_MS = 10_000;
const MAX_IN_TROUBLE = 10_000;
const WORDS = {
  trouble: "cannot read or write the queue of fetches",
  over: "the queue of fetches can be read and written again",
} as const;
/** The reason of a fetch whose job was cancelled, paused or removed meanwhile. */
const WITHDRAWN = new Error("the fetch was withdrawn");

/** Starts with what is due. Throws when the catalog cannot be read. */
export function startUrlFetcher(options: UrlFetcherOptions): UrlFetcher {
  const fetcher = new Fetcher(options);
  fetcher.wake();
  return fetcher;
}

interface Run {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

class Fetcher implements UrlFetcher {
  readonly #options: UrlFetcherOptions;
  readonly #closing = new AbortController();
  readonly #running = new Map<JobId, Run>();
  /** Since when a fetch has been failing, for those that failed since the start of the process. */
  readonly #troubleSince = new LRUCache<JobId, number>({ max: MAX_IN_TROUBLE });
  readonly #trouble: QueueTrouble;
  #timer: Disposable | undefined;
  /** By the clock: the queue itself is in trouble, and indexers must not be asked over and over meanwhile. */
  #restsUntil = Number.NEGATIVE_INFINITY;

  constructor(options: UrlFetcherOptions) {
    this.#options = options;
    this.#trouble = new QueueTrouble(options.log, WORDS);
  }

  wake(): void {
    for (const [id, { stop }] of this.#running) if (!this.#isWanted(id)) stop.abort(WITHDRAWN);
    this.#startDue();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("fetches are being stopped"));
    this.#timer?.[Symbol.dispose]();
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  #startDue(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#closing.signal.aborted) return;
    const { jobs, clock } = this.#options;
    const restMs = this.#restsUntil - clock.now();
    if (restMs > 0) {
      this.#timer = clock.after(restMs, () => this.#startDue());
      return;
    }
    try {
      while (this.#running.size < AT_ONCE) {
        const job = jobs.nextFetch(new Set(this.#running.keys()));
        if (job === undefined) break;
        this.#start(job);
      }
      const due = this.#running.size < AT_ONCE ? jobs.nextFetchDue() : undefined;
      if (this.#running.size === 0) this.#trouble.over();
      if (due !== undefined) this.#timer = clock.after(untilDueMs(due - clock.wall()), () => this.#startDue());
    } catch (error) {
      this.#rest(error);
      this.#startDue();
    }
  }

  #rest(error: unknown): void {
    this.#trouble.report(error);
    this.#restsUntil = this.#options.clock.now() + PAUSE_MS;
  }

  #start(job: Job): void {
    const { jobs } = this.#options;
    if (job.state === "queued") this.#troubleSince.delete(job.id);
    else {
      // What has waited since before the start of the process was in trouble then, at the longest since it came.
      if (!this.#troubleSince.has(job.id)) this.#troubleSince.set(job.id, job.createdAt);
      jobs.update(job.id, { state: "queued" });
    }
    const stop = new AbortController();
    const done = this.#run(job, stop)
      .then(() => {
        if (!this.#closing.signal.aborted) this.#trouble.over();
      })
      .catch((error: unknown) => this.#rest(error))
      .finally(() => {
        this.#running.delete(job.id);
        this.#startDue();
      });
    this.#running.set(job.id, { stop, done });
  }

  async #run(job: Job, stop: AbortController): Promise<void> {
    const { jobs, log } = this.#options;
    const { signal: closing } = this.#closing;
    const about = { job: job.id, from: job.fetchFrom };
    using _ = onAbort(closing, () => stop.abort(closing.reason));
    let fetch: Fetch | undefined;
    try {
      fetch = jobs.fetch(job.id);
      const settled = await this.#fetch(job, fetch, stop.signal);
      this.#troubleSince.delete(job.id);
      log.info({ ...about, isNew: settled.isNew, as: settled.job.id, name: settled.job.name }, "NZB fetched");
    } catch (error) {
      if (closing.aborted) return;
      if (stop.signal.reason === WITHDRAWN || !this.#isWanted(job.id)) {
        log.info(about, "fetch withdrawn");
        return;
      }
      const patch = this.#verdict(job.id, error, fetch);
      jobs.update(job.id, patch);
      log.info({ ...about, ...patch }, patch.state === "failed" ? "fetch failed" : "fetch waits");
    }
  }

  /** Resolves with the job that has the NZB now. */
  async #fetch(job: Job, { url, isNamed, whenCompleted }: Fetch, signal: AbortSignal): Promise<Submitted> {
    const { jobs, intake, rules, allowPrivate, maxNzbBytes: maxBytes, clock, log, onQueued } = this.#options;
    const isAllowed = allowPrivate ? () => true : isPublicAddress;
    using download = await openDownload(url, { isAllowed, maxBytes, clock, signal });
    const body = await acceptedBody(download, clock);
    const names = answerNames(download);
    const fits = job.category === DEFAULT_CATEGORY && names.category !== undefined;
    const category = fits ? knownCategory(names.category as string, rules) : undefined;
    let settled: Submitted | undefined;
    const results = await intake.deliver({
      body,
      fileName: names.fileName,
      statedName: names.stated,
      ...(isNamed && { name: job.name }),
      category: category ?? job.category,
      priority: job.priority,
      whenCompleted,
      signal,
      settle: ({ source, name, passwords }: ReadNzb) => {
        signal.throwIfAborted();
        const given = { ...source, passwords, ...(!isNamed && { name }), ...(category !== undefined && { category }) };
        settled = jobs.fetched(job.id, given);
        onQueued();
        return settled;
      },
    });
    const errors = results.flatMap(({ fileName, outcome }) => ("error" in outcome ? [{ fileName, ...outcome }] : []));
    if (settled === undefined) throw errors[0]?.error;
    for (const { fileName, error } of errors) {
      log.warn({ job: job.id, fileName, error: errorMessage(error) }, "an NZB of a fetched ZIP was refused");
    }
    return settled;
  }

  #verdict(id: JobId, error: unknown, fetch: Fetch | undefined): JobPatch {
    const now = this.#options.clock.wall();
    const since = this.#troubleSince.get(id) ?? now;
    const clean = (text: string) => withoutSecrets(text, urlsOf(fetch));
    const message = clean(errorMessage(error));
    const hint = error instanceof AppError && error.hint !== undefined ? clean(error.hint) : null;
    const errors = { errorCode: errorCode(error) ?? null, hint };
    if (!isPassing(error)) return { state: "failed", error: message, ...errors };
    if (now - since >= GIVE_UP_MS) {
      this.#troubleSince.delete(id);
      return { state: "failed", error: `${message}; given up after ${GIVE_UP_MS / 3_600_000} hours`, ...errors };
    }
    this.#troubleSince.set(id, since);
    const asked = error instanceof BusyError ? error.retryAfterMs : undefined;
    // As long as it has been failing already, so that the times between two tries double.
    return { state: "waiting", reason: message, hint, notBefore: Math.round(now + backOffMs(asked ?? now - since)) };
  }

  #isWanted(id: JobId): boolean {
    const job = this.#options.jobs.get(id);
    return job?.fetchFrom !== undefined && (job.state === "queued" || job.state === "waiting");
  }
}

/** Trouble that says nothing about the NZB, and goes away. */
function isPassing(error: unknown): boolean {
  return errorCode(error) === "URL_UNREACHABLE" || errorCode(error) === "DISK_FULL";
}

function urlsOf(fetch: Fetch | undefined): readonly URL[] {
  return fetch !== undefined && URL.canParse(fetch.url) ? [new URL(fetch.url)] : [];
}

/** A timer cannot be set for months, and one that is due already must not spin. */
function untilDueMs(ms: number): number {
  return Math.min(Math.max(ms, SPIN_MS), MOST_WAIT_MS);
}

function backOffMs(ms: number): number {
  return Math.min(Math.max(ms, LEAST_WAIT_MS), MOST_WAIT_MS);
}
