import { describe, expect, test } from "@jest/globals";
import type { Behaviour } from "../../src/newsserver/behaviour.ts";
import { until } from "../until.ts";
import { type Engine, type ProviderWish, startEngine } from "./engine-fixture.ts";

const SICK: readonly (readonly [string, Partial<Behaviour>, Partial<Behaviour>])[] = [
  ["accepts connections and says nothing", { greetingFault: "hangBeforeGreeting" }, { greetingFault: undefined }],
  ["hangs up before it has said anything", { greetingFault: "closeBeforeGreeting" }, { greetingFault: undefined }],
  ["refuses the login", { loginRefusal: "481 Authentication failed" }, { loginRefusal: undefined }],
  ["refuses every connection", { maxConnections: 0, refusal: "502 Too many connections" }, { maxConnections: 100 }],
];

const login = { username: "user", password: "pass" };

/** A sick provider in the first tier, a good one in the second. */
const sickFirst = (behaviour: Partial<Behaviour>, wish: ProviderWish = {}) =>
  startEngine({
    providers: [{ ...login, server: { behaviour, credentials: login }, ...wish }, {}],
  });

/** Lets the sick one fail for the first time, whatever that takes. */
async function afterItsFirstFailure(engine: Engine): Promise<void> {
  const reading = engine.read(60);
  while (engine.pool.snapshot()[0]?.state !== "backing-off") await engine.pass(100);
  await reading;
}

describe("a provider of the first tier that is sick", () => {
  test.each(SICK)("%s: once that is known nobody waits for it", async (_name, behaviour) => {
    await using engine = await sickFirst(behaviour);
    await afterItsFirstFailure(engine);
    const at = engine.clock.now();
    const parts = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        engine.read(index, { lane: index % 2 === 0 ? "readahead" : "playhead" }),
      ),
    );
    parts.forEach((bytes, index) => {
      expect(bytes.equals(engine.content(index))).toBe(true);
    });
    expect(engine.clock.now()).toBe(at);
    expect(engine.server.counters.bodies.size).toBe(0);
  });

  test.each(SICK)(
    "%s: those who waited for it when it failed do not wait for it any longer",
    async (_name, behaviour) => {
      await using engine = await sickFirst(behaviour);
      const parts = Promise.all(Array.from({ length: 12 }, (_, index) => engine.read(index, { lane: "readahead" })));
      while (engine.pool.snapshot()[0]?.state !== "backing-off" && engine.clock.now() < 2_500) await engine.pass(100);
      // A socket's turn or two, but no more time.
      const bytes = await parts;
      bytes.forEach((part, index) => {
        expect(part.equals(engine.content(index))).toBe(true);
      });
      expect(engine.clock.now()).toBeLessThanOrEqual(2_600);
    },
  );

  test.each(SICK)("%s: it is used again when it is back, without a restart", async (_name, behaviour, well) => {
    await using engine = await sickFirst(behaviour);
    await afterItsFirstFailure(engine);
    engine.server.behave(well);
    // Its pause doubles up to ten minutes; whoever passes by then has it tried, and does not wait for that.
    engine.clock.advance(600_000);
    const at = engine.clock.now();
    expect((await engine.read(0)).equals(engine.content(0))).toBe(true);
    expect(engine.clock.now()).toBe(at);
    await until(() => engine.pool.snapshot()[0]?.state === "ready");
    expect((await engine.read(1)).equals(engine.content(1))).toBe(true);
    expect([engine.asked(1, 0), engine.asked(1, 1)]).toEqual([1, 0]);
    expect(engine.server.counters.connectionsNow).toBe(1);
  });

  test("the first request ever is served by another one within about a second, not after the timeout", async () => {
    await using engine = await sickFirst({ greetingFault: "hangBeforeGreeting" });
    let isDone = false;
    const reading = engine.read(0).finally(() => {
      isDone = true;
    });
    while (!isDone) await engine.pass(50);
    expect((await reading).equals(engine.content(0))).toBe(true);
    expect(engine.clock.now()).toBeLessThanOrEqual(1_500);
  });

  test("a film goes on in the meantime, long before the sick one's timeout has passed", async () => {
    await using engine = await sickFirst({ greetingFault: "hangBeforeGreeting" });
    let at = 0;
    const film = (async () => {
      for (; at < 40; at += 1) {
        const wish = engine.cache.warm(engine.segment(at + 1), { lane: "readahead" });
        expect((await engine.read(at)).equals(engine.content(at))).toBe(true);
        wish[Symbol.dispose]();
      }
    })();
    while (at < 40 && engine.clock.now() < 10_000) await engine.pass(50);
    await film;
    expect(engine.clock.now()).toBeLessThanOrEqual(6_000);
    // What it costs to find that out is bounded.
    expect(engine.pool.hedges.asked).toBeLessThanOrEqual(3);
  });

  test("is asked all the same when the other one does not have the article", async () => {
    await using engine = await sickFirst({ greetingFault: "closeBeforeGreeting" });
    await afterItsFirstFailure(engine);
    engine.servers[1]?.behave({ faults: () => "missing" });
    engine.server.behave({ greetingFault: undefined });
    const reading = engine.read(0);
    await until(() => engine.asked(0, 1) === 1);
    await engine.pass(3_000);
    expect((await reading).equals(engine.content(0))).toBe(true);
    expect([engine.asked(0, 0), engine.asked(0, 1)]).toEqual([1, 1]);
  });

  test("leaves an article unknown, not missing, while it is away and the other one says no", async () => {
    await using engine = await sickFirst({ loginRefusal: "481 Authentication failed" });
    engine.servers[1]?.behave({ faults: () => "missing" });
    const reading = engine.read(0);
    reading.catch(() => {});
    await until(() => engine.asked(0, 1) === 1);
    await engine.pass(3_000);
    await expect(reading).rejects.toMatchObject({ code: "PROVIDER_AUTH" });
  });
});

describe("hanging up", () => {
  test("after ten bodies in a row that nobody wanted any more a strict server has refused nobody", async () => {
    const server = { behaviour: { maxConnections: 4 } };
    await using engine = await startEngine({ providers: [{ connections: 4, server }], partSize: 200_000 });
    for (let n = 0; n < 10; n += 1) {
      const controller = new AbortController();
      using gate = engine.server.hold(({ verb }) => verb === "BODY", { afterBytes: 1_000 });
      const wishes = Array.from({ length: 4 }, (_, index) =>
        engine.read((4 * n + index) % 60, { signal: controller.signal }).catch(() => {}),
      );
      const arrived = gate.arrived(4);
      // The places of those that were hung up on are taken when the server has had its moment.
      await until(() => gate.waiting === 4 || engine.pool.waiting > 0);
      while (gate.waiting < 4) await engine.pass(50);
      await arrived;
      controller.abort(new Error("left"));
      await Promise.all(wishes);
    }
    const last = engine.read(61);
    while (engine.asked(61) === 0) await engine.pass(50);
    expect((await last).equals(engine.content(61))).toBe(true);
    expect(engine.server.counters.connectionsEver).toBe(41);
    expect(engine.server.counters.connectionsRefused).toBe(0);
    expect(engine.pool.snapshot()[0]?.connections.ceiling).toBe(4);
  });

  test.each(["drops a rest that does not come", "gives up a body that stalls"] as const)(
    "who waited behind on a connection that %s gets another when the server has had its moment",
    async (what) => {
      const server = { behaviour: { maxConnections: 1 } };
      await using engine = await startEngine({ providers: [{ connections: 1, timeoutMs: 3_000, server }] });
      using gate = engine.server.hold(({ id, connection }) => id === engine.id(0) && connection === 1, {
        afterBytes: 40_000,
      });
      const controller = new AbortController();
      const first = engine.fetch(0, { lane: "readahead", signal: controller.signal });
      first.catch(() => {});
      await gate.arrived();
      const second = engine.fetch(1, { lane: "readahead" });
      await until(() => engine.asked(1) === 1);
      const isDropped = what.startsWith("drops");
      if (isDropped) controller.abort(new Error("left"));
      await engine.pass(isDropped ? 600 : 5_000);
      expect((await second).equals(engine.content(1))).toBe(true);
      if (!isDropped) expect((await first).equals(engine.content(0))).toBe(true);
      expect(engine.server.counters.connectionsEver).toBe(2);
      expect(engine.server.counters.connectionsRefused).toBe(0);
    },
  );
});
