import { describe, expect, test } from "@jest/globals";
import type { Job } from "../../src/catalog/jobs.ts";
import { Pace } from "../../src/import/pace.ts";
import { ManualClock } from "../manual-clock.ts";
import { gatedImporter, Office } from "./office.ts";
import { settle } from "./workshop.ts";

const NO_COUNTS = { queued: 0, waiting: 0, importing: 0, completed: 0, failed: 0, paused: 0, cancelled: 0 };

function pace(
  known: { readonly durations?: readonly number[]; readonly importing?: number; readonly isPaused?: boolean } = {},
) {
  const clock = new ManualClock();
  const { durations = [], importing = 0, isPaused = false } = known;
  let reads = 0;
  const jobs = {
    recentDurations: () => {
      reads += 1;
      return durations;
    },
    counts: () => ({ ...NO_COUNTS, importing }),
    positionOf: () => 7,
    isPaused,
  };
  return { clock, reads: () => reads, pace: new Pace(jobs, clock) };
}

const job = (more: Partial<Job>): Job =>
  ({ id: "1", state: "queued", priority: "normal", progress: 0, ...more }) as Job;

describe("the time left", () => {
  test("of a job that runs is what its progress says", () => {
    const { clock, pace: known } = pace({ durations: [1] });
    const startedAt = clock.wall();
    clock.advance(30_000);
    expect(known.timeLeftMs(job({ state: "importing", progress: 0.75, startedAt }))).toBe(10_000);
  });

  test("of one that has hardly begun is what others took", () => {
    const { clock, pace: known } = pace({ durations: [10_000] });
    const startedAt = clock.wall();
    clock.advance(4_000);
    expect(known.timeLeftMs(job({ state: "importing", progress: 0.01, startedAt }))).toBe(6_000);
    clock.advance(40_000);
    expect(known.timeLeftMs(job({ state: "importing", startedAt }))).toBe(0);
    expect(pace().pace.timeLeftMs(job({ state: "importing", startedAt }))).toBeUndefined();
  });

  test("of one that is queued is its place times the median, by the jobs at once", () => {
    const { pace: known } = pace({ durations: [900_000, 10_000, 30_000, 1, 20_000], importing: 2 });
    expect(known.timeLeftMs(job({}))).toBe(80_000);
    expect(known.timeLeftMs(job({}), 0)).toBe(20_000);
    expect(known.timeLeftMs(job({}), 999)).toBe(10_000_000);
  });

  test("of one that waits counts its wait", () => {
    const { clock, pace: known } = pace({ durations: [1_000] });
    expect(known.timeLeftMs(job({ state: "waiting", notBefore: clock.wall() + 5_000 }), 0)).toBe(6_000);
  });

  test("is nobody's guess when it is paused, or before the first import", () => {
    expect(pace({ durations: [1] }).pace.timeLeftMs(job({ state: "paused" }))).toBeUndefined();
    expect(pace({ durations: [1], isPaused: true }).pace.timeLeftMs(job({}))).toBeUndefined();
    expect(pace({ durations: [1], isPaused: true }).pace.timeLeftMs(job({ priority: "force" }), 0)).toBe(1);
    expect(pace().pace.timeLeftMs(job({}))).toBeUndefined();
    expect(pace().pace.timeLeftMs(job({ state: "failed" }))).toBe(0);
  });

  test("of ten thousand jobs is read from the queue once a second", () => {
    const { clock, reads, pace: known } = pace({ durations: [1] });
    for (let place = 0; place < 10_000; place++) known.timeLeftMs(job({}), place);
    expect(reads()).toBe(1);
    clock.advance(1_000);
    known.timeLeftMs(job({}));
    expect(reads()).toBe(2);
  });
});

test("the queue tells the time left from its own rows", async () => {
  using office = new Office();
  const { importer } = gatedImporter();
  office.usenet.post({ name: "film.mkv", parts: [500] });
  await office.queue("Film");
  await using first = await office.start({
    run: async (job, options) => {
      office.clock.advance(8_000);
      return await office.importer.run(job, options);
    },
  });
  while (office.ended.length === 0) await settle();
  await first[Symbol.asyncDispose]();
  const ids = ["a", "b", "c", "d"].map((name) => office.add(name));
  await using _ = await office.start(importer);
  await settle();
  const left = ids.map((id) => office.controls.timeLeftMs(office.job(id)));
  expect(left).toEqual([8_000, 8_000, 12_000, 16_000]);
});
