import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { collectDefaultMetrics, type Registry } from "prom-client";
import type { Clock } from "../base/clock.ts";
import type { MakeGauge } from "./metric-families.ts";

/** Resolution of the event loop's watch; its timer is part of what it measures, and wakes the process as often. */
const LOOP_STEP_MS = 20;
/** Whoever has not asked for so long has stopped asking: Prometheus forgets a sample after five minutes. */
const SCRAPED_MS = 6 * 60_000;
const NEVER_MS = 24 * 3_600_000;

/** Memory, descriptors, collections and processor time of this process, under the names that dashboards for Node know. */
export function processMetrics(registry: Registry): void {
  // Its watch of the event loop cannot be stopped and would wake an idle process a hundred times a second: ours is shown instead.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
  for (const { name } of registry.getMetricsAsArray()) {
    if (name.startsWith("nodejs_eventloop_lag")) registry.removeSingleMetric(name);
  }
}

/** How far apart the ticks of a timer were, in nanoseconds. */
export type LoopWatch = Pick<IntervalHistogram, "enable" | "disable" | "reset" | "count" | "percentile">;

export interface LoopDeps {
  readonly clock: Clock;
  readonly watchLoop?: (options: { readonly resolution: number }) => LoopWatch;
}

/**
 * The loop is watched from the first scrape until nobody has scraped for some minutes, so that an idle product sleeps; the first scrape
 * after that has no sample. The watch never keeps the process alive, so nobody has to stop it.
 */
export function loopMetrics(gauge: MakeGauge, { clock, watchLoop = monitorEventLoopDelay }: LoopDeps) {
  const lag = gauge("event_loop_lag_seconds", "99th percentile since the scrape before; not there at the first one");
  let watch: LoopWatch | undefined;
  let end: Disposable | undefined;
  const start = () => {
    // A new one each time: one that is enabled again takes the time it stood still for a delay.
    watch = watchLoop({ resolution: LOOP_STEP_MS });
    watch.enable();
  };
  const stop = () => {
    watch?.disable();
    watch = undefined;
    lag.remove();
  };
  lag.remove();
  return () => {
    end?.[Symbol.dispose]();
    end = clock.after(SCRAPED_MS, stop);
    if (watch === undefined) start();
    else if (watch.count > 0) {
      lag.set(Math.max(0, watch.percentile(99) / 1e9 - LOOP_STEP_MS / 1000));
      watch.reset();
    }
  };
}
