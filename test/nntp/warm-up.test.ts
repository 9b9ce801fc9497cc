import { describe, expect, test } from "@jest/globals";
import { until } from "../until.ts";
import { startEngine } from "./engine-fixture.ts";

describe("when somebody begins to watch", () => {
  test("four connections are opened at once, and asking again opens no more", async () => {
    await using engine = await startEngine({ providers: [{ connections: 20 }, {}] });
    using gate = engine.server.hold(({ verb }) => verb === "GREETING");
    engine.pool.warmUp();
    // All of them knock before the first is let in.
    await gate.arrived(4);
    engine.pool.warmUp();
    expect(engine.pool.snapshot()[0]?.connections.opening).toBe(4);
    gate.open();
    await until(() => engine.pool.snapshot()[0]?.connections.open === 4);
    engine.pool.warmUp();
    await engine.read(0);
    expect(engine.server.counters.connectionsEver).toBe(4);
    // The second tier is not needed.
    expect(engine.servers[1]?.counters.connectionsEver).toBe(0);
  });

  test("those that are open already count", async () => {
    await using engine = await startEngine({ providers: [{ connections: 20 }] });
    await engine.read(0);
    engine.pool.warmUp();
    await until(() => engine.pool.snapshot()[0]?.connections.open === 4);
    expect(engine.server.counters.connectionsEver).toBe(4);
  });

  test.each([1, 2, 3])("no more than the account's %i are opened", async (connections) => {
    await using engine = await startEngine({ providers: [{ connections }] });
    engine.pool.warmUp();
    engine.pool.warmUp();
    await until(() => engine.pool.snapshot()[0]?.connections.open === connections);
    expect(engine.server.counters.connectionsEver).toBe(connections);
  });

  test("no more than it was found to allow are opened", async () => {
    const server = { behaviour: { maxConnections: 2 } };
    await using engine = await startEngine({ providers: [{ connections: 10, server }] });
    engine.pool.warmUp();
    await until(() => engine.pool.snapshot()[0]?.connections.opening === 0);
    expect(engine.pool.snapshot()[0]?.connections.ceiling).toBe(2);
    const ever = engine.server.counters.connectionsEver;
    engine.pool.warmUp();
    expect((await engine.read(0)).equals(engine.content(0))).toBe(true);
    expect(engine.server.counters.connectionsEver).toBe(ever);
  });

  test("none is opened while the provider is left alone, and the next tier's are opened instead", async () => {
    const server = { behaviour: { greetingFault: "closeBeforeGreeting" } as const };
    await using engine = await startEngine({ providers: [{ server }, {}] });
    engine.pool.warmUp();
    await until(() => engine.pool.snapshot()[0]?.state === "backing-off");
    await until(() => engine.pool.snapshot()[0]?.connections.opening === 0);
    const ever = engine.server.counters.connectionsEver;
    engine.pool.warmUp();
    engine.pool.warmUp();
    await until(() => engine.pool.snapshot()[1]?.connections.open === 4);
    expect(engine.server.counters.connectionsEver).toBe(ever);
  });

  test("nothing is opened after closing", async () => {
    await using engine = await startEngine();
    await engine.pool[Symbol.asyncDispose]();
    engine.pool.warmUp();
    expect(engine.pool.snapshot()[0]?.connections.opening).toBe(0);
    expect(engine.server.counters.connectionsEver).toBe(0);
  });
});
