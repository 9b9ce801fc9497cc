import { getEventListeners, getMaxListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { MessageId } from "../../src/base/message-id.ts";
import { startNewsServer } from "../../src/newsserver/news-server.ts";
import { Pool } from "../../src/nntp/pool.ts";
import { loadKernel } from "../../src/yenc/load-kernel.ts";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";
import { PART, type PoolSystem, startPool, whileTimePasses } from "./pool-fixture.ts";

const never = new AbortController().signal;

/** Starts a fetch of part `index` and leaves it once the server holds its body after `afterBytes`. */
async function leaveMidBody(system: PoolSystem, index: number, afterBytes: number, encodedSize = PART * 1.03) {
  const gate = system.server.hold(system.ids[index] as string, { afterBytes });
  const controller = new AbortController();
  const left = system.fetch(index, { signal: controller.signal, encodedSize });
  await gate.arrived();
  return {
    gate,
    async leave() {
      controller.abort(new Error("left"));
      await expect(left).rejects.toThrow("left");
    },
  };
}

const waitsIn = (system: PoolSystem) => until(() => system.pool.waiting === 1);

describe("nobody who waits is forgotten", () => {
  test("when the only connection is hung up on because a caller left, the one behind it gets a new one", async () => {
    await using system = await startPool([{ connections: 1, pipeline: 1 }]);
    const first = await leaveMidBody(system, 0, 5_000, 900_000);
    const second = system.fetch(1);
    await waitsIn(system);
    await first.leave();
    // The server is given a moment to notice that the first one is gone.
    expect((await whileTimePasses(system.clock, second, 10)).equals(system.content(1))).toBe(true);
    expect(system.server.counters.connectionsMax).toBe(1);
    first.gate.open();
  });

  test("when an unwanted rest has been read to its end, the one who waited for the connection is served", async () => {
    await using system = await startPool([{ connections: 1, pipeline: 1 }]);
    const first = await leaveMidBody(system, 0, 45_000);
    const second = system.fetch(1);
    await waitsIn(system);
    await first.leave();
    first.gate.open();
    expect((await second).equals(system.content(1))).toBe(true);
    expect(system.server.counters.connectionsEver).toBe(1);
  });

  test("when imports are at their limit and one of them leaves, the next one starts", async () => {
    await using system = await startPool([{ connections: 4 }], { importConnections: () => 1 });
    using gate = system.server.hold(system.ids[0] as string);
    const controller = new AbortController();
    const first = system.fetch(0, { lane: "import", signal: controller.signal });
    await gate.arrived();
    const second = system.fetch(1, { lane: "import" });
    await waitsIn(system);
    controller.abort(new Error("left"));
    await expect(first).rejects.toThrow("left");
    expect((await second).equals(system.content(1))).toBe(true);
  });

  test("when the keep-alive's answer has come, the one who waited behind it is served", async () => {
    await using system = await startPool([{ connections: 1, pipeline: 1 }]);
    await system.fetch(0);
    using gate = system.server.hold(({ verb }) => verb === "DATE");
    for (let seconds = 0; seconds < 47; seconds += 1) system.clock.advance(1_000);
    await gate.arrived();
    const fetching = system.fetch(1);
    await waitsIn(system);
    gate.open();
    expect((await fetching).equals(system.content(1))).toBe(true);
  });

  test("a body that was left while it waited behind another is not read when its turn comes, if it is large", async () => {
    await using system = await startPool([{ connections: 1, pipeline: 2 }]);
    using gate = system.server.hold(system.ids[0] as string, { afterBytes: 10_000 });
    using behind = system.server.hold(system.ids[1] as string, { afterBytes: 10_000 });
    const first = system.fetch(0, { lane: "readahead" });
    await gate.arrived();
    const controller = new AbortController();
    const second = system.fetch(1, { lane: "readahead", signal: controller.signal, encodedSize: 900_000 });
    await until(() => (system.server.counters.bodies.get(system.ids[1] as string) ?? 0) === 1);
    controller.abort(new Error("left"));
    await expect(second).rejects.toThrow("left");
    gate.open();
    await first;
    const third = whileTimePasses(system.clock, system.fetch(2), 10);
    expect((await third).equals(system.content(2))).toBe(true);
    expect(behind.waiting).toBe(0);
    await until(() => system.server.counters.bodiesInFlight === 0);
  });
});

describe("opening", () => {
  test("many connections at once are not taken for a leak of listeners", async () => {
    const made: AbortSignal[] = [];
    const { AbortController: Real } = globalThis;
    globalThis.AbortController = class extends Real {
      constructor() {
        super();
        made.push(this.signal);
      }
    };
    const starting = startPool([{ connections: 20 }]);
    await using system = await starting.finally(() => {
      globalThis.AbortController = Real;
    });
    using gate = system.server.hold(({ verb }) => verb === "GREETING");
    const fetching = Array.from({ length: 20 }, (_, index) => system.fetch(index));
    await gate.arrived(20);
    const crowded = made.filter((signal) => getEventListeners(signal, "abort").length > 10);
    expect(crowded.length).toBe(1);
    expect(crowded.every((signal) => getEventListeners(signal, "abort").length <= getMaxListeners(signal))).toBe(true);
    gate.open();
    await Promise.all(fetching);
    expect(crowded.flatMap((signal) => getEventListeners(signal, "abort"))).toEqual([]);
  });
});

describe("closing", () => {
  test("a connection that is ready in the very moment of closing does not stay open", async () => {
    await using server = await startNewsServer();
    const time = new ManualClock();
    let close = () => {};
    // The deadline of the login is taken back right before the connection is handed over.
    const clock: Clock = {
      now: () => time.now(),
      wall: () => time.wall(),
      every: (ms, call) => time.every(ms, call),
      after(ms, call) {
        const timer = time.after(ms, call);
        return {
          [Symbol.dispose]() {
            timer[Symbol.dispose]();
            close();
          },
        };
      },
    };
    const pool = new Pool({
      providers: [
        {
          id: "p",
          host: "127.0.0.1",
          port: server.port,
          tls: false,
          verifyTls: true,
          username: "",
          password: "",
          connections: 1,
          tier: 0,
          backup: false,
          pipeline: 1,
          timeoutMs: 10_000,
        },
      ],
      kernel: loadKernel(),
      clock,
      log: silentLogger,
      limits: { importConnections: () => 1, reserve: () => 0 },
    });
    close = () => void pool[Symbol.asyncDispose]();
    const asked = pool.stat("a@b" as MessageId, { urgency: { lane: "health" }, signal: never });
    expect(await asked).toBe("unknown");
    await until(() => server.counters.commands.QUIT === 1 && server.counters.connectionsNow === 0);
    expect(time.timers).toBe(0);
  });
});

describe("what imports and health hold", () => {
  test("a connection that STATs share counts as long as any of them is under way", async () => {
    await using system = await startPool([{ connections: 4 }], { importConnections: () => 1 });
    const [a, b, c] = system.ids as [MessageId, MessageId, MessageId];
    using late = system.server.hold(b);
    const ask = (id: MessageId) => system.pool.stat(id, { urgency: { lane: "health" }, signal: never });
    using early = system.server.hold(a);
    const first = ask(a);
    await early.arrived();
    const second = ask(b);
    await until(() => (system.server.counters.stats.get(b) ?? 0) === 1);
    early.open();
    expect(await first).toBe("present");
    const body = system.fetch(3, { lane: "import" });
    expect(await system.pool.stat(c, { urgency: { lane: "playhead" }, signal: never })).toBe("present");
    expect(system.server.counters.bodies.size).toBe(0);
    expect(system.pool.waiting).toBe(1);
    late.open();
    expect(await second).toBe("present");
    expect((await body).equals(system.content(3))).toBe(true);
  });

  test("no more connections are opened for imports than imports may use", async () => {
    await using system = await startPool([{ connections: 8 }], { importConnections: () => 2 });
    await Promise.all(Array.from({ length: 20 }, (_, index) => system.fetch(index, { lane: "import" })));
    expect(system.server.counters.connectionsEver).toBe(2);
    expect(system.server.counters.bodiesInFlightMax).toBeLessThanOrEqual(2);
  });
});
