import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import type { ArticleFault } from "../../src/newsserver/behaviour.ts";
import type { SegmentLease } from "../../src/reader/segment-cache.ts";
import { until } from "../until.ts";
import { type Engine, measured, STALL_MS, startEngine } from "./engine-fixture.ts";

/** Two providers of two tiers, of which the first is known to be quick. */
const twoProviders = async () => measured(await startEngine({ providers: [{}, {}] }));

const whole = (engine: Engine, lease: SegmentLease) => lease.ready(engine.partSize).then((bytes) => Buffer.from(bytes));

describe("I22: an article that stalls under the playhead", () => {
  test.each(["drained", "dropped"] as const)(
    "is asked for at another provider, which wins; the first one is %s and not blamed",
    async (end) => {
      await using engine = await twoProviders();
      using gate = engine.server.hold(engine.id(0));
      const lease = engine.get(0);
      const bytes = whole(engine, lease);
      await gate.arrived();
      await engine.pass(STALL_MS);
      expect((await bytes).equals(engine.content(0))).toBe(true);
      expect([engine.asked(0, 0), engine.asked(0, 1)]).toEqual([1, 1]);
      expect(engine.pool.hedges).toMatchObject({ asked: 1, won: 1 });
      expect(lease.trace).toMatchObject({ isHedged: true });
      expect(new Map(lease.trace?.tries.map(({ provider, result }) => [provider, result]))).toEqual(
        new Map([
          ["p0", "lost the race"],
          ["p1", "ok"],
        ]),
      );
      lease[Symbol.dispose]();
      if (end === "drained") gate.open();
      else await engine.pass(300);
      await engine.settled();
      expect(engine.server.counters.bodiesCut + engine.server.counters.connectionsNow).toBe(end === "drained" ? 1 : 0);
      expect(engine.pool.snapshot()[0]).toMatchObject({ state: "ready", commands: { failed: 0, missing: 0, ok: 8 } });
      expect((await engine.read(1)).equals(engine.content(1))).toBe(true);
    },
  );

  test("that comes after all, before the second one, is the first one's; the second is not blamed", async () => {
    await using engine = await twoProviders();
    using gate = engine.server.hold(engine.id(0));
    using second = engine.servers[1]?.hold(engine.id(0)) as typeof gate;
    const reading = engine.read(0);
    await gate.arrived();
    await engine.pass(STALL_MS);
    await second.arrived();
    gate.open();
    expect((await reading).equals(engine.content(0))).toBe(true);
    second.open();
    await engine.settled();
    expect(engine.pool.hedges).toMatchObject({ asked: 1, won: 0 });
    expect(engine.pool.snapshot()[1]?.commands).toEqual({ ok: 0, missing: 0, corrupt: 0, failed: 0 });
    expect([engine.asked(0, 0), engine.asked(0, 1)]).toEqual([1, 1]);
  });

  test("in the middle, with its first bytes on their way to the client, ends with the right bytes from elsewhere", async () => {
    await using engine = await twoProviders();
    using gate = engine.server.hold(engine.id(0), { afterBytes: 30_000 });
    const lease = engine.get(0);
    const early = await lease.ready(1);
    expect(early.length).toBeGreaterThan(20_000);
    await gate.arrived();
    await engine.pass(STALL_MS);
    await until(() => engine.pool.hedges.won === 1);
    gate.open();
    await until(() => engine.servers.every(({ counters }) => counters.bodiesInFlight === 0));
    // What the client holds is not written over by whatever came since.
    expect(early.equals(engine.content(0).subarray(0, early.length))).toBe(true);
    expect((await whole(engine, lease)).equals(engine.content(0))).toBe(true);
    lease[Symbol.dispose]();
    await engine.settled();
    expect([engine.asked(0, 0), engine.asked(0, 1)]).toEqual([1, 1]);
  });

  test("in the middle, and goes on before the second one is there, loses nothing", async () => {
    await using engine = await twoProviders();
    using gate = engine.server.hold(engine.id(0), { afterBytes: 30_000 });
    using second = engine.servers[1]?.hold(engine.id(0), { afterBytes: 45_000 }) as typeof gate;
    const lease = engine.get(0);
    await lease.ready(1);
    await engine.pass(STALL_MS);
    await second.arrived();
    gate.open();
    expect((await whole(engine, lease)).equals(engine.content(0))).toBe(true);
    second.open();
    lease[Symbol.dispose]();
    await engine.settled();
    expect(engine.pool.hedges.won).toBe(0);
  });

  test.each(["corrupt", "missing", "truncate", "closeInsteadOfReply", "closeMidBody", "wrongBegin"] as const)(
    "is waited for when the second one ends with %s, which is asked once",
    async (fault: ArticleFault) => {
      for (const afterBytes of [undefined, 30_000]) {
        await using engine = await twoProviders();
        engine.servers[1]?.behave({ faults: () => fault });
        using gate = engine.server.hold(engine.id(0), afterBytes === undefined ? {} : { afterBytes });
        const lease = engine.get(0);
        const reading = whole(engine, lease);
        if (afterBytes !== undefined) await lease.ready(1);
        await gate.arrived();
        await engine.pass(STALL_MS);
        await until(() => Object.values(engine.pool.snapshot()[1]?.commands ?? {}).some((count) => count === 1));
        await engine.pass(300);
        gate.open();
        expect((await reading).equals(engine.content(0))).toBe(true);
        lease[Symbol.dispose]();
        await engine.settled();
        expect([engine.asked(0, 0), engine.asked(0, 1)]).toEqual([1, 1]);
        expect(engine.pool.hedges).toMatchObject({ asked: 1, won: 0 });
      }
    },
  );

  test("whose second copy is shown and then turns out corrupt costs a client that had seen none of it nothing", async () => {
    await using engine = await twoProviders();
    engine.servers[1]?.behave({ faults: () => "corrupt" });
    using gate = engine.server.hold(engine.id(0));
    const lease = engine.get(0);
    await gate.arrived();
    await engine.pass(STALL_MS);
    await until(() => engine.pool.snapshot()[1]?.commands.corrupt === 1);
    const reading = whole(engine, lease);
    const early = lease.ready(1);
    gate.open();
    expect((await reading).equals(engine.content(0))).toBe(true);
    expect((await early).equals(engine.content(0).subarray(0, (await early).length))).toBe(true);
    lease[Symbol.dispose]();
    await engine.settled();
  });

  test("and whose connection then breaks is still served by the second one; nobody is asked a third time", async () => {
    await using engine = await twoProviders();
    using gate = engine.server.hold(engine.id(0));
    using second = engine.servers[1]?.hold(engine.id(0)) as typeof gate;
    const reading = engine.read(0);
    await gate.arrived();
    await engine.pass(STALL_MS);
    await second.arrived();
    for (const calls of [1, 2]) {
      await until(() => engine.asked(0) === calls && gate.waiting === 1);
      engine.server.drop("all");
      await engine.pass(200);
    }
    second.open();
    expect((await reading).equals(engine.content(0))).toBe(true);
    await engine.settled();
    expect([engine.asked(0, 0), engine.asked(0, 1)]).toEqual([2, 1]);
  });

  test("leaves nothing behind when the client leaves while both are under way", async () => {
    for (const afterBytes of [undefined, 30_000]) {
      await using engine = await twoProviders();
      const held = afterBytes === undefined ? {} : { afterBytes };
      using gate = engine.server.hold(engine.id(0), held);
      using second = engine.servers[1]?.hold(engine.id(0), held) as typeof gate;
      const controller = new AbortController();
      const lease = engine.get(0, { signal: controller.signal });
      const reading = whole(engine, lease);
      await gate.arrived();
      await engine.pass(STALL_MS);
      await second.arrived();
      controller.abort(new Error("left"));
      lease[Symbol.dispose]();
      await expect(reading).rejects.toThrow("left");
      // More than half of an article may linger.
      await engine.pass(2_500);
      gate.open();
      second.open();
      await engine.settled();
      expect(getEventListeners(controller.signal, "abort")).toEqual([]);
      expect(engine.cache.stats().entries).toBe(0);
      const failed = engine.pool.snapshot().map(({ commands }) => commands.failed);
      expect(failed).toEqual([0, 0]);
    }
  });

  test("is asked for on another connection when there is only one provider", async () => {
    await using engine = await measured(await startEngine({ providers: [{ connections: 2 }] }));
    let held = 0;
    using gate = engine.server.hold(({ id }) => {
      if (id === engine.id(0)) held += 1;
      return id === engine.id(0) && held === 1;
    });
    const reading = engine.read(0);
    await gate.arrived();
    await engine.pass(STALL_MS);
    expect((await reading).equals(engine.content(0))).toBe(true);
    expect(engine.asked(0)).toBe(2);
    expect(engine.server.counters.connectionsMax).toBe(2);
    gate.open();
    await engine.settled();
  });
});

describe("what a second try may cost", () => {
  test("one provider is asked twice at most, second tries included", async () => {
    await using engine = await measured(await startEngine({ providers: [{ timeoutMs: 2_000 }] }));
    engine.server.behave({
      faults: (_id, timesAsked) => (timesAsked === 0 ? "closeInsteadOfReply" : "hangInsteadOfReply"),
    });
    const reading = engine.read(0);
    reading.catch(() => {});
    await engine.pass(6_000);
    await expect(reading).rejects.toMatchObject({ code: "PROVIDER_TIMEOUT" });
    expect(engine.asked(0)).toBe(2);
    await engine.settled();
  });

  test("who said no to the second try is not asked again when the first one fails", async () => {
    await using engine = await measured(await startEngine({ providers: [{ timeoutMs: 2_000 }, {}] }));
    engine.server.behave({ faults: () => "hangInsteadOfReply" });
    engine.servers[1]?.behave({ faults: () => "missing" });
    const reading = engine.read(0);
    reading.catch(() => {});
    await engine.pass(8_000);
    // Silence is not absence.
    await expect(reading).rejects.toMatchObject({ code: "PROVIDER_TIMEOUT" });
    expect([engine.asked(0, 0), engine.asked(0, 1)]).toEqual([2, 1]);
    await engine.settled();
  });

  test("there is none while memory is short, nothing fails for that, and there is one as soon as there is room", async () => {
    const start = startEngine({ providers: [{}, {}], slots: 2 });
    await using engine = await measured(await start);
    const pinned = engine.get(9);
    await pinned.ready(engine.partSize);
    using gate = engine.server.hold(engine.id(0));
    const reading = engine.read(0);
    await gate.arrived();
    await engine.pass(1_500);
    expect(engine.pool.hedges).toEqual({ asked: 0, won: 0, bytes: 0 });
    pinned[Symbol.dispose]();
    await engine.pass(100);
    expect((await reading).equals(engine.content(0))).toBe(true);
    expect(engine.pool.hedges).toMatchObject({ asked: 1, won: 1 });
    gate.open();
    await engine.settled();
  });

  test("a first try that waits for memory to start anew does not outlive the second one", async () => {
    const start = startEngine({ providers: [{}, {}], slots: 2 });
    await using engine = await measured(await start);
    using gate = engine.server.hold(engine.id(0), { afterBytes: 30_000 });
    using second = engine.servers[1]?.hold(engine.id(0)) as typeof gate;
    const lease = engine.get(0);
    const early = await lease.ready(1);
    await engine.pass(STALL_MS);
    await second.arrived();
    engine.server.drop("all");
    // The second place is taken by the second try: there is no third for the first one's next attempt.
    await engine.pass(400);
    second.open();
    await until(() => engine.pool.hedges.won === 1);
    expect(early.equals(engine.content(0).subarray(0, early.length))).toBe(true);
    expect((await whole(engine, lease)).equals(engine.content(0))).toBe(true);
    expect((await engine.read(1)).equals(engine.content(1))).toBe(true);
    expect((await whole(engine, lease)).equals(engine.content(0))).toBe(true);
    lease[Symbol.dispose]();
    await engine.settled();
    // All of the memory can be had again.
    expect((await engine.read(2)).equals(engine.content(2))).toBe(true);
    const both = [engine.get(3), engine.get(4)];
    for (const each of both) await each.ready(engine.partSize);
    for (const each of both) each[Symbol.dispose]();
  });

  test("a backup is never asked for it", async () => {
    await using engine = await measured(await startEngine({ providers: [{ connections: 1 }, { backup: true }] }));
    using gate = engine.server.hold(engine.id(0));
    const reading = engine.read(0);
    await gate.arrived();
    await engine.pass(1_900);
    expect(engine.pool.hedges.asked).toBe(0);
    expect(engine.servers[1]?.counters.connectionsEver).toBe(0);
    gate.open();
    expect((await reading).equals(engine.content(0))).toBe(true);
  });

  test("nothing is asked for twice in advance; what was asked for in advance is, once the playhead has come", async () => {
    await using engine = await twoProviders();
    using gate = engine.server.hold(engine.id(0));
    using wish = engine.cache.warm(engine.segment(0), { lane: "readahead" });
    await gate.arrived();
    await engine.pass(1_500);
    expect(engine.pool.hedges.asked).toBe(0);
    const reading = engine.read(0);
    await engine.pass(100);
    expect((await reading).equals(engine.content(0))).toBe(true);
    expect(engine.asked(0, 1)).toBe(1);
    wish[Symbol.dispose]();
    gate.open();
    await engine.settled();
  });

  test("nobody is asked twice by way of a second try while the first one pauses before it tries again", async () => {
    await using engine = await measured(await startEngine({ providers: [{ timeoutMs: 60_000 }, {}] }));
    using gate = engine.server.hold(engine.id(0), { afterBytes: 1_000 });
    using wish = engine.cache.warm(engine.segment(0), { lane: "readahead" });
    await gate.arrived();
    await engine.pass(1_500);
    gate.open();
    await until(() => engine.cache.stats().entries === 1);
    wish[Symbol.dispose]();
    engine.server.behave({ faults: (_id, timesAsked) => (timesAsked === 0 ? "closeMidBody" : undefined) });
    using late = engine.server.hold(engine.id(1), { afterBytes: 20_000 });
    using other = engine.cache.warm(engine.segment(1), { lane: "readahead" });
    await late.arrived();
    await engine.pass(1_500);
    late.open();
    await until(() => engine.pool.snapshot()[0]?.commands.failed === 1);
    const reading = engine.read(1);
    await engine.pass(150);
    expect((await reading).equals(engine.content(1))).toBe(true);
    expect(engine.pool.hedges.asked).toBe(0);
    other[Symbol.dispose]();
  });
});
