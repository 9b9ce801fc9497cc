/**
 * Tells everybody who must know before a job counts as completed: writes .strm files, and has rclone mounts read the new folders. Then the job
 * is ready, and Sonarr and Radarr are asked to look. Starts with what a dead process left untold; then sleeps until it is woken, or until a
 * disk that was full or missing is tried again. What clients took away, or had removed, leaves the disk at the start, soon after somebody
 * says that there may be such, and once an hour. Disposing aborts all calls; what is untold then is told at the next start.
 */
import type { Clock } from "../base/clock.ts";
import { errorCode, errorMessage } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { CompletedFolder, CompletedStore } from "../catalog/completed.ts";
import type { JobId } from "../catalog/jobs.ts";
import type { Config } from "../config/settings.ts";
import { ArrRefresh } from "./arr-refresh.ts";
import { RcloneMount } from "./rclone-mount.ts";
import { removeStrmFiles, type StrmOptions, writeStrmFiles } from "./strm-files.ts";

export interface AnnouncerOptions {
  readonly completed: Pick<CompletedStore, "unready" | "files" | "ofJob" | "setReady" | "removals">;
  /** undefined: no .strm files are written. */
  readonly strm: StrmOptions | undefined;
  readonly rclone: Config["rclone"];
  readonly arrs: Config["arrs"];
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Announcer extends AsyncDisposable {
  /** To be called when a job has ended. */
  wake(): void;
  /** To be called when folders of completed jobs may have been taken away; costs nothing when none was. */
  sweepSoon(): void;
}

/** Told of in one round. */
const BATCH = 50;
/** Looked at in one pass. */
const MOST_UNREADY = 1_000;
/** Folders of the library that one job's files lie in, of which mounts are told. */
const MOST_PLACES = 20;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
const SWEEP_MS = 60 * 60 * 1000;
/** Jobs are removed by the dozen. */
const SWEEP_DELAY_MS = 1_000;
/** A sweep reads every folder: so many times as long as one takes passes before the next one. */
const SWEEP_REST = 10;

/** Whether anything has to be done before a completed job is shown as such: the `mustAnnounce` of new releases. */
export function mustAnnounce({ completed, rclone }: Pick<Config, "completed" | "rclone">): boolean {
  return completed.style === "strm" || rclone.length > 0;
}

export function startAnnouncer(options: AnnouncerOptions): Announcer {
  return new Announcements(options);
}

interface Delay {
  readonly tries: number;
  readonly dueAt: number;
}

class Announcements implements Announcer {
  readonly #options: AnnouncerOptions;
  readonly #closing = new AbortController();
  readonly #mounts: readonly RcloneMount[];
  readonly #arrs: readonly ArrRefresh[];
  readonly #sweeps: Disposable;
  readonly #loop: Promise<void>;
  #delays: ReadonlyMap<JobId, Delay> = new Map();
  #isWoken = false;
  #isSweepDue: boolean;
  /** What `removals` was at the last sweep, and from when on the next one may be. */
  #sweptRemovals: number;
  #sweepFrom = Number.NEGATIVE_INFINITY;
  #sweepTimer: Disposable | undefined;
  #diskTrouble: string | undefined;
  #isRoused = false;
  #wakeUp: () => void = () => {};

  constructor(options: AnnouncerOptions) {
    const { completed, strm, rclone, arrs, clock, log } = options;
    const { signal } = this.#closing;
    this.#options = options;
    this.#mounts = rclone.map((settings) => new RcloneMount({ settings, clock, log, signal }));
    this.#arrs = arrs.map((settings) => new ArrRefresh({ settings, clock, log, signal }));
    this.#isSweepDue = strm !== undefined;
    this.#sweptRemovals = completed.removals;
    this.#sweeps = strm === undefined ? { [Symbol.dispose]() {} } : clock.every(SWEEP_MS, () => this.#orderSweep());
    this.#loop = this.#work();
  }

  wake(): void {
    this.#isWoken = true;
    this.#rouse();
  }

  sweepSoon(): void {
    const { completed, strm, clock } = this.#options;
    const isIdle = strm === undefined || this.#sweepTimer !== undefined || this.#closing.signal.aborted;
    if (isIdle || completed.removals === this.#sweptRemovals) return;
    this.#sweepTimer = clock.after(Math.max(SWEEP_DELAY_MS, this.#sweepFrom - clock.now()), () => this.#orderSweep());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("the program is being stopped"));
    this.#sweeps[Symbol.dispose]();
    this.#sweepTimer?.[Symbol.dispose]();
    this.#rouse();
    await this.#loop;
    await Promise.all([...this.#mounts, ...this.#arrs].map((peer) => peer.settled()));
  }

  async #work(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    let retryMs: number | undefined;
    while (!signal.aborted) {
      // Jobs that complete in one moment are told of together.
      await new Promise<void>((resolve) => setImmediate(resolve));
      try {
        this.#isRoused = false;
        const isWoken = this.#isWoken;
        this.#isWoken = false;
        const told = await this.#announceAll();
        if (told > 0 && this.#delays.size === 0) this.#reportDisk(undefined);
        if (isWoken || told > 0) for (const arr of this.#arrs) arr.ask();
        await this.#sweep();
        const dueAt = Math.min(...[...this.#delays.values()].map((delay) => delay.dueAt));
        retryMs = Number.isFinite(dueAt) ? Math.max(1, dueAt - clock.now()) : undefined;
      } catch (error) {
        if (signal.aborted) return;
        log.error({ error: errorMessage(error) }, "completed imports could not be told of; it is tried again");
        retryMs = LAST_RETRY_MS;
      }
      await this.#sleep(retryMs);
    }
  }

  #orderSweep(): void {
    this.#isSweepDue = true;
    this.#rouse();
  }

  #rouse(): void {
    this.#isRoused = true;
    this.#wakeUp();
  }

  /** Until somebody rouses it, or for so long; not at all when somebody has since this round began. */
  async #sleep(ms: number | undefined): Promise<void> {
    if (this.#isRoused || this.#closing.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = ms === undefined ? undefined : this.#options.clock.after(ms, () => this.#rouse());
      this.#wakeUp = () => {
        timer?.[Symbol.dispose]();
        this.#wakeUp = () => {};
        resolve();
      };
    });
  }

  /** How many jobs are ready now that were not. */
  async #announceAll(): Promise<number> {
    const { completed, clock } = this.#options;
    for (let told = 0; ; ) {
      const unready = completed.unready(MOST_UNREADY);
      const now = clock.now();
      const delays = unready.flatMap(({ job }) => {
        const delay = this.#delays.get(job);
        return delay === undefined ? [] : [[job, delay] as const];
      });
      this.#delays = new Map(delays);
      const due = unready.filter(({ job }) => (this.#delays.get(job)?.dueAt ?? now) <= now).slice(0, BATCH);
      if (due.length === 0) return told;
      told += await this.#announce(due);
    }
  }

  async #announce(jobs: readonly CompletedFolder[]): Promise<number> {
    const { completed } = this.#options;
    const { signal } = this.#closing;
    const written: CompletedFolder[] = [];
    for (const job of jobs) if (await this.#isWritten(job)) written.push(job);
    if (written.length === 0) return 0;
    if (this.#mounts.length > 0) {
      const folders = written.flatMap((job) => this.#foldersOf(job));
      await Promise.all(this.#mounts.map((mount) => mount.tell(folders)));
      signal.throwIfAborted();
    }
    for (const { job } of written) completed.setReady(job);
    return written.length;
  }

  /** As they stand below `/dav`. */
  #foldersOf({ job, category, name }: CompletedFolder): readonly string[] {
    const places = new Set<string>();
    for (const { file } of this.#options.completed.files(job)) {
      if (file === undefined) continue;
      places.add(["library", ...file.libraryPath.split("/").slice(0, -1).slice(0, 2)].join("/"));
      if (places.size === MOST_PLACES) break;
    }
    return [`completed/${category}/${name}`, ...places];
  }

  async #isWritten(job: CompletedFolder): Promise<boolean> {
    const { completed, strm, clock, log } = this.#options;
    if (strm === undefined) return true;
    const { signal } = this.#closing;
    try {
      const unusable = await writeStrmFiles(strm, { job, files: completed.files(job.job) }, { signal });
      if (unusable.length > 0) {
        log.warn(
          { job: job.job, files: unusable.length },
          ".strm files were left out: the disk cannot hold their names",
        );
      }
      return true;
    } catch (error) {
      signal.throwIfAborted();
      const { tries } = this.#delays.get(job.job) ?? { tries: 0 };
      const dueAt = clock.now() + Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** tries);
      this.#delays = new Map(this.#delays).set(job.job, { tries: tries + 1, dueAt });
      this.#reportDisk(errorCode(error) ?? errorMessage(error));
      return false;
    }
  }

  async #sweep(): Promise<void> {
    const { completed, strm, clock, log } = this.#options;
    if (strm === undefined || !this.#isSweepDue) return;
    this.#isSweepDue = false;
    this.#sweepTimer?.[Symbol.dispose]();
    this.#sweepTimer = undefined;
    this.#sweptRemovals = completed.removals;
    const { signal } = this.#closing;
    const startedAt = clock.now();
    try {
      const removed = await removeStrmFiles(strm, (job) => completed.ofJob(job) !== undefined, { signal });
      if (removed > 0) log.info({ folders: removed }, ".strm files of removed imports are gone");
    } catch (error) {
      signal.throwIfAborted();
      this.#reportDisk(errorCode(error) ?? errorMessage(error));
    } finally {
      this.#sweepFrom = clock.now() + SWEEP_REST * (clock.now() - startedAt);
    }
  }

  #reportDisk(trouble: string | undefined): void {
    if (trouble === this.#diskTrouble) return;
    const { strm, log } = this.#options;
    this.#diskTrouble = trouble;
    if (trouble === undefined) log.info({ folder: strm?.folder }, ".strm files can be written again");
    else {
      const hint =
        "completed.strmFolder must be there, with room in it, and writable for the user that newsreel runs as";
      log.warn({ folder: strm?.folder, trouble, hint }, ".strm files cannot be written; imports wait for that");
    }
  }
}
