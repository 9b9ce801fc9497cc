import { describe, expect, test } from "@jest/globals";
import type { MessageId } from "../../src/base/message-id.ts";
import { until } from "../until.ts";
import { type Engine, startEngine } from "./engine-fixture.ts";

const lookup = (engine: Engine, index: number) =>
  engine.pool.stat(engine.id(index) as MessageId, {
    urgency: { lane: "health" },
    signal: new AbortController().signal,
  });

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

/** Holds each body by a gate of its own, and tells which are held in the order in which they were asked for. */
function holdEach(engine: Engine, indexes: readonly number[]) {
  const gates = new Map(indexes.map((index) => [index, engine.server.hold(engine.id(index))]));
  return {
    asked: () => indexes.filter((index) => engine.asked(index) > 0),
    open: (index: number) => gates.get(index)?.open(),
    [Symbol.dispose]() {
      for (const gate of gates.values()) gate.open();
    },
  };
}

describe("I21: streams take turns", () => {
  test("four streams on eight connections have two bodies under way each, whoever came first and whoever wants most", async () => {
    await using engine = await startEngine({ providers: [{ connections: 8, pipeline: 1 }], parts: 300 });
    const before = range(0, 8);
    using first = holdEach(engine, before);
    const busy = before.map((index) => engine.fetch(index));
    await until(() => first.asked().length === 8);
    const wishes = [100, 2, 60, 60];
    let next = 8;
    const streams = wishes.map((count) => {
      const indexes = range(next, next + count);
      next += count;
      return { stream: {}, indexes };
    });
    using held = holdEach(engine, range(8, next));
    const ahead = streams.flatMap(({ stream, indexes }) =>
      indexes.map((index) => engine.fetch(index, { lane: "readahead", stream })),
    );
    await until(() => engine.pool.waiting === ahead.length);
    for (const index of before) first.open(index);
    await Promise.all(busy);
    await until(() => held.asked().length === 8);
    const underWay = streams.map(({ indexes }) => indexes.filter((index) => engine.asked(index) > 0).length);
    expect(underWay).toEqual([2, 2, 2, 2]);

    // Whoever has fewest under way is next: as one goes on, its place is its own.
    for (const { indexes } of streams.filter(({ indexes: all }) => all.length > 2)) {
      const [mine] = indexes.filter((index) => engine.asked(index) > 0);
      held.open(mine as number);
      const more = () => indexes.filter((index) => engine.asked(index) > 0).length;
      await until(() => more() === 3);
    }
    held[Symbol.dispose]();
    await Promise.all(ahead);
    expect(engine.server.counters.bodiesInFlightMax).toBeLessThanOrEqual(8);
  });

  test("a stream that has only begun is next, before all that others have queued", async () => {
    await using engine = await startEngine({ providers: [{ connections: 4, pipeline: 1 }], parts: 200 });
    using held = holdEach(engine, range(0, 150));
    const greedy = {};
    const ahead = range(0, 100).map((index) => engine.fetch(index, { lane: "readahead", stream: greedy }));
    await until(() => held.asked().length === 4);
    const modest = {};
    const few = [120, 121].map((index) => engine.fetch(index, { lane: "readahead", stream: modest }));
    held.open(0);
    await until(() => engine.asked(120) === 1);
    held.open(1);
    await until(() => engine.asked(121) === 1);
    expect(held.asked()).toEqual([0, 1, 2, 3, 120, 121]);
    held[Symbol.dispose]();
    await Promise.all([...ahead, ...few]);
  });

  test("one stream is served in the order in which it asked", async () => {
    await using engine = await startEngine({ providers: [{ connections: 1, pipeline: 1 }] });
    using gate = engine.server.hold(engine.id(0));
    const stream = {};
    const order: number[] = [];
    const fetching = range(0, 12).map((index) =>
      engine.fetch(index, { lane: "readahead", stream }).then(() => order.push(index)),
    );
    await gate.arrived();
    gate.open();
    await Promise.all(fetching);
    expect(order).toEqual(range(0, 12));
  });

  test("what waits for connections that are being opened is shared out as well", async () => {
    await using engine = await startEngine({ providers: [{ connections: 4, pipeline: 1 }], parts: 64 });
    using greetings = engine.server.hold(({ verb }) => verb === "GREETING");
    using held = holdEach(engine, range(0, 40));
    const [one, other] = [{}, {}];
    const fetching = [
      ...range(0, 20).map((index) => engine.fetch(index, { lane: "readahead", stream: one })),
      ...range(20, 40).map((index) => engine.fetch(index, { lane: "readahead", stream: other })),
    ];
    await greetings.arrived(4);
    greetings.open();
    await until(() => held.asked().length === 4);
    expect(held.asked()).toEqual([0, 1, 20, 21]);
    held[Symbol.dispose]();
    await Promise.all(fetching);
  });
});

describe("I20: what is kept free for the playhead", () => {
  test.each([
    [1, 0],
    [2, 0],
    [3, 0],
    [5, 0],
    [6, 2],
    [8, 2],
    [20, 2],
  ])("of %i connections bulk work leaves %i", async (connections, reserve) => {
    await using engine = await startEngine({ providers: [{ connections }], limits: { reserve: () => 2 }, parts: 100 });
    const used = new Set<number>();
    using gate = engine.server.hold(({ verb, connection }) => {
      if (verb === "BODY") used.add(connection);
      return verb === "BODY";
    });
    const lanes = ["readahead", "import", "health"] as const;
    const bulk = range(0, 60).map((index) => engine.fetch(index, { lane: lanes[index % 3] ?? "health" }));
    const fit = 2 * (connections - reserve);
    await gate.arrived(fit);
    await until(() => engine.pool.waiting === 60 - fit);
    expect(used.size).toBe(connections - reserve);
    gate.open();
    await Promise.all(bulk);
  });

  test.each([8, 20])(
    "with %i connections full of read-ahead, imports and lookups, two seeks at once wait for none of them",
    async (connections) => {
      await using engine = await startEngine({
        providers: [{ connections }],
        limits: { reserve: () => 2 },
        parts: 100,
      });
      using gate = engine.server.hold(
        ({ verb, id }) => verb !== "GREETING" && id !== engine.id(90) && id !== engine.id(91),
      );
      const bulk: Promise<unknown>[] = range(0, 60).map((index) =>
        engine.fetch(index, { lane: index % 2 === 0 ? "readahead" : "import" }),
      );
      bulk.push(...range(60, 80).map((index) => lookup(engine, index)));
      await gate.arrived(2 * (connections - 2));
      const waiting = engine.pool.waiting;
      const seeks = await Promise.all([engine.read(90), engine.read(91)]);
      expect(seeks.map((bytes, index) => bytes.equals(engine.content(90 + index)))).toEqual([true, true]);
      // Not one of the others has moved.
      expect(gate.waiting).toBe(2 * (connections - 2));
      expect(engine.pool.waiting).toBe(waiting);
      gate.open();
      await Promise.all(bulk);
      expect(engine.server.counters.connectionsMax).toBe(connections);
    },
  );

  test("lookups under way on a connection delay no playhead, and take none of what is kept free", async () => {
    await using engine = await startEngine({ providers: [{ connections: 6 }], limits: { reserve: () => 2 } });
    using gate = engine.server.hold(({ verb }) => verb === "STAT");
    const lookups = range(0, 40).map((index) => lookup(engine, index));
    await gate.arrived(40);
    expect(engine.pool.snapshot()[0]?.connections.busy).toBeLessThanOrEqual(4);
    expect((await engine.read(50)).equals(engine.content(50))).toBe(true);
    gate.open();
    expect(new Set(await Promise.all(lookups))).toEqual(new Set(["present"]));
  });

  test("read-ahead is not sent behind an import, but takes its place when it ends; an import may wait behind read-ahead", async () => {
    await using engine = await startEngine({ providers: [{ connections: 2 }], limits: { importConnections: () => 3 } });
    using imports = engine.server.hold(({ id }) => [0, 1].some((index) => engine.id(index) === id));
    using behind = engine.server.hold(engine.id(2));
    const first = [0, 1].map((index) => engine.fetch(index, { lane: "import" }));
    await imports.arrived(2);
    const ahead = engine.fetch(3, { lane: "readahead" });
    const third = engine.fetch(2, { lane: "import" });
    await until(() => engine.asked(2) === 1);
    expect(engine.asked(3)).toBe(0);
    expect(engine.pool.waiting).toBe(1);
    imports.open();
    expect((await ahead).equals(engine.content(3))).toBe(true);
    behind.open();
    await Promise.all([...first, third]);
  });

  test("nothing is kept free while nobody watches", async () => {
    await using engine = await startEngine({ providers: [{ connections: 8, pipeline: 1 }] });
    using gate = engine.server.hold(({ verb }) => verb === "BODY");
    const bulk = range(0, 20).map((index) => engine.fetch(index, { lane: "import" }));
    await gate.arrived(8);
    gate.open();
    await Promise.all(bulk);
  });
});
