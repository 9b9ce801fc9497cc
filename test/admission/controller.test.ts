import { describe, expect, test } from "@jest/globals";
import type { AdmissionLimits } from "../../src/admission/admission.ts";
import { importConnections, inWords, jobLimit } from "../../src/admission/budget.ts";
import { AdmissionController, type AdmissionOptions } from "../../src/admission/controller.ts";
import { type Logger, silentLogger } from "../../src/base/logger.ts";
import { ManualClock } from "../manual-clock.ts";

const LIMITS: AdmissionLimits = {
  connections: 30,
  maxJobs: 2,
  maxJobsWhileStreaming: 0,
  perStreamConnections: 2,
  floor: 1,
  holdOffMs: 15_000,
};

function start(limits: Partial<AdmissionLimits> = {}, more: Partial<AdmissionOptions> = {}) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log: Logger = { ...silentLogger, info: (_, message) => void lines.push(message) };
  const admission = new AdmissionController({ limits: { ...LIMITS, ...limits }, clock, log, ...more });
  return { clock, admission, lines };
}

/** Asks for so many places and counts those that come. */
function ask(admission: AdmissionController, count: number) {
  const tickets: Disposable[] = [];
  for (let n = 0; n < count; n += 1) {
    const { signal } = new AbortController();
    void admission.admitJob({ signal }).then((ticket) => tickets.push(ticket));
  }
  return tickets;
}

const never = new AbortController().signal;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("the connection budget", () => {
  test.each([
    { connections: 30, per: 2, streams: 0, floor: 1, expected: 30 },
    { connections: 30, per: 2, streams: 1, floor: 1, expected: 28 },
    { connections: 30, per: 2, streams: 2, floor: 1, expected: 26 },
    { connections: 30, per: 2, streams: 13, floor: 1, expected: 4 },
    { connections: 30, per: 2, streams: 14, floor: 1, expected: 2 },
    { connections: 30, per: 2, streams: 15, floor: 1, expected: 1 },
    { connections: 30, per: 2, streams: 15, floor: 0, expected: 0 },
    { connections: 30, per: 2, streams: 100, floor: 1, expected: 1 },
    { connections: 30, per: 2, streams: 100, floor: 0, expected: 0 },
    { connections: 30, per: 500, streams: 1, floor: 0, expected: 0 },
    { connections: 30, per: 0, streams: 100, floor: 0, expected: 30 },
    { connections: 1, per: 2, streams: 0, floor: 0, expected: 1 },
    { connections: 1, per: 2, streams: 3, floor: 1, expected: 1 },
    { connections: 0, per: 2, streams: 3, floor: 1, expected: 0 },
  ])("$connections connections, $per for each of $streams streams, floor $floor: imports hold $expected", (row) => {
    expect(importConnections({ ...row, perStreamConnections: row.per }, row.streams)).toBe(row.expected);
  });

  test("a limit while streaming above the idle one means fewer, not more", () => {
    expect(jobLimit({ maxJobs: 3, maxJobsWhileStreaming: 5 }, 1)).toBe(3);
    expect(jobLimit({ maxJobs: 3, maxJobsWhileStreaming: 0 }, 1)).toBe(0);
    expect(jobLimit({ maxJobs: 3, maxJobsWhileStreaming: 0 }, 0)).toBe(3);
  });

  test.each([
    {
      streams: 2,
      jobs: { running: 0, waiting: 6, isPaused: false },
      words: "2 streams active: imports hold 4 of 30 connections, 6 jobs wait; they resume 15 s after playback",
    },
    {
      streams: 1,
      jobs: { running: 1, waiting: 0, isPaused: false },
      words: "1 stream active: imports hold 4 of 30 connections, 1 job runs; they resume 15 s after playback",
    },
    {
      streams: 1,
      jobs: { running: 0, waiting: 1, isPaused: true },
      words: "1 stream active: imports hold 4 of 30 connections, 1 job waits; the queue is paused",
    },
    {
      streams: 0,
      jobs: { running: 2, waiting: 0, isPaused: false },
      words: "nobody is watching: imports may use all 30 connections, 2 jobs run",
    },
    {
      streams: 0,
      jobs: { running: 0, waiting: 6, isPaused: true },
      words: "nobody is watching: imports may use all 30 connections, 6 jobs wait; the queue is paused",
    },
  ])("is told in words: $words", ({ streams, jobs, words }) => {
    const state = { streams, holdOffUntil: undefined, connections: { total: 30, imports: 4 } };
    expect(inWords({ ...state, jobs: { ...jobs, limit: 0 } }, 15_000)).toBe(words);
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
    expect(admission.state.jobs).toMatchObject({ running: 0, waiting: 3, limit: 0 });
    ticket[Symbol.dispose]();
    clock.advance(15_000);
    await settle();
    expect(started).toBe(2);
    expect(admission.state.jobs).toMatchObject({ running: 2, waiting: 1, limit: 2 });
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
    expect(admission.state.jobs).toMatchObject({ running: 0, waiting: 0, limit: 1 });
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
    expect(admission.state.jobs).toMatchObject({ running: 0, waiting: 0, limit: 1 });
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

  test("without a hold-off a stream is active while its bytes flow, also in bursts, and no longer", () => {
    const { clock, admission } = start({ holdOffMs: 0 });
    const ticket = admission.openStream({ key: "film" });
    clock.advance(900);
    ticket.touch();
    clock.advance(900);
    expect(admission.activeStreams).toBe(1);
    ticket[Symbol.dispose]();
    expect(admission.activeStreams).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test.each([
    { maxJobs: 3, maxJobsWhileStreaming: 0, expected: 0 },
    { maxJobs: 3, maxJobsWhileStreaming: 1, expected: 1 },
    { maxJobs: 3, maxJobsWhileStreaming: 3, expected: 3 },
    { maxJobs: 3, maxJobsWhileStreaming: 9, expected: 3 },
  ])(
    "of $maxJobs jobs at once, $expected start while somebody watches when $maxJobsWhileStreaming may",
    async (row) => {
      const { clock, admission } = start(row);
      admission.openStream({ key: "film" })[Symbol.dispose]();
      const tickets = ask(admission, 5);
      await settle();
      expect(tickets).toHaveLength(row.expected);
      clock.advance(15_000);
      await settle();
      expect(tickets).toHaveLength(3);
    },
  );

  test("with nothing to yield a stream changes nothing: neither connections nor jobs are taken away", async () => {
    const { admission } = start({ perStreamConnections: 0, maxJobsWhileStreaming: 2, floor: 0 });
    admission.openStream({ key: "film" });
    expect(admission.importConnections()).toBe(30);
    const tickets = ask(admission, 2);
    await settle();
    expect(tickets).toHaveLength(2);
  });

  test("one line is logged for each change of state, and none for anything else", () => {
    const { clock, admission, lines } = start();
    for (let n = 0; n < 50; n += 1) {
      using ticket = admission.openStream({ key: "film" });
      ticket.touch();
      clock.advance(1_000);
    }
    expect(lines).toEqual([expect.stringMatching(/^1 stream active: imports hold 28 of 30 connections/)]);
    admission.openStream({ key: "another" })[Symbol.dispose]();
    clock.advance(60_000);
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(/^2 streams active: imports hold 26 of 30/),
      expect.stringMatching(/^1 stream active: imports hold 28 of 30/),
      expect.stringMatching(/^nobody is watching/),
    ]);
    admission.change({ maxJobs: 5 });
    admission.change({ maxJobs: 5 });
    expect(lines).toHaveLength(5);
  });

  test("what waits is what the queue says, and a paused queue is told", () => {
    let isPaused = false;
    const { admission } = start({}, { waiting: () => 6, isPaused: () => isPaused });
    expect(admission.state.jobs).toEqual({ running: 0, waiting: 6, limit: 2, isPaused: false });
    isPaused = true;
    expect(admission.state).toMatchObject({ jobs: { isPaused: true }, words: expect.stringMatching(/paused$/) });
  });

  test("the time that jobs waited for their place is added up, also while they still wait", async () => {
    const { clock, admission } = start({ maxJobs: 1 });
    const [first] = [await admission.admitJob({ signal: never })];
    const controller = new AbortController();
    const second = admission.admitJob({ signal: controller.signal });
    const third = admission.admitJob({ signal: never });
    clock.advance(400);
    expect(admission.jobWaitMs).toBe(800);
    controller.abort(new Error("left"));
    await expect(second).rejects.toThrow("left");
    clock.advance(100);
    first[Symbol.dispose]();
    await third;
    clock.advance(5_000);
    expect(admission.jobWaitMs).toBe(900);
  });
});

describe("limits that change", () => {
  test("more jobs start at once where more may run, as many as fit", async () => {
    const { admission } = start({ maxJobs: 1 });
    const tickets = ask(admission, 5);
    await settle();
    expect(tickets).toHaveLength(1);
    admission.change({ maxJobs: 4 });
    await settle();
    expect(tickets).toHaveLength(4);
  });

  test("where fewer may run nothing is stopped, and nothing starts until enough have ended", async () => {
    const { admission } = start({ maxJobs: 3 });
    const tickets = ask(admission, 4);
    await settle();
    admission.change({ maxJobs: 1 });
    expect(admission.state.jobs).toMatchObject({ running: 3, limit: 1 });
    for (const ticket of tickets.slice(0, 2)) ticket[Symbol.dispose]();
    await settle();
    expect(tickets).toHaveLength(3);
    tickets[2]?.[Symbol.dispose]();
    await settle();
    expect(tickets).toHaveLength(4);
  });

  test("connections, hold-off and jobs while streaming count at once, and whoever listens hears of it", async () => {
    const { clock, admission } = start();
    const heard: number[] = [];
    using _ = admission.onChange(() => heard.push(admission.importConnections()));
    admission.openStream({ key: "film" })[Symbol.dispose]();
    const tickets = ask(admission, 1);
    admission.change({ perStreamConnections: 40, floor: 0, maxJobsWhileStreaming: 1 });
    await settle();
    expect(heard).toEqual([28, 0]);
    expect(tickets).toHaveLength(1);
    clock.advance(2_000);
    admission.change({ holdOffMs: 1_000 });
    expect(heard).toEqual([28, 0, 30]);
    expect(admission.activeStreams).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test("a longer hold-off keeps a stream that is in its own", () => {
    const { clock, admission } = start();
    admission.openStream({ key: "film" })[Symbol.dispose]();
    clock.advance(14_000);
    admission.change({ holdOffMs: 60_000 });
    clock.advance(45_000);
    expect(admission.activeStreams).toBe(1);
    clock.advance(1_000);
    expect(admission.activeStreams).toBe(0);
  });
});
