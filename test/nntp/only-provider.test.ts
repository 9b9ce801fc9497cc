import { describe, expect, test } from "@jest/globals";
import type { OnlyProvider } from "../../src/nntp/article-source.ts";
import { until } from "../until.ts";
import { type Engine, startEngine } from "./engine-fixture.ts";

/** Fetches so many parts under these bounds. */
function fetchAll(engine: Engine, only: OnlyProvider, indexes: readonly number[]) {
  return Promise.all(
    indexes.map(async (index) => {
      const bytes = await engine.fetch(index, { lane: "health", only });
      expect(bytes.equals(engine.content(index))).toBe(true);
    }),
  );
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

/** Bodies that were asked for and are held, by connection. */
function watched(engine: Engine, matches: (index: number) => boolean, server = 0) {
  const held = new Map<number, number>();
  const gate = engine.servers[server]?.hold(({ verb, id, connection }) => {
    const index = range(0, 64).find((part) => engine.id(part) === id) ?? -1;
    if (verb !== "BODY" || !matches(index)) return false;
    held.set(connection, (held.get(connection) ?? 0) + 1);
    return true;
  });
  if (gate === undefined) throw new RangeError("no such server");
  return { gate, held, [Symbol.dispose]: () => gate.open() };
}

describe("requests for one provider only", () => {
  test.each([
    [1, 1],
    [1, 4],
    [3, 1],
    [3, 2],
    [8, 4],
  ])("use %i connections and %i commands on each, and none but that provider", async (connections, depth) => {
    await using engine = await startEngine({ providers: [{ connections: 8 }, { connections: 8 }] });
    const only = { provider: "p1", connections, depth };
    using held = watched(engine, () => true, 1);
    const done = fetchAll(engine, only, range(0, 40));
    await held.gate.arrived(connections * depth);
    // Sockets have had their turn: what would be too much would be here as well.
    await engine.pass(0);
    await until(() => engine.pool.waiting === 40 - connections * depth);
    expect([...held.held.values()]).toEqual(Array(connections).fill(depth));
    held.gate.open();
    await done;
    expect(engine.servers[1]?.counters.bodiesInFlightMax).toBe(connections * depth);
    expect(engine.servers[1]?.counters.connectionsEver).toBe(connections);
    expect(engine.server.counters.connectionsEver).toBe(0);
  });

  test("never use more than the provider allows, however much they ask for", async () => {
    await using engine = await startEngine({ providers: [{ connections: 3 }] });
    await fetchAll(engine, { provider: "p0", connections: 50, depth: 2 }, range(0, 40));
    expect(engine.server.counters.connectionsMax).toBe(3);
    expect(engine.server.counters.bodiesInFlightMax).toBeLessThanOrEqual(6);
  });

  test("do not disturb those with other bounds: each has its connections for itself", async () => {
    await using engine = await startEngine({ providers: [{ connections: 4 }] });
    const one = { provider: "p0", connections: 1, depth: 3 };
    const other = { provider: "p0", connections: 2, depth: 1 };
    using ofOne = watched(engine, (index) => index < 20);
    using ofOther = watched(engine, (index) => index >= 20);
    const done = Promise.all([fetchAll(engine, one, range(0, 10)), fetchAll(engine, other, range(20, 30))]);
    await ofOne.gate.arrived(3);
    await ofOther.gate.arrived(2);
    await until(() => engine.pool.waiting === 15);
    expect([...ofOne.held.values()]).toEqual([3]);
    expect([...ofOther.held.values()]).toEqual([1, 1]);
    const [shared] = [...ofOne.held.keys()].filter((connection) => ofOther.held.has(connection));
    expect(shared).toBeUndefined();
    ofOne.gate.open();
    ofOther.gate.open();
    await done;
    expect(engine.server.counters.connectionsEver).toBe(3);
  });

  test("are never sent behind what others do, and wait for a connection of their own", async () => {
    await using engine = await startEngine({ providers: [{ connections: 4 }] });
    using held = watched(engine, (index) => index < 20);
    using measured = watched(engine, (index) => index >= 20);
    const others = [0, 1, 2].map((index) => engine.fetch(index, { lane: "readahead" }));
    await held.gate.arrived(3);
    const done = fetchAll(engine, { provider: "p0", connections: 4, depth: 2 }, range(20, 30));
    await measured.gate.arrived(2);
    await until(() => engine.pool.waiting === 8);
    expect([...measured.held.values()]).toEqual([2]);
    expect([...measured.held.keys()].some((connection) => held.held.has(connection))).toBe(false);
    held.gate.open();
    await Promise.all(others);
    // Now there are four.
    await measured.gate.arrived(8);
    expect([...measured.held.values()]).toEqual([2, 2, 2, 2]);
    measured.gate.open();
    await done;
  });

  test("yield: the playhead's connections stay free, and imports' share is theirs too", async () => {
    await using engine = await startEngine({
      providers: [{ connections: 8 }],
      limits: { reserve: () => 2, importConnections: () => 3 },
    });
    using held = watched(engine, (index) => index < 40);
    const done = fetchAll(engine, { provider: "p0", connections: 8, depth: 1 }, range(0, 20));
    await held.gate.arrived(3);
    await until(() => engine.pool.waiting === 17);
    expect(held.held.size).toBe(3);
    expect((await engine.read(50)).equals(engine.content(50))).toBe(true);
    held.gate.open();
    await done;
    expect(held.held.size).toBeGreaterThanOrEqual(3);
  });

  test("are not asked for a second time elsewhere, and leave nothing when they are given up", async () => {
    await using engine = await startEngine({ providers: [{}, {}] });
    using held = watched(engine, () => true);
    const controller = new AbortController();
    const only = { provider: "p0", connections: 2, depth: 1 };
    let spares = 0;
    const spare = {
      take: () => {
        spares += 1;
        return undefined;
      },
      onProgress() {},
      won() {},
      done() {},
    };
    const fetching = range(0, 6).map((index) =>
      engine.fetch(index, { lane: "playhead", only, spare, signal: controller.signal }).catch((error) => error.message),
    );
    await held.gate.arrived(2);
    await engine.pass(1_500);
    expect([spares, engine.pool.hedges.asked]).toEqual([0, 0]);
    controller.abort(new Error("left"));
    expect(new Set(await Promise.all(fetching))).toEqual(new Set(["left"]));
    held.gate.open();
    await engine.pass(300);
    await engine.settled();
    // The bounds are free again.
    await fetchAll(engine, only, range(6, 10));
    expect(engine.servers[1]?.counters.connectionsEver).toBe(0);
  });

  test("for a provider that does not exist fail at once", async () => {
    await using engine = await startEngine();
    const only = { provider: "nobody", connections: 1, depth: 1 };
    await expect(engine.fetch(0, { only })).rejects.toMatchObject({ code: "PROVIDER_UNREACHABLE" });
  });
});
