/** Works on a queue in a process of its own: SQLite blocks, and what it costs must not disturb the benchmark. */
import { randomBytes } from "node:crypto";
import { systemClock } from "../src/base/clock.ts";
import type { MessageId } from "../src/base/message-id.ts";
import { SegmentList } from "../src/base/segment-list.ts";
import type { Catalog } from "../src/catalog/catalog.ts";
import type { Job, JobId, JobStore } from "../src/catalog/jobs.ts";
import { answerRequests } from "./child-side.ts";

export interface QueueShape {
  /** Of the catalog's file. */
  readonly path: string;
  readonly queued: number;
  readonly history: number;
  /** Bytes of each NZB, packed. */
  readonly nzbBytes: number;
}

/** Milliseconds of each call, by what was done. */
export type CallTimes = Readonly<Record<string, readonly number[]>>;

/** The built one, beside which the migrations lie. */
const BUILT = new URL("../../dist/catalog/open-catalog.js", import.meta.url);
const { openCatalog } = (await import(BUILT.href)) as typeof import("../src/catalog/open-catalog.ts");

const PAGE = 50;
const FAILED_EVERY = 10;
const CATEGORIES = ["tv", "movies"];
/** Nothing that packs any further. */
let nzb = randomBytes(0);

answerRequests({
  /** Fills a new catalog, whose queue is paused afterwards; resolves with the times of those enqueued last. */
  fill({ path, queued, history, nzbBytes }: QueueShape): readonly number[] {
    nzb = randomBytes(nzbBytes);
    using catalog = openCatalog({ path, clock: systemClock });
    for (let number = 0; number < history; number += 1) end(catalog, enqueue(catalog.jobs, -number - 1));
    const times = Array.from({ length: queued }, (_, number) => timed(() => enqueue(catalog.jobs, number)));
    catalog.jobs.isPaused = true;
    return times.slice(-1_000);
  },
  /** Does everything so often, on a queue that is as long afterwards. */
  calls({ path, count }: { path: string; count: number }): CallTimes {
    using catalog = openCatalog({ path, clock: systemClock });
    const { jobs } = catalog;
    jobs.isPaused = false;
    const all = jobs.queue({ limit: Number.MAX_SAFE_INTEGER });
    const ended = ["completed", "failed"] as const;
    const oldest = jobs.list({ states: ended, limit: Number.MAX_SAFE_INTEGER }).at(-PAGE - 1) as Job;
    const deep = all.length - 2 * PAGE;
    const any = spread(all);
    const taken: JobId[] = [];
    const calls: Readonly<Record<string, (turn: number) => unknown>> = {
      [`queue, the first ${PAGE}`]: () => jobs.queue({ limit: PAGE }),
      [`queue, ${PAGE} behind ${deep} others`]: () => jobs.queue({ skip: deep, limit: PAGE }),
      [`history, the latest ${PAGE}`]: () => jobs.list({ states: ended, limit: PAGE }),
      [`history, the oldest ${PAGE}`]: () => jobs.list({ states: ended, after: oldest.id, limit: PAGE }),
      "queue, searched": (turn) => found(jobs.queue({ search: `e${turn * 17}.2160p.web`, limit: PAGE })),
      "history, searched": (turn) =>
        found(jobs.list({ states: ended, search: `e-${turn + 1}.2160p.web`, limit: PAGE })),
      "all counted by state": () => jobs.counts(),
      "place in the queue": (turn) => jobs.positionOf(any(turn)),
      "moved elsewhere": (turn) => jobs.moveTo(any(turn), (turn * 7_919) % all.length),
      "another priority": (turn) => jobs.setPriority(any(turn), turn % 2 === 0 ? "high" : "normal"),
      claimed: () => taken.push((jobs.claim() as Job).id),
    };
    const times = Object.entries(calls).map(
      ([what, call]) => [what, Array.from({ length: count }, (_, turn) => timed(() => call(turn)))] as const,
    );
    for (const id of taken) jobs.update(id, { state: "queued" });
    jobs.isPaused = true;
    return Object.fromEntries(times);
  },
});

function enqueue(jobs: JobStore, number: number): Job {
  const category = CATEGORIES[Math.abs(number) % CATEGORIES.length] as string;
  const name = `Some.Show.S01E${number}.2160p.WEB-DL.DDP5.1.H.265-GROUP`;
  const source = { digest: `post ${number}`, nzb, bytes: 2e9, nzbName: `${name}.nzb` };
  return jobs.add({ name, category, passwords: [], ...source }).job;
}

/** Most have completed, the others have failed. */
function end(catalog: Catalog, added: Job): void {
  const { id, name, category, digest } = catalog.jobs.claim() ?? added;
  if (Number(digest.split("-")[1]) % FAILED_EVERY === 0) {
    catalog.jobs.update(id, { state: "failed", error: "12 of 12 sampled articles are missing on all providers" });
    return;
  }
  const size = 716_800;
  const segments = SegmentList.from([{ id: `${id}@bench.example` as MessageId, encodedSize: size }]);
  catalog.addRelease({
    ...{ category, name, digest, job: id },
    posts: [{ segments, size, partSize: size }],
    files: [{ path: `${name}.mkv`, runs: [{ post: 0, start: 0, end: size }], modifiedAt: 0 }],
  });
}

/** Jobs from everywhere in the queue, in turn. */
function spread(all: readonly Job[]): (turn: number) => JobId {
  return (turn) => (all[(turn * 4_241) % all.length] as Job).id;
}

/** Whoever finds nothing may not have searched. */
function found(jobs: readonly Job[]): void {
  if (jobs.length !== 1) throw new Error(`a search found ${jobs.length} jobs instead of one`);
}

function timed(act: () => unknown): number {
  const before = performance.now();
  act();
  return performance.now() - before;
}
