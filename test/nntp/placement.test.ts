import { describe, expect, test } from "@jest/globals";
import { until } from "../until.ts";
import { type Engine, startEngine } from "./engine-fixture.ts";

const PART = 100_000;
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

/** Two providers of one tier. */
const twins = (connections = 2) =>
  startEngine({
    providers: [
      { tier: 0, connections },
      { tier: 0, connections },
    ],
    partSize: PART,
  });

/** Lets a provider answer so many articles, each after `rttMs` and within `transferMs`, and makes nobody wait for it. */
async function measure(engine: Engine, server: number, times: { readonly rttMs: number; readonly transferMs: number }) {
  const only = { provider: `p${server}`, connections: 1, depth: 1 };
  const held = engine.servers[server];
  for (const index of range(0, 8)) {
    using before = held?.hold(engine.id(index)) as Disposable & { arrived(): Promise<void>; open(): void };
    using within = held?.hold(engine.id(index), { afterBytes: PART / 2 }) as typeof before;
    const bytes = () => engine.pool.snapshot()[server]?.bytes ?? 0;
    const start = bytes();
    const fetching = engine.fetch(index, { only });
    await before.arrived();
    engine.clock.advance(times.rttMs);
    before.open();
    await until(() => bytes() - start > PART / 2);
    engine.clock.advance(times.transferMs);
    within.open();
    await fetching;
  }
}

const bodies = (engine: Engine) => engine.servers.map(({ counters }) => counters.commands.BODY);

describe("which of the providers of a tier is asked for the playhead", () => {
  test.each([
    ["the nearer one", { rttMs: 80, transferMs: 20 }, { rttMs: 20, transferMs: 20 }],
    [
      "the one with the quicker line, though it is farther away",
      { rttMs: 20, transferMs: 200 },
      { rttMs: 60, transferMs: 20 },
    ],
  ])("%s", async (_name, slow, quick) => {
    await using engine = await twins();
    await measure(engine, 0, slow);
    await measure(engine, 1, quick);
    for (const index of range(10, 20)) await engine.read(index);
    expect(bodies(engine)).toEqual([8, 18]);
  });

  test("the one that has what it is asked for", async () => {
    await using engine = await twins();
    const times = { rttMs: 20, transferMs: 20 };
    await measure(engine, 0, times);
    await measure(engine, 1, times);
    engine.server.behave({ faults: () => "missing" });
    for (const index of range(10, 30)) await engine.read(index);
    // Two misses and it is avoided, until its misses weigh less.
    expect(engine.server.counters.commands.BODY - 8).toBeLessThanOrEqual(2);
  });

  test("an idle one, rather than one that is busy with something that nobody knows the length of", async () => {
    await using engine = await twins(4);
    // The other one has never finished anything.
    using gate = engine.servers[1]?.hold(({ verb }) => verb === "BODY", { afterBytes: 1_000 }) as Disposable & {
      arrived(count: number): Promise<void>;
    };
    const only = { provider: "p1", connections: 2, depth: 1 };
    const bulk = [0, 1].map((index) => engine.fetch(index, { lane: "readahead", only }));
    await gate.arrived(2);
    await engine.fetch(2, { only: { provider: "p0", connections: 1, depth: 1 } });
    const before = engine.servers.map(({ counters }) => counters.connectionsEver);
    expect((await engine.read(3)).equals(engine.content(3))).toBe(true);
    expect([engine.asked(3, 0), engine.asked(3, 1)]).toEqual([1, 0]);
    expect(engine.servers.map(({ counters }) => counters.connectionsEver)).toEqual(before);
    gate[Symbol.dispose]();
    await Promise.all(bulk);
  });

  test("an idle one, rather than one that is opened for it", async () => {
    await using engine = await twins(4);
    await measure(engine, 0, { rttMs: 40, transferMs: 200 });
    await measure(engine, 1, { rttMs: 5, transferMs: 5 });
    using gate = engine.servers[1]?.hold(engine.id(30), { afterBytes: PART - 1_000 }) as Disposable & {
      arrived(): Promise<void>;
    };
    const busy = engine.fetch(30, { lane: "readahead", only: { provider: "p1", connections: 1, depth: 1 } });
    await gate.arrived();
    // The better one has no idle connection, but could open one.
    expect((await engine.read(31)).equals(engine.content(31))).toBe(true);
    expect([engine.asked(31, 0), engine.asked(31, 1)]).toEqual([1, 0]);
    expect(engine.servers.map(({ counters }) => counters.connectionsEver)).toEqual([1, 1]);
    gate[Symbol.dispose]();
    await busy;
  });

  test("never one of a lower tier, however much better it is", async () => {
    await using engine = await startEngine({ providers: [{}, {}], partSize: PART });
    await measure(engine, 0, { rttMs: 300, transferMs: 500 });
    await measure(engine, 1, { rttMs: 1, transferMs: 1 });
    for (const index of range(10, 15)) await engine.read(index);
    expect(bodies(engine)).toEqual([13, 8]);
  });
});

describe("where other work goes", () => {
  test("to whoever has most room: the connections of both are used, however they have answered", async () => {
    await using engine = await startEngine({
      providers: [
        { tier: 0, connections: 4, pipeline: 1 },
        { tier: 0, connections: 4, pipeline: 1 },
      ],
      partSize: PART,
    });
    await measure(engine, 0, { rttMs: 200, transferMs: 200 });
    await measure(engine, 1, { rttMs: 5, transferMs: 5 });
    const gates = engine.servers.map((server) => server.hold(({ verb }) => verb === "BODY"));
    const ahead = range(10, 30).map((index) => engine.fetch(index, { lane: "readahead" }));
    await Promise.all(gates.map((gate) => gate.arrived(4)));
    await until(() => engine.pool.waiting === 12);
    for (const gate of gates) gate.open();
    await Promise.all(ahead);
  });
});

describe("the connection used last", () => {
  test("is used again, since it is still quick", async () => {
    await using engine = await startEngine({ providers: [{ connections: 4 }] });
    const used: number[] = [];
    using watch = engine.server.hold(({ verb, connection }) => {
      if (verb === "BODY") used.push(connection);
      return false;
    });
    engine.pool.warmUp();
    await until(() => engine.pool.snapshot()[0]?.connections.open === 4);
    await engine.read(0);
    for (const index of range(1, 9)) {
      engine.clock.advance(100);
      await engine.read(index);
    }
    expect(new Set(used).size).toBe(1);
    watch.open();
  });
});
