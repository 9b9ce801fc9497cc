import { describe, expect, test } from "@jest/globals";
import { until } from "../../until.ts";
import { bytes, collect, take } from "../client.ts";
import { type Film, type System, startSystem } from "../fixture.ts";
import { watchLeftovers } from "../leftovers.ts";
import { fetched, serverOf } from "../wire.ts";

const PART = 100_000;

/** A film on two providers of two tiers, of which the first is known to answer at once. */
async function watching(): Promise<{ system: System; film: Film; ids: readonly string[] }> {
  const system = await startSystem({ providers: [{ connections: 8 }, { connections: 4 }] });
  const film = system.addCold({ size: 60 * PART, partSize: PART });
  for (let index = 40; index < 52; index += 1) await system.get(film.path, bytes(index * PART, index * PART + 10));
  for (const server of system.servers) server.counters.reset();
  return { system, film, ids: [...film.posted.segments].map(({ id }) => id) };
}

const asked = (system: System, id: string | undefined) =>
  system.servers.map(({ counters }) => counters.bodies.get(id ?? "") ?? 0);

describe("I22: a stall under the playhead, through HTTP", () => {
  test("before anything has come of an article: the whole range comes all the same, from the other provider", async () => {
    const { system, film, ids } = await watching();
    await using _ = system;
    using leftovers = watchLeftovers(system);
    using gate = serverOf(system).hold(ids[5] as string);
    const answer = await system.get(film.path, bytes(5 * PART, 5 * PART + 50_000));
    expect(answer.status).toBe(206);
    expect(answer.body.equals(film.content.read(5 * PART, 50_000))).toBe(true);
    expect(asked(system, ids[5])).toEqual([1, 1]);
    expect(system.app.pool.hedges).toMatchObject({ asked: 1, won: 1 });
    gate.open();
    await leftovers.gone();
  });

  test("in the middle of an article of which the client has bytes already: it gets the rest, and not one wrong byte", async () => {
    const { system, film, ids } = await watching();
    await using _ = system;
    using leftovers = watchLeftovers(system);
    using gate = serverOf(system).hold(ids[5] as string, { afterBytes: 50_000 });
    const response = await system.open(film.path, bytes(5 * PART, 7 * PART));
    const early = await take(response, 30_000);
    expect(system.app.pool.hedges.won).toBe(0);
    const rest = await collect(response);
    expect(rest.isBroken).toBe(false);
    expect(Buffer.concat([early, rest.body]).equals(film.content.read(5 * PART, 2 * PART))).toBe(true);
    expect(asked(system, ids[5])).toEqual([1, 1]);
    gate.open();
    await leftovers.gone();
  });

  test("that ends before the second answer has come: the first one's is taken, and nobody is blamed", async () => {
    const { system, film, ids } = await watching();
    await using _ = system;
    using leftovers = watchLeftovers(system);
    using gate = serverOf(system).hold(ids[5] as string, { afterBytes: 50_000 });
    using second = serverOf(system, 1).hold(ids[5] as string, { afterBytes: 90_000 });
    const answer = system.get(film.path, bytes(5 * PART, 6 * PART));
    await second.arrived();
    gate.open();
    expect((await answer).body.equals(film.content.read(5 * PART, PART))).toBe(true);
    second.open();
    await leftovers.gone();
    expect(system.app.pool.snapshot().map(({ commands }) => commands.failed)).toEqual([0, 0]);
    expect(system.app.pool.hedges).toMatchObject({ asked: 1, won: 0 });
  });

  test("again and again in one film: it plays to its end, and every article that stalled comes from there", async () => {
    const { system, film, ids } = await watching();
    await using _ = system;
    using leftovers = watchLeftovers(system);
    const stalling = new Set(ids.filter((_id, index) => index % 9 === 4));
    serverOf(system).behave({ faults: (id) => (stalling.has(id) ? "stall" : undefined) });
    const answer = await system.get(film.path, bytes(0, 40 * PART));
    expect(answer.isBroken).toBe(false);
    expect(answer.body.equals(film.content.read(0, 40 * PART))).toBe(true);
    for (const id of ids.slice(0, 40)) {
      const [here, there] = asked(system, id) as [number, number];
      // What was sent behind a stalled body is lost with its connection, and asked for again.
      expect(here).toBeLessThanOrEqual(2);
      expect(there).toBeLessThanOrEqual(1);
      expect(here + there).toBeGreaterThanOrEqual(stalling.has(id) ? 2 : 1);
      // It comes from there either way: asked for beside this one, or after the line here was given up.
      if (stalling.has(id)) expect(there).toBe(1);
    }
    expect(fetched(system, 1)).toBeGreaterThanOrEqual(system.app.pool.hedges.asked);
    await leftovers.gone();
  });

  test("and a client that leaves while both are under way: nothing stays behind", async () => {
    const { system, film, ids } = await watching();
    await using _ = system;
    using leftovers = watchLeftovers(system);
    using gate = serverOf(system).hold(ids[5] as string, { afterBytes: 30_000 });
    using second = serverOf(system, 1).hold(ids[5] as string, { afterBytes: 30_000 });
    const response = await system.open(film.path, bytes(5 * PART, 6 * PART));
    response.on("error", () => {});
    await second.arrived();
    response.destroy();
    await until(() => system.app.reader.activeReads === 0);
    gate.open();
    second.open();
    await leftovers.gone();
    expect(system.app.pool.snapshot().map(({ commands }) => commands.failed)).toEqual([0, 0]);
  });
});
