import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Behaviour } from "../../src/newsserver/behaviour.ts";
import { seededRandom } from "../random.ts";
import { until } from "../until.ts";
import { type Film, isRightOrBroken, type System, startSystem } from "./fixture.ts";
import { SkippingClock } from "./skipping-clock.ts";

const PART = 20_000;

/** The sizes at which arithmetic goes wrong. */
async function films(system: System): Promise<readonly Film[]> {
  return Promise.all([
    system.addPattern({ size: 1, partSize: PART }),
    system.addPattern({ size: PART, partSize: PART }),
    system.addPattern({ size: PART + 1, partSize: PART }),
    system.addPattern({ size: 99 * PART + 77, partSize: PART }),
    system.addPattern({ size: 163_000, partSize: [20_000, 20_000, 13_000, 20_000, 20_000, 50_000, 1_000, 19_000] }),
  ]);
}

interface Reading {
  readonly count: number;
  readonly seed: number;
  readonly atOnce: number;
}

/** Reads random ranges; returns how many were complete, how many visibly broken off, and how many wrong. */
async function readRandomly(system: System, library: readonly Film[], { count, seed, atOnce }: Reading) {
  const random = seededRandom(seed);
  const wishes = Array.from({ length: count }, () => {
    const film = library[Math.floor(random() * library.length)] as Film;
    const start = Math.floor(random() * film.size);
    const most = random() < 0.8 ? 3 * PART : film.size;
    const end = Math.min(film.size, start + 1 + Math.floor(random() * most));
    return { film, start, end };
  });
  const tally = { complete: 0, broken: 0, wrong: 0 };
  async function work(): Promise<void> {
    for (let wish = wishes.pop(); wish !== undefined; wish = wishes.pop()) {
      const { film, start, end } = wish;
      const answer = await system.get(film.path, { Range: `bytes=${start}-${end - 1}` });
      if (!isRightOrBroken(answer, film, start, end)) tally.wrong += 1;
      else if (answer.isBroken || answer.status >= 500) tally.broken += 1;
      else tally.complete += 1;
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work));
  return tally;
}

describe("2 000 random ranges over files of awkward sizes", () => {
  let system: System;
  let library: readonly Film[];

  beforeAll(async () => {
    system = await startSystem();
    library = await films(system);
  });
  afterAll(async () => {
    await system[Symbol.asyncDispose]();
  });

  test("every byte is right", async () => {
    const tally = await readRandomly(system, library, { count: 2_000, seed: 1, atOnce: 16 });
    expect(tally).toEqual({ complete: 2_000, broken: 0, wrong: 0 });
  });

  test("whole files are right to the last byte", async () => {
    for (const film of library) {
      const answer = await system.get(film.path);
      expect(answer.status).toBe(200);
      expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
    }
  });

  test("nothing stays behind: no flight, no pinned slot, no active read", () => {
    expect(system.app.cache.stats()).toMatchObject({ flights: 0, pinnedSlots: 0 });
    expect(system.app.reader.activeReads).toBe(0);
  });
});

describe("the same while news servers misbehave", () => {
  const misbehaviours: Readonly<Record<string, Partial<Behaviour>>> = {
    latency: { rttMs: 3 },
    "2 % missing": { fractions: { missing: 0.02 } },
    "10 % corrupt": { fractions: { corrupt: 0.1 } },
    "10 % truncated": { fractions: { truncate: 0.1 } },
    "10 % over-long": { fractions: { overlong: 0.1 } },
    "10 % with a wrong begin": { fractions: { wrongBegin: 0.1 } },
    "5 % closed mid-body": { fractions: { closeMidBody: 0.05 } },
    "3 % stalled": { fractions: { stall: 0.03 } },
    "a little of everything": {
      rttMs: 1,
      fractions: {
        missing: 0.02,
        corrupt: 0.02,
        truncate: 0.02,
        overlong: 0.02,
        wrongBegin: 0.02,
        closeMidBody: 0.02,
        stall: 0.01,
        garbageStatus: 0.01,
        headInsteadOfBody: 0.01,
      },
    },
  };

  test.each(Object.entries(misbehaviours))(
    "%s at the first provider, all well at the second: every answer is right or visibly broken off",
    async (_name, behaviour) => {
      await using system = await startSystem({
        providers: [{ timeoutMs: 300 }, {}],
        settings: { "cache.memoryBytes": "4MiB" },
      });
      const library = await films(system);
      system.servers[0]?.behave(behaviour);
      const tally = await readRandomly(system, library, { count: 250, seed: 2, atOnce: 12 });
      expect(tally.wrong).toBe(0);
      expect(tally.complete + tally.broken).toBe(250);
      // Only bytes that were sent before their checksum was known can break a transfer off.
      expect(tally.broken).toBeLessThanOrEqual(25);
      expect(system.app.cache.stats()).toMatchObject({ flights: 0, pinnedSlots: 0 });
    },
  );

  test("the only provider is bad in every way: no answer is wrong, and the server goes on", async () => {
    const clock = new SkippingClock();
    await using system = await startSystem({
      clock,
      providers: [{ timeoutMs: 200 }],
      settings: { "cache.memoryBytes": "4MiB" },
    });
    const library = await films(system);
    system.servers[0]?.behave(misbehaviours["a little of everything"] as Partial<Behaviour>);
    const tally = await readRandomly(system, library, { count: 200, seed: 3, atOnce: 12 });
    expect(tally.wrong).toBe(0);
    expect(tally.complete).toBeGreaterThan(20);
    system.servers[0]?.behave({ fractions: {}, rttMs: 0 });
    // What was begun before may still fail; what begins now does not.
    await until(() => system.app.cache.stats().flights === 0);
    // Nor is what nobody had asked for again at once.
    clock.skip(3_600_000);
    const film = library[3] as Film;
    const answer = await system.get(film.path);
    expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
  });
});
