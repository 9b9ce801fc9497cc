import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../../src/base/clock.ts";
import { until } from "../until.ts";
import { type Engine, measured, STALL_MS, startEngine } from "./engine-fixture.ts";

const PART = 200_000;
/** The part that is sent for behind another one. */
const BEHIND = 4;

/** One provider of six connections, of which read-ahead takes four; known to answer at once and to bring a part in so much time. */
async function providerThatBrings({ partMs }: { readonly partMs: number }): Promise<Engine> {
  const engine = await measured(
    await startEngine({ providers: [{ connections: 6 }], partSize: PART, limits: { reserve: () => 2 } }),
  );
  for (let index = 50; index < 56; index += 1) {
    using gate = engine.server.hold(engine.id(index), { afterBytes: 100_000 });
    const before = engine.pool.snapshot()[0]?.bytes ?? 0;
    const fetching = engine.fetch(index);
    await until(() => (engine.pool.snapshot()[0]?.bytes ?? 0) - before > 100_000);
    engine.clock.advance(partMs);
    gate.open();
    await fetching;
  }
  expect(engine.pool.snapshot()[0]?.bytesPerSecond).toBeGreaterThan((1000 * PART) / partMs);
  return engine;
}

/** Five parts asked for in advance: four of them under way, held after so many bytes, the fifth behind one of them. */
async function fiveAhead(engine: Engine, afterBytes: readonly number[]) {
  const gates = [0, 1, 2, 3].map((index) =>
    afterBytes.map((after) => engine.server.hold(engine.id(index), { afterBytes: after })),
  );
  const received = () => engine.pool.snapshot()[0]?.bytes ?? 0;
  const before = received();
  const wishes = [0, 1, 2, 3, BEHIND].map((index) => engine.cache.warm(engine.segment(index), { lane: "readahead" }));
  await Promise.all(gates.map(([first]) => first?.arrived()));
  await until(() => engine.asked(BEHIND) === 1 && received() - before >= 4 * (afterBytes[0] as number));
  expect(engine.server.counters.connectionsNow).toBeLessThanOrEqual(6);
  return {
    gates,
    end() {
      for (const gate of gates.flat()) gate.open();
      for (const wish of wishes) wish[Symbol.dispose]();
    },
  };
}

describe("I20: what the playhead has reached while it waits behind another body on the same connection", () => {
  test("is asked for on an idle one when the other body is long", async () => {
    await using engine = await providerThatBrings({ partMs: 400 });
    const ahead = await fiveAhead(engine, [1_000]);
    const reading = engine.read(BEHIND);
    await engine.pass(STALL_MS);
    expect((await reading).equals(engine.content(BEHIND))).toBe(true);
    expect(engine.asked(BEHIND)).toBe(2);
    ahead.end();
    await engine.pass(300);
    await engine.settled();
  });

  test("is asked for on an idle one when of the other body little is left, but nothing comes any more", async () => {
    await using engine = await providerThatBrings({ partMs: 100 });
    const ahead = await fiveAhead(engine, [PART]);
    const reading = engine.read(BEHIND);
    await engine.pass(STALL_MS);
    expect((await reading).equals(engine.content(BEHIND))).toBe(true);
    expect(engine.asked(BEHIND)).toBe(2);
    ahead.end();
    await engine.pass(300);
    await engine.settled();
  });

  test("is waited for as long as the other body comes and will soon have come", async () => {
    await using engine = await providerThatBrings({ partMs: 100 });
    const steps = [60_000, 80_000, 100_000, 120_000, 140_000, 160_000];
    const ahead = await fiveAhead(engine, steps);
    const reading = engine.read(BEHIND);
    for (const step of steps.keys()) {
      for (const gates of ahead.gates) {
        await gates[step]?.arrived();
        gates[step]?.open();
      }
      await until(() => ahead.gates.every((gates) => gates.slice(step + 1).every(({ waiting }) => waiting <= 1)));
      await Promise.all(ahead.gates.map((gates) => gates[step + 1]?.arrived()));
      await engine.pass(50);
    }
    expect((await reading).equals(engine.content(BEHIND))).toBe(true);
    expect(engine.asked(BEHIND)).toBe(1);
    expect(engine.pool.hedges.asked).toBe(0);
    ahead.end();
  });
});

describe("silence that is nobody's fault but our own", () => {
  test("is none: after the process itself stood still, nothing is asked for twice", async () => {
    let blockedMs = 0;
    const clockOver = (manual: Clock): Clock => ({
      now: () => manual.now() + blockedMs,
      wall: () => manual.wall() + blockedMs,
      after: (ms, call) => manual.after(ms, call),
      every: (ms, call) => manual.every(ms, call),
    });
    await using engine = await measured(await startEngine({ providers: [{}, {}], clockOver }));
    using gate = engine.server.hold(engine.id(0));
    const reading = engine.read(0);
    await gate.arrived();
    gate.open();
    // The answer is on its way, and nobody could take it: timers come first when the process goes on.
    blockedMs += 5_000;
    engine.clock.advance(50);
    expect((await reading).equals(engine.content(0))).toBe(true);
    expect(engine.pool.hedges.asked).toBe(0);

    // That answer seemed to take long as well; it is one of many.
    for (let index = 10; index < 40; index += 1) await engine.fetch(index);
    using second = engine.server.hold(engine.id(1));
    const later = engine.read(1);
    await second.arrived();
    await engine.pass(STALL_MS);
    expect((await later).equals(engine.content(1))).toBe(true);
    expect(engine.pool.hedges).toMatchObject({ asked: 1, won: 1 });
    second.open();
  });
});
