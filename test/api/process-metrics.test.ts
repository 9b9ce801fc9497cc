import { createHook } from "node:async_hooks";
import { createRequire } from "node:module";
import type { monitorEventLoopDelay } from "node:perf_hooks";
import { describe, expect, jest, test } from "@jest/globals";
import { Registry } from "prom-client";
import { metricFamilies } from "../../src/api/metric-families.ts";
import { type LoopWatch, loopMetrics, processMetrics } from "../../src/api/process-metrics.ts";
import { ManualClock } from "../manual-clock.ts";
import { startApi } from "./api-server.ts";

const MS = 1e6;
const MINUTE_MS = 60_000;

type PerfHooks = {
  createHistogram(): Omit<LoopWatch, "enable" | "disable"> & { record(ns: number): void };
  monitorEventLoopDelay: typeof monitorEventLoopDelay;
};
// The very object that prom-client calls.
const perfHooks: PerfHooks = createRequire(import.meta.url)("node:perf_hooks");

/** The loop's lag over a real histogram, whose ticks are recorded here; how many watches run; and time that stands still. */
function watched() {
  const registry = new Registry();
  const clock = new ManualClock();
  const watches: ReturnType<PerfHooks["createHistogram"]>[] = [];
  const resolutions: number[] = [];
  let running = 0;
  const update = loopMetrics(metricFamilies(registry).gauge, {
    clock,
    watchLoop: ({ resolution }) => {
      const histogram = perfHooks.createHistogram();
      resolutions.push(resolution);
      watches.push(histogram);
      const count = (by: number) => {
        running += by;
        return true;
      };
      return Object.assign(histogram, { enable: () => count(1), disable: () => count(-1) });
    },
  });
  return {
    clock,
    resolutions,
    running: () => running,
    /** So many ticks came so late. */
    ticks(times: number, lateMs: number) {
      const ns = ((resolutions.at(-1) as number) + lateMs) * MS;
      for (let tick = 0; tick < times; tick += 1) watches.at(-1)?.record(ns);
    },
    /** What a scrape gets, in milliseconds; undefined where there is no sample. */
    async scrape() {
      update();
      const sample = /^newsreel_event_loop_lag_seconds (.*)$/m.exec(await registry.metrics());
      return sample === null ? undefined : Math.round(Number(sample[1]) * 1000);
    },
  };
}

describe("the watch of the event loop", () => {
  test("does not run before the first scrape, which has no sample", async () => {
    const loop = watched();
    expect([loop.running(), loop.clock.timers]).toEqual([0, 0]);
    expect(await loop.scrape()).toBeUndefined();
    expect(loop.running()).toBe(1);
  });

  test("shows the 99th percentile since the scrape before, without the step of its own timer", async () => {
    const loop = watched();
    await loop.scrape();
    loop.ticks(980, 0);
    loop.ticks(20, 70);
    expect(await loop.scrape()).toBe(70);
    loop.ticks(100, 3);
    expect(await loop.scrape()).toBe(3);
  });

  test("keeps its sample when it has not ticked since", async () => {
    const loop = watched();
    await loop.scrape();
    loop.ticks(10, 5);
    expect([await loop.scrape(), await loop.scrape()]).toEqual([5, 5]);
  });

  test("goes on while somebody scrapes every five minutes", async () => {
    const loop = watched();
    for (let times = 0; times < 5; times += 1) {
      await loop.scrape();
      loop.clock.advance(5 * MINUTE_MS);
    }
    expect([loop.running(), loop.resolutions.length]).toEqual([1, 1]);
  });

  test("ends when nobody has scraped for minutes, and begins anew without what it knew", async () => {
    const loop = watched();
    await loop.scrape();
    loop.ticks(10, 500);
    await loop.scrape();
    loop.clock.advance(7 * MINUTE_MS);
    expect([loop.running(), loop.clock.timers]).toEqual([0, 0]);
    expect(await loop.scrape()).toBeUndefined();
    loop.ticks(10, 2);
    expect(await loop.scrape()).toBe(2);
    expect(loop.running()).toBe(1);
  });
});

describe("metrics of the process", () => {
  test("start no timer faster than a second", () => {
    const watch = jest.spyOn(perfHooks, "monitorEventLoopDelay");
    try {
      processMetrics(new Registry());
      const resolutions = watch.mock.calls.map(([options]) => options?.resolution ?? 0);
      expect(resolutions.length).toBeGreaterThan(0);
      expect(resolutions.filter((ms) => ms < 1000)).toEqual([]);
    } finally {
      watch.mockRestore();
    }
  });

  test("hold memory, descriptors and collections, and no lag that was not measured", async () => {
    const registry = new Registry();
    processMetrics(registry);
    const names = registry.getMetricsAsArray().map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "nodejs_heap_size_used_bytes",
        "nodejs_gc_duration_seconds",
      ]),
    );
    expect(names.filter((name) => name.includes("lag"))).toEqual([]);
  });

  test("watch the loop once they are asked for, with one watch for all scrapes", async () => {
    let watches = 0;
    const hook = createHook({
      init(_id, type) {
        if (type === "ELDHISTOGRAM") watches += 1;
      },
    });
    await using api = await startApi();
    hook.enable();
    try {
      await api.fetch("/healthz");
      expect(watches).toBe(0);
      await api.fetch("/metrics");
      await api.fetch("/metrics");
      expect(watches).toBe(1);
    } finally {
      hook.disable();
    }
  });
});
