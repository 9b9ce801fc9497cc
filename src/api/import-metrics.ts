import type { Clock } from "../base/clock.ts";
import type { JobState, JobStore } from "../catalog/jobs.ts";
import { Distribution, distributionText } from "./distribution.ts";

/** From a post whose articles are all in the cache to one that is checked article by article, in seconds. */
const DURATION = [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600];
const ENDED: readonly JobState[] = ["completed", "failed", "cancelled"];
const PAGE = 500;
/** Looked at in one scrape; the rest is left to the next one. */
const MOST_PAGES = 20;

/** How long imports took, from the beginning of their last attempt to their end. Found out when somebody asks, from what has changed since. */
export class ImportDurations {
  readonly #jobs: Pick<JobStore, "changed">;
  readonly #clock: Clock;
  readonly #durations = new Map<JobState, Distribution>();
  #mark: { readonly updatedAt: number; readonly id: string };
  /** What has ended before this was counted, or was there before the process began. */
  #countedUpTo: number;

  constructor(jobs: Pick<JobStore, "changed">, clock: Clock) {
    this.#jobs = jobs;
    this.#clock = clock;
    this.#countedUpTo = Math.round(clock.wall());
    this.#mark = { updatedAt: this.#countedUpTo, id: "" };
    for (const state of ENDED) this.#durations.set(state, new Distribution(DURATION));
  }

  /** In Prometheus' text format. */
  text(): string {
    this.#look();
    const family = [...this.#durations].map(([state, values]) => ({ labels: { result: state }, values }));
    return distributionText("newsreel_import_duration_seconds", "From the beginning of an import to its end", family);
  }

  #look(): void {
    const before = Math.round(this.#clock.wall());
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const jobs = this.#jobs.changed(this.#mark, { before, limit: PAGE });
      for (const { state, startedAt, endedAt } of jobs) {
        if (startedAt === undefined || endedAt === undefined || endedAt < this.#countedUpTo) continue;
        this.#durations.get(state)?.observe(Math.max(0, endedAt - startedAt) / 1000);
      }
      const last = jobs.at(-1);
      if (last === undefined || jobs.length < PAGE) {
        this.#mark = { updatedAt: before, id: "" };
        this.#countedUpTo = before;
        return;
      }
      this.#mark = { updatedAt: last.updatedAt, id: last.id };
    }
  }
}
