import { describe, expect, test } from "@jest/globals";
import type { AdmissionLimits } from "../../src/admission/admission.ts";
import { importConnections, inWords, jobLimit } from "../../src/admission/budget.ts";
import { AdmissionController } from "../../src/admission/controller.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { ManualClock } from "../manual-clock.ts";

const LIMITS: AdmissionLimits = {
  connections: 30,
  maxJobs: 2,
  maxJobsWhileStreaming: 0,
  perStreamConnections: 2,
  floor: 1,
  holdOffMs: 15_000,
};

function start(limits: Partial<AdmissionLimits> = {}) {
  const clock = new ManualClock();
  return { clock, admission: new AdmissionController({ limits: { ...LIMITS, ...limits }, clock, log: silentLogger }) };
}

const never = new AbortController().signal;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("the connection budget", () => {
  test.each([
    { connections: 30, streams: 0, floor: 1, expected: 30 },
    { connections: 30, streams: 1, floor: 1, expected: 28 },
    { connections: 30, streams: 13, floor: 1, expected: 4 },
    { connections: 30, streams: 100, floor: 1, expected: 1 },
    { connections: 30, streams: 100, floor: 0, expected: 0 },
    { connections: 1, streams: 3, floor: 1, expected: 1 },
    { connections: 0, streams: 3, floor: 1, expected: 0 },
  ])("$connections connections, $streams streams, floor $floor: imports hold $expected", (row) => {
    expect(importConnections({ ...row, perStreamConnections: 2 }, row.streams)).toBe(row.expected);
  });

  test("a limit while streaming above the idle one means fewer, not more", () => {
    expect(jobLimit({ maxJobs: 3, maxJobsWhileStreaming: 5 }, 1)).toBe(3);
    expect(jobLimit({ maxJobs: 3, maxJobsWhileStreaming: 0 }, 1)).toBe(0);
    expect(jobLimit({ maxJobs: 3, maxJobsWhileStreaming: 0 }, 0)).toBe(3);
  });

  test("is told in words", () => {
    const state = {
      streams: 2,
      holdOffUntil: undefined,
      jobs: { running: 0, waiting: 6, limit: 0 },
      connections: { total: 30, imports: 4 },
    };
    expect(inWords(state, 15_000)).toBe(
      "2 streams active: imports hold 4 of 30 connections, 6 jobs wait; they resume 15 s after playback",
    );
  });
});

describe("AdmissionController", () => {
  test("a stream stays active until the hold-off after its last byte", () => {
    const { clock, admission } = start();
    const ticket = admission.openStream({ key: "film" });
    clock.advance(5_000);
    ticket.touch();
    ticket[Symbol.dispose]();
    expect(admission.state.streams).toBe(1);
    expect(admission.state.holdOffUntil).toBe(clock.wall() + 15_000);
    clock.advance(14_999);
    expect(admission.importConnections()).toBe(28);
    clock.advance(1);
    expect(admission.importConnections()).toBe(30);
    expect(admission.state.holdOffUntil).toBeUndefined();
  });

  test("fifty ranged reads of one file by one player are one stream", () => {
    const { clock, admission } = start();
    for (let n = 0; n < 50; n += 1) {
      const ticket = admission.openStream({ key: "film by kodi" });
      ticket.touch();
      ticket[Symbol.dispose]();
      clock.advance(100);
    }
    expect(admission.state.streams).toBe(1);
  });

  test("a player that is paused with its socket open counts only until the hold-off, and again when it goes on", () => {
    const { clock, admission } = start();
    using ticket = admission.openStream({ key: "film" });
    clock.advance(15_000);
    expect(admission.state.streams).toBe(0);
    expect(admission.importConnections()).toBe(30);
    ticket.touch();
    expect(admission.state.streams).toBe(1);
    expect(admission.importConnections()).toBe(28);
  });

  test("jobs wait while somebody watches and start when the hold-off is over", async () => {
    const { clock, admission } = start();
    const ticket = admission.openStream({ key: "film" });
    let started = 0;
    for (let n = 0; n < 3; n += 1) {
      admission.admitJob({ signal: never }).then(() => {
        started += 1;
      });
    }
    await settle();
    expect(started).toBe(0);
    expect(admission.state.jobs).toEqual({ running: 0, waiting: 3, limit: 0 });
    ticket[Symbol.dispose]();
    clock.advance(15_000);
    await settle();
    expect(started).toBe(2);
    expect(admission.state.jobs).toEqual({ running: 2, waiting: 1, limit: 2 });
  });

  test("a grant that races a cancel is not lost: its ticket comes, and gives the place to the next when disposed of", async () => {
    const { admission } = start({ maxJobs: 1 });
    const running = await admission.admitJob({ signal: never });
    const controller = new AbortController();
    const second = admission.admitJob({ signal: controller.signal });
    const third = admission.admitJob({ signal: never });
    running[Symbol.dispose]();
    controller.abort(new Error("cancelled"));
    (await second)[Symbol.dispose]();
    (await third)[Symbol.dispose]();
    expect(admission.state.jobs).toEqual({ running: 0, waiting: 0, limit: 1 });
  });

  test("a cancel that races a grant leaves the place to the next", async () => {
    const { admission } = start({ maxJobs: 1 });
    const running = await admission.admitJob({ signal: never });
    const controller = new AbortController();
    const second = admission.admitJob({ signal: controller.signal });
    const third = admission.admitJob({ signal: never });
    const reason = new Error("cancelled");
    controller.abort(reason);
    running[Symbol.dispose]();
    await expect(second).rejects.toBe(reason);
    (await third)[Symbol.dispose]();
    expect(admission.state.jobs).toEqual({ running: 0, waiting: 0, limit: 1 });
  });

  test("a job that runs when a stream opens keeps its place, and the next one waits", async () => {
    const { admission } = start();
    const running = await admission.admitJob({ signal: never });
    admission.openStream({ key: "film" });
    let second = false;
    admission.admitJob({ signal: never }).then(() => {
      second = true;
    });
    running[Symbol.dispose]();
    await settle();
    expect(second).toBe(false);
  });

  test("whoever listens hears of each change once, and the count never goes negative", () => {
    const { clock, admission } = start();
    let changes = 0;
    const listening = admission.onChange(() => {
      changes += 1;
    });
    const ticket = admission.openStream({ key: "film" });
    ticket[Symbol.dispose]();
    ticket[Symbol.dispose]();
    clock.advance(60_000);
    expect(changes).toBe(2);
    expect(admission.state.streams).toBe(0);
    expect(clock.timers).toBe(0);
    listening[Symbol.dispose]();
    admission.openStream({ key: "film" });
    expect(changes).toBe(2);
  });
});
