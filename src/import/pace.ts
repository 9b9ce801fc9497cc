import type { Clock } from "../base/clock.ts";
import type { JobStore, QueuedJob } from "../catalog/jobs.ts";

/** Imports that tell how long one takes. */
const LATEST = 20;
/** What is known of the pace is read again after so long: a list of ten thousand jobs asks ten thousand times. */
const FRESH_MS = 1_000;
/** Progress below this says nothing yet. */
const TELLING_PROGRESS = 0.05;

interface Known {
  /** Of the latest imports; undefined when there was none. */
  readonly medianMs: number | undefined;
  readonly atOnce: number;
  readonly isPaused: boolean;
  readonly readAt: number;
}

/** Tells how long jobs will still take, by how the queue got on lately. */
export class Pace {
  readonly #jobs: Pick<JobStore, "recentDurations" | "counts" | "positionOf" | "isPaused">;
  readonly #clock: Clock;
  #known: Known | undefined;

  constructor(jobs: Pick<JobStore, "recentDurations" | "counts" | "positionOf" | "isPaused">, clock: Clock) {
    this.#jobs = jobs;
    this.#clock = clock;
  }

  /**
   * Milliseconds until a job is done; 0 when it has ended, undefined when nothing tells. `place`: how many jobs are served before it,
   * where the caller knows that already.
   */
  timeLeftMs(job: QueuedJob, place?: number): number | undefined {
    const { state, priority } = job;
    if (state === "completed" || state === "failed" || state === "cancelled") return 0;
    const { medianMs, atOnce, isPaused } = this.#now();
    if (state === "importing") return this.#restOf(job, medianMs);
    if (state === "paused" || (isPaused && priority !== "force") || medianMs === undefined) return undefined;
    const before = place ?? this.#jobs.positionOf(job.id) ?? 0;
    const wait = state === "waiting" ? Math.max(0, (job.notBefore ?? 0) - this.#clock.wall()) : 0;
    return Math.round(wait + Math.max(1, (before + 1) / atOnce) * medianMs);
  }

  /** Forgets what it knows. */
  changed(): void {
    this.#known = undefined;
  }

  #restOf({ progress, startedAt }: QueuedJob, medianMs: number | undefined): number | undefined {
    if (startedAt === undefined) return medianMs;
    const elapsed = Math.max(0, this.#clock.wall() - startedAt);
    if (progress >= TELLING_PROGRESS) return Math.round((elapsed * (1 - progress)) / progress);
    return medianMs === undefined ? undefined : Math.max(0, Math.round(medianMs - elapsed));
  }

  #now(): Known {
    const readAt = this.#clock.now();
    if (this.#known !== undefined && readAt - this.#known.readAt < FRESH_MS) return this.#known;
    this.#known = {
      medianMs: medianOf(this.#jobs.recentDurations(LATEST)),
      atOnce: Math.max(1, this.#jobs.counts().importing),
      isPaused: this.#jobs.isPaused,
      readAt,
    };
    return this.#known;
  }
}

function medianOf(durations: readonly number[]): number | undefined {
  return [...durations].sort((a, b) => a - b)[durations.length >> 1];
}
