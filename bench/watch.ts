/**
 * Loaded into a server's process before the server (`node --import`): watches its event loop and its garbage collector on request,
 * and ends it when the benchmark is gone.
 */
import { monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { answerRequests } from "./child-side.ts";

export interface Watched {
  /** How late the event loop came to a timer, milliseconds. */
  readonly loopP50: number;
  readonly loopP99: number;
  readonly loopMax: number;
  /** Pauses of the garbage collector. */
  readonly collections: number;
  readonly collectionMs: number;
  readonly longestMs: number;
}

const STEP_MS = 1;
const delay = monitorEventLoopDelay({ resolution: STEP_MS });
let pauses: number[] = [];
const observer = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) pauses.push(duration);
});

answerRequests({
  /** Leaves no garbage, so that what a request takes shows. */
  collect() {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    for (let pass = 0; pass < 3; pass += 1) collect();
  },
  watch() {
    pauses = [];
    observer.observe({ entryTypes: ["gc"] });
    delay.reset();
    delay.enable();
  },
  watched(): Watched {
    delay.disable();
    for (const { duration } of observer.takeRecords()) pauses.push(duration);
    observer.disconnect();
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - STEP_MS);
    return {
      loopP50: late(delay.percentile(50)),
      loopP99: late(delay.percentile(99)),
      loopMax: late(delay.max),
      collections: pauses.length,
      collectionMs: pauses.reduce((sum, ms) => sum + ms, 0),
      longestMs: Math.max(0, ...pauses),
    };
  },
});
// The server decides when its process is done.
process.channel?.unref();
