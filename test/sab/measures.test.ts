import { describe, expect, test } from "@jest/globals";
import { silentLogger } from "../../src/base/logger.ts";
import type { TrafficLog, TrafficOfDay } from "../../src/catalog/traffic.ts";
import { age, inUnits, megabytes, timeLeft } from "../../src/sab/figures.ts";
import { startPauseTimer } from "../../src/sab/pause-timer.ts";
import { serverStats } from "../../src/sab/server-stats.ts";
import { startTrafficMeter } from "../../src/sab/traffic-meter.ts";
import { library } from "../catalog/fixture.ts";
import { ManualClock } from "../manual-clock.ts";
import { endedJob, openSab } from "./sab-house.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

function counters() {
  return { id: "main", bytes: 0, commands: { ok: 0, missing: 0, corrupt: 0, failed: 0 } };
}

describe("figures", () => {
  test("of time are hours, minutes and seconds, with days before them from one day on", () => {
    const shown = [undefined, -1, 0, 1, 59_000, 3_599_001, 86_399_000, 86_400_000, 30 * 3_600_000, Infinity].map(
      timeLeft,
    );
    expect(shown).toEqual([
      "0:00:00",
      "0:00:00",
      "0:00:00",
      "0:00:01",
      "0:00:59",
      "1:00:00",
      "23:59:59",
      "1:00:00:00",
      "1:06:00:00",
      "999:00:00:00",
    ]);
  });

  test("of size are in units of 1024", () => {
    const sizes = [0, 1023, 1024, 894.35 * 2 ** 20, 1.2 * 2 ** 30, 2 ** 60];
    expect(sizes.map((size) => inUnits(size, "B"))).toEqual([
      "0 B",
      "1023 B",
      "1 KB",
      "894.4 MB",
      "1.2 GB",
      "1024.0 PB",
    ]);
    expect([inUnits(0, ""), inUnits(41.2 * 2 ** 20, ""), megabytes(1_339_715_584)]).toEqual([
      "0 ",
      "41.2 M",
      "1277.65",
    ]);
  });

  test("of age are the largest unit that fits", () => {
    expect([-5, 5 * MINUTE, 3 * 60 * MINUTE, 12 * DAY].map(age)).toEqual(["0m", "5m", "3h", "12d"]);
  });
});

describe("the traffic meter", () => {
  test("writes once a minute what has come since, and the rest when it stops", () => {
    using shelf = library();
    const { traffic } = shelf.open();
    const { clock } = shelf;
    const main = counters();
    const meter = startTrafficMeter({ traffic, providers: () => [main], clock, log: silentLogger });
    const day = meter.today;
    Object.assign(main, { bytes: 1000, commands: { ok: 3, missing: 1, corrupt: 1, failed: 0 } });
    expect(traffic.since(0)).toEqual([]);
    expect(meter.totals()).toEqual(new Map([["main", 1000]]));
    clock.advance(10 * MINUTE);
    expect(traffic.since(0)).toEqual([{ provider: "main", day, bytes: 1000, articlesTried: 5, articlesFound: 3 }]);
    expect(meter.totals()).toEqual(new Map([["main", 1000]]));
    Object.assign(main, { bytes: 1500 });
    meter[Symbol.dispose]();
    meter[Symbol.dispose]();
    expect(traffic.since(0)).toEqual([{ provider: "main", day, bytes: 1500, articlesTried: 5, articlesFound: 3 }]);
    expect(clock.timers).toBe(0);
  });

  test("goes on from what an earlier process has written", () => {
    using shelf = library();
    const first = startTrafficMeter({
      traffic: shelf.open().traffic,
      providers: () => [{ ...counters(), bytes: 700 }],
      clock: shelf.clock,
      log: silentLogger,
    });
    first[Symbol.dispose]();
    const { traffic } = shelf.reopen();
    using second = startTrafficMeter({
      traffic,
      providers: () => [{ ...counters(), bytes: 50 }],
      clock: shelf.clock,
      log: silentLogger,
    });
    expect(second.totals()).toEqual(new Map([["main", 750]]));
  });

  test("loses nothing to a database that cannot be written for a while", () => {
    const clock = new ManualClock();
    const main = { ...counters(), bytes: 100 };
    const kept: TrafficOfDay[] = [];
    let isFull = true;
    const traffic: TrafficLog = {
      add(day) {
        if (isFull) throw new Error("disk full");
        kept.push(day);
      },
      since: () => kept,
      totals: () => new Map([["main", kept.reduce((sum, { bytes }) => sum + bytes, 0)]]),
    };
    using meter = startTrafficMeter({ traffic, providers: () => [main], clock, log: silentLogger });
    clock.advance(10 * MINUTE);
    main.bytes = 300;
    isFull = false;
    clock.advance(10 * MINUTE);
    expect(kept.map(({ bytes }) => bytes)).toEqual([300]);
    expect(meter.totals()).toEqual(new Map([["main", 300]]));
  });
});

describe("server_stats", () => {
  test("adds up days, weeks from Monday and months, for each provider and all", () => {
    using shelf = library();
    const { traffic } = shelf.open();
    // A Wednesday.
    const clock = new ManualClock(Date.UTC(2026, 0, 7, 12));
    const today = Math.floor(clock.wall() / DAY);
    const add = (provider: string, day: number, bytes: number) =>
      traffic.add({ provider, day, bytes, articlesTried: 2, articlesFound: 1 });
    add("main", today, 1);
    add("main", today - 2, 10);
    add("main", today - 3, 100);
    add("main", today - 7, 1_000);
    add("block", today, 5);
    using meter = startTrafficMeter({ traffic, providers: () => [counters()], clock, log: silentLogger });
    expect(serverStats(meter)).toEqual({
      total: 1116,
      month: 116,
      week: 16,
      day: 6,
      servers: {
        main: {
          total: 1111,
          month: 111,
          week: 11,
          day: 1,
          daily: { "2025-12-31": 1000, "2026-01-04": 100, "2026-01-05": 10, "2026-01-07": 1 },
          articles_tried: { "2025-12-31": 2, "2026-01-04": 2, "2026-01-05": 2, "2026-01-07": 2 },
          articles_success: { "2025-12-31": 1, "2026-01-04": 1, "2026-01-05": 1, "2026-01-07": 1 },
        },
        block: {
          total: 5,
          month: 5,
          week: 5,
          day: 5,
          daily: { "2026-01-07": 5 },
          articles_tried: { "2026-01-07": 2 },
          articles_success: { "2026-01-07": 1 },
        },
      },
    });
  });
});

describe("a pause of some minutes", () => {
  test("ends by itself, and says when", async () => {
    await using house = await openSab();
    expect(await house.client.call("config", { name: "set_pause", value: 5 })).toEqual({ status: true });
    expect(await house.client.call("queue")).toMatchObject({ queue: { paused: true, pause_int: "5:00" } });
    house.clock.advance(5 * MINUTE - 1);
    expect(house.queue.isPaused).toBe(true);
    house.clock.advance(1);
    expect(house.queue.isPaused).toBe(false);
    expect(await house.client.call("queue")).toMatchObject({ queue: { paused: false, pause_int: "0" } });
  });

  test("outlives a restart, and ends even if its end falls into that", async () => {
    await using house = await openSab();
    await house.client.call("config", { name: "set_pause", value: 60 });
    const again = () => startPauseTimer({ settings: house.catalog.settings, queue: house.queue, clock: house.clock });
    {
      using timer = again();
      expect([timer.leftMs, house.queue.isPaused]).toEqual([60 * MINUTE, true]);
    }
    house.clock.advance(61 * MINUTE);
    using timer = again();
    expect([timer.leftMs, house.queue.isPaused]).toEqual([undefined, false]);
  });

  test.each(["pause", "resume"])("is forgotten with %s", async (mode) => {
    await using house = await openSab();
    await house.client.call("config", { name: "set_pause", value: 5 });
    await house.client.call(mode);
    house.clock.advance(10 * MINUTE);
    expect(house.queue.isPaused).toBe(mode === "pause");
    expect(house.catalog.settings.all().size).toBe(0);
  });

  test("is not one of a length that is no number", async () => {
    await using house = await openSab();
    await expect(house.client.call("config", { name: "set_pause", value: "soon" })).rejects.toThrow(
      "expects integer value",
    );
    await expect(house.client.call("config", { name: "set_pause", value: 10 ** 9 })).rejects.toThrow("at most");
    expect(await house.client.call("config", { name: "speedlimit", value: "50" })).toEqual({ status: true });
    expect(house.queue.isPaused).toBe(false);
  });
});

describe("warnings", () => {
  test("are the latest twenty of the log, until they are cleared", async () => {
    await using house = await openSab();
    for (let number = 0; number < 30; number++) house.log.warn({ error: `no. ${number}\n  at x` }, "it failed");
    house.log.error({ password: "s3cret" }, "worse");
    house.log.info({}, "fine");
    const { warnings } = (await house.client.call("warnings")) as { warnings: { type: string; text: string }[] };
    expect(warnings).toHaveLength(20);
    expect(warnings.slice(-2)).toEqual([
      { type: "WARNING", text: "it failed: no. 29", time: 1_767_225_600 },
      { type: "ERROR", text: "worse", time: 1_767_225_600 },
    ]);
    expect(await house.client.call("queue")).toMatchObject({ queue: { have_warnings: "20" } });
    expect(await house.client.call("warnings", { name: "clear" })).toEqual({ status: true });
    expect(await house.client.call("warnings", { name: "show" })).toEqual({ warnings: [] });
    await expect(house.client.call("warnings", { name: "nonsense" })).rejects.toThrow("not implemented");
  });
});

describe("an answer about a large history", () => {
  test("counts what it leaves out", async () => {
    await using house = await openSab();
    await house.stopImports();
    for (let number = 0; number < 20; number++)
      house.catalog.completed.remove(endedJob(house, `Job ${number}`, "completed"));
    expect(await house.client.call("history", { limit: 5 })).toMatchObject({
      history: { noofslots: 20, slots: { length: 5 } },
    });
  });
});
