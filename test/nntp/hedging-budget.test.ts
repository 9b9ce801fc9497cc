import { describe, expect, test } from "@jest/globals";
import { measured, STALL_MS, startEngine } from "./engine-fixture.ts";

const PART = 500_000;
/** As the wire has it. */
const ARTICLE = PART * 1.03;
const ADVANCE = 3_000_000;

describe("I22: what second tries cost", () => {
  test("is less than 2 % of all that is received, beyond three megabytes in advance, however often articles stall", async () => {
    await using engine = await measured(
      await startEngine({ providers: [{}, {}], partSize: PART, parts: 64, slots: 3 }),
    );
    const reads = 500;
    for (const server of engine.servers) server.counters.reset();
    for (let n = 0; n < reads; n += 1) {
      const index = n % 20;
      if (n % 4 !== 0) {
        await engine.read(index);
        continue;
      }
      using gate = engine.server.hold(engine.id(index), { afterBytes: 400_000 });
      const reading = engine.read(index);
      await gate.arrived();
      await engine.pass(STALL_MS);
      gate.open();
      expect((await reading).equals(engine.content(index))).toBe(true);
    }
    await engine.settled();
    const { asked, bytes } = engine.pool.hedges;
    const received = engine.pool.snapshot().reduce((sum, provider) => sum + provider.bytes, 0);
    expect(bytes).toBeLessThanOrEqual(Math.max(ADVANCE, 0.02 * received));
    // The advance is long spent, and so are the 2 %: a client that waits gets what may be given.
    expect(asked).toBeGreaterThan(Math.floor(ADVANCE / ARTICLE));
    const bodies = engine.servers.flatMap(({ counters }) => [...counters.bodies.values()]);
    expect(bodies.reduce((sum, count) => sum + count, 0)).toBe(reads + asked);
    expect(engine.pool.snapshot().map(({ commands }) => commands.failed)).toEqual([0, 0]);
  });

  test("is no more than the advance for one who has only just begun to watch", async () => {
    await using engine = await measured(await startEngine({ providers: [{}, {}], partSize: PART, parts: 64 }));
    for (let index = 0; index < 40; index += 1) {
      using gate = engine.server.hold(engine.id(index), { afterBytes: 400_000 });
      const reading = engine.read(index);
      await gate.arrived();
      await engine.pass(STALL_MS);
      gate.open();
      expect((await reading).equals(engine.content(index))).toBe(true);
    }
    const { asked, bytes } = engine.pool.hedges;
    expect(bytes).toBeLessThanOrEqual(ADVANCE);
    // An article is the most that one can cost.
    expect(asked).toBeGreaterThanOrEqual(Math.floor(ADVANCE / ARTICLE));
    expect(asked).toBeLessThan(40);
  });
});
