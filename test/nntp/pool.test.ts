import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import type { MessageId } from "../../src/base/message-id.ts";
import { until } from "../until.ts";
import { PART, slot, startPool, whileTimePasses } from "./pool-fixture.ts";

const never = new AbortController().signal;
const health = { urgency: { lane: "health" }, signal: never } as const;

describe("Pool", () => {
  test("fetches articles, each by one command, with the right bytes", async () => {
    await using system = await startPool();
    const parts = await Promise.all(Array.from({ length: 30 }, (_, index) => system.fetch(index)));
    parts.forEach((bytes, index) => {
      expect(bytes.equals(system.content(index))).toBe(true);
    });
    expect([...system.server.counters.bodies.values()]).toEqual(Array(30).fill(1));
  });

  test("never opens more connections than configured, nor has more bodies under way than they carry", async () => {
    await using system = await startPool([{ connections: 3, pipeline: 2 }]);
    await Promise.all(Array.from({ length: 40 }, (_, index) => system.fetch(index, { lane: "readahead" })));
    expect(system.server.counters.connectionsMax).toBeLessThanOrEqual(3);
    expect(system.server.counters.bodiesInFlightMax).toBeLessThanOrEqual(6);
  });

  test("opens one connection for one request", async () => {
    await using system = await startPool([{ connections: 20 }]);
    for (let index = 0; index < 5; index += 1) await system.fetch(index);
    expect(system.server.counters.connectionsEver).toBe(1);
  });

  test("works over TLS, and refuses a certificate that is not for this host unless told otherwise", async () => {
    const { readFileSync } = await import("node:fs");
    const file = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
    const tls = { key: file("key.pem"), cert: file("cert.pem") };
    await using strict = await startPool([{ tls: true, server: { tls } }]);
    await expect(whileTimePasses(strict.clock, strict.fetch(0))).rejects.toMatchObject({
      code: "PROVIDER_UNREACHABLE",
      hint: expect.stringContaining("verifyTls"),
    });
    await using lax = await startPool([{ tls: true, verifyTls: false, server: { tls } }]);
    expect((await lax.fetch(3)).equals(lax.content(3))).toBe(true);
  });

  test("logs in, and says what to do when the login is refused, without the password", async () => {
    const credentials = { username: "user", password: "hunter2" };
    await using good = await startPool([{ ...credentials, server: { credentials } }]);
    expect((await good.fetch(0)).equals(good.content(0))).toBe(true);
    await using bad = await startPool([{ ...credentials, password: "wrong-secret", server: { credentials } }]);
    const error = await bad.fetch(0).catch((reason) => reason);
    expect(error).toMatchObject({ code: "PROVIDER_AUTH", hint: expect.stringContaining("password") });
    expect(`${error.message} ${error.hint}`).not.toContain("wrong-secret");
    expect(bad.pool.snapshot()[0]).toMatchObject({ state: "backing-off" });
  });
});

describe("missing and silent", () => {
  test("missing is final: each provider is asked once, then the next tier", async () => {
    await using system = await startPool([{}, {}]);
    system.server.behave({ faults: () => "missing" });
    const bytes = await system.fetch(0);
    expect(bytes.equals(system.content(0))).toBe(true);
    expect(system.servers.map(({ counters }) => counters.bodies.get(system.ids[0] as string))).toEqual([1, 1]);
  });

  test("an article that nobody has is missing after one command each", async () => {
    await using system = await startPool([{}, {}, { backup: true }]);
    for (const server of system.servers) server.behave({ faults: () => "missing" });
    await expect(system.fetch(0)).rejects.toMatchObject({
      code: "ARTICLE_MISSING",
      message: expect.stringContaining("all 3 providers"),
    });
    expect(system.servers.map(({ counters }) => counters.bodies.get(system.ids[0] as string))).toEqual([1, 1, 1]);
  });

  test("a backup is not asked while another provider has the article", async () => {
    await using system = await startPool([{ backup: true }, {}]);
    await Promise.all(Array.from({ length: 20 }, (_, index) => system.fetch(index)));
    expect(system.server.counters.connectionsEver).toBe(0);
  });

  test("silence is not absence: one provider is away, the other says no, and the article is not called missing", async () => {
    await using system = await startPool([{}, {}]);
    await system.server.close();
    system.servers[1]?.behave({ faults: () => "missing" });
    await expect(whileTimePasses(system.clock, system.fetch(0))).rejects.toMatchObject({
      code: "PROVIDER_UNREACHABLE",
    });
    const stat = system.pool.stat(system.ids[0] as MessageId, health);
    expect(await whileTimePasses(system.clock, stat)).toBe("unknown");
  });

  test("a provider that hangs is given up after its timeout, and the article comes from the next", async () => {
    await using system = await startPool([{ timeoutMs: 2_000 }, {}]);
    system.server.behave({ faults: () => "hangInsteadOfReply" });
    const bytes = await whileTimePasses(system.clock, system.fetch(0), 500);
    expect(bytes.equals(system.content(0))).toBe(true);
    expect(system.server.counters.bodies.get(system.ids[0] as string)).toBe(2);
  });

  test("STAT tells present from missing", async () => {
    await using system = await startPool();
    system.server.behave({ faults: (id) => (id === system.ids[1] ? "missing" : undefined) });
    const answers = await Promise.all(system.ids.slice(0, 3).map((id) => system.pool.stat(id, health)));
    expect(answers).toEqual(["present", "missing", "present"]);
  });

  test("a server that does not know STAT leaves it unknown and is not blamed", async () => {
    await using system = await startPool();
    system.server.behave({ faults: () => "statUnsupported" });
    expect(await whileTimePasses(system.clock, system.pool.stat(system.ids[0] as MessageId, health))).toBe("unknown");
    expect(system.pool.snapshot()[0]?.state).toBe("ready");
  });

  test("many STATs share a connection", async () => {
    await using system = await startPool([{ connections: 2 }]);
    const answers = await Promise.all(system.ids.map((id) => system.pool.stat(id, health)));
    expect(new Set(answers)).toEqual(new Set(["present"]));
    expect(system.server.counters.connectionsEver).toBeLessThanOrEqual(2);
  });
});

describe("what providers get wrong", () => {
  test.each([
    "corrupt",
    "truncate",
    "overlong",
    "wrongBegin",
    "closeMidBody",
    "garbageStatus",
    "longStatus",
    "headInsteadOfBody",
    "closeInsteadOfReply",
  ] as const)("%s at the first provider: the right bytes come from the second", async (fault) => {
    await using system = await startPool([{}, {}]);
    system.server.behave({ faults: () => fault });
    const bytes = await whileTimePasses(system.clock, system.fetch(3));
    expect(bytes.equals(system.content(3))).toBe(true);
    expect(system.server.counters.bodies.get(system.ids[3] as string)).toBeLessThanOrEqual(2);
  });

  test.each(["corrupt", "truncate", "overlong", "wrongBegin"] as const)(
    "%s at the only provider: corrupt after two tries, and nothing wrong is handed out",
    async (fault) => {
      await using system = await startPool();
      system.server.behave({ faults: () => fault });
      await expect(whileTimePasses(system.clock, system.fetch(0))).rejects.toMatchObject({ code: "ARTICLE_CORRUPT" });
      expect(system.server.counters.bodies.get(system.ids[0] as string)).toBe(2);
      expect(system.pool.snapshot()[0]?.commands.corrupt).toBe(2);
    },
  );

  test("a comma in the status line is understood", async () => {
    await using system = await startPool();
    system.server.behave({ faults: () => "commaInStatus" });
    expect((await system.fetch(0)).equals(system.content(0))).toBe(true);
  });

  test("a fault that hits once is healed by the second try, and the slot is announced as filled anew", async () => {
    await using system = await startPool();
    system.server.behave({ faults: (_id, timesAsked) => (timesAsked === 0 ? "truncate" : undefined) });
    let restarts = 0;
    const bytes = await system.fetch(0, {
      onRestart: () => {
        restarts += 1;
      },
    });
    expect(bytes.equals(system.content(0))).toBe(true);
    expect(restarts).toBe(1);
  });

  test("commands behind the one whose connection broke are asked again, as if nothing had been", async () => {
    await using system = await startPool([{ connections: 1, pipeline: 4 }, {}]);
    system.server.behave({
      faults: (id, timesAsked) => (id === system.ids[0] && timesAsked === 0 ? "closeMidBody" : undefined),
    });
    const parts = Promise.all([0, 1, 2, 3].map((index) => system.fetch(index, { lane: "readahead" })));
    const bytes = await whileTimePasses(system.clock, parts);
    bytes.forEach((part, index) => {
      expect(part.equals(system.content(index))).toBe(true);
    });
    expect(system.servers[1]?.counters.connectionsEver).toBe(0);
  });

  test("an idle connection that died without a word costs the next request nothing but a new connection", async () => {
    await using system = await startPool();
    await system.fetch(0);
    system.clock.advance(20_000);
    system.server.drop("all");
    expect((await system.fetch(1)).equals(system.content(1))).toBe(true);
    expect(system.pool.snapshot()[0]?.commands.failed).toBe(0);
  });

  test.each([
    ["502 Too many connections", "greeting"],
    ["400 too many connections", "greeting"],
    ["482 Too many connections for your user", "login"],
  ] as const)("%s at the %s lowers the ceiling, and the work goes on with what there is", async (refusal, refuseAt) => {
    const credentials = { username: "user", password: "pass" };
    const server = { credentials, behaviour: { maxConnections: 2, refusal, refuseAt } };
    await using system = await startPool([{ connections: 6, ...credentials, server }]);
    const parts = await whileTimePasses(
      system.clock,
      Promise.all(Array.from({ length: 30 }, (_, index) => system.fetch(index))),
    );
    parts.forEach((bytes, index) => {
      expect(bytes.equals(system.content(index))).toBe(true);
    });
    await until(() => system.pool.snapshot()[0]?.connections.opening === 0);
    expect(system.pool.snapshot()[0]?.connections.ceiling).toBeLessThanOrEqual(2);
    system.server.behave({ maxConnections: 100 });
    for (let minutes = 0; minutes < 5; minutes += 1) {
      for (let seconds = 0; seconds < 60; seconds += 1) system.clock.advance(1_000);
      await Promise.all(Array.from({ length: 12 }, (_, index) => system.fetch(index)));
    }
    expect(system.pool.snapshot()[0]?.connections.ceiling).toBe(6);
  });

  test("a provider comes back after it was away, without a restart", async () => {
    await using system = await startPool();
    system.server.behave({ greetingFault: "closeBeforeGreeting" });
    await expect(whileTimePasses(system.clock, system.fetch(0))).rejects.toMatchObject({
      code: "PROVIDER_UNREACHABLE",
    });
    system.server.behave({ greetingFault: undefined });
    system.clock.advance(120_000);
    expect((await whileTimePasses(system.clock, system.fetch(0))).equals(system.content(0))).toBe(true);
    expect(system.pool.snapshot()[0]).toMatchObject({ state: "ready", reason: undefined });
  });

  test("a back-off that ends soon is waited for", async () => {
    await using system = await startPool();
    system.server.behave({ greetingFault: "closeBeforeGreeting" });
    const fetching = system.fetch(0);
    await until(() => system.pool.snapshot()[0]?.state === "backing-off");
    system.server.behave({ greetingFault: undefined });
    system.clock.advance(1_300);
    expect((await fetching).equals(system.content(0))).toBe(true);
  });
});

describe("leaving", () => {
  test("a caller that leaves while waiting is never asked for, and rejects with the reason itself", async () => {
    await using system = await startPool([{ connections: 1, pipeline: 1 }]);
    using gate = system.server.hold(() => true);
    const first = system.fetch(0);
    await until(() => gate.waiting === 1);
    const controller = new AbortController();
    const second = system.fetch(1, { signal: controller.signal });
    const reason = new Error("left");
    controller.abort(reason);
    await expect(second).rejects.toBe(reason);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
    gate.open();
    await first;
    expect(system.server.counters.bodies.has(system.ids[1] as string)).toBe(false);
    expect(system.pool.waiting).toBe(0);
  });

  test("a body that nobody wants any more is hung up on, its slot stays untouched, and others go on", async () => {
    await using system = await startPool([{ connections: 2 }]);
    using gate = system.server.hold(system.ids[0] as string, { afterBytes: 10_000 });
    const controller = new AbortController();
    const into = slot();
    const left = system.pool.body(system.ids[0] as MessageId, into, {
      urgency: { lane: "playhead" },
      signal: controller.signal,
      expect: { size: PART, begin: 0 },
      encodedSize: 900_000,
    });
    await until(() => gate.waiting === 1);
    controller.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    into.bytes.fill(7);
    await until(() => system.server.counters.bodiesCut === 1);
    gate.open();
    expect((await system.fetch(1)).equals(system.content(1))).toBe(true);
    expect(into.bytes.every((byte) => byte === 7)).toBe(true);
    await until(() => system.server.counters.bodiesInFlight === 0);
  });

  test("a body of which little is left is read to its end, and the connection is used again", async () => {
    await using system = await startPool([{ connections: 1 }]);
    using gate = system.server.hold(system.ids[0] as string, { afterBytes: 45_000 });
    const controller = new AbortController();
    const left = system.fetch(0, { signal: controller.signal, encodedSize: PART * 1.03 });
    await until(() => gate.waiting === 1);
    controller.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    gate.open();
    expect((await system.fetch(1)).equals(system.content(1))).toBe(true);
    expect(system.server.counters.connectionsEver).toBe(1);
    expect(system.server.counters.bodiesCut).toBe(0);
  });

  test("closing says QUIT, fails what is under way, and leaves no timer", async () => {
    const system = await startPool();
    await system.fetch(0);
    using gate = system.server.hold(() => true);
    const waiting = system.fetch(1);
    await until(() => gate.waiting === 1);
    await system.pool[Symbol.asyncDispose]();
    await expect(waiting).rejects.toMatchObject({ code: "PROVIDER_UNREACHABLE" });
    gate.open();
    await until(() => system.server.counters.connectionsNow === 0);
    expect(system.clock.timers).toBe(0);
    await system[Symbol.asyncDispose]();
  });

  test("connections that nobody uses are kept alive for two minutes and then given back", async () => {
    await using system = await startPool();
    await system.fetch(0);
    const pass = async (seconds: number) => {
      for (let n = 0; n < seconds; n += 1) {
        system.clock.advance(1_000);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    await pass(115);
    expect(system.server.counters.commands.DATE).toBe(2);
    expect(system.server.counters.connectionsNow).toBe(1);
    await pass(10);
    await until(() => system.server.counters.connectionsNow === 0);
    expect(system.server.counters.commands.QUIT).toBe(1);
    expect(system.clock.timers).toBe(0);
  });
});

describe("order of service", () => {
  test("whoever is more urgent gets the next free connection", async () => {
    await using system = await startPool([{ connections: 1, pipeline: 1 }]);
    using gate = system.server.hold(system.ids[0] as string);
    const first = system.fetch(0);
    await until(() => gate.waiting === 1);
    const order: string[] = [];
    const others = (["health", "import", "readahead", "playhead"] as const).map((lane, index) =>
      system.fetch(index + 1, { lane }).then(() => order.push(lane)),
    );
    gate.open();
    await Promise.all([first, ...others]);
    expect(order).toEqual(["playhead", "readahead", "import", "health"]);
  });

  test("imports and health together keep to their share", async () => {
    await using system = await startPool([{ connections: 4, pipeline: 2 }], { importConnections: () => 2 });
    using gate = system.server.hold(({ verb }) => verb === "BODY");
    const fetching = Promise.all(
      Array.from({ length: 20 }, (_, index) => system.fetch(index, { lane: index % 2 === 0 ? "import" : "health" })),
    );
    await gate.arrived(2);
    gate.open();
    await fetching;
    expect(system.server.counters.bodiesInFlightMax).toBe(2);
  });

  test("with no share at all they wait, and start when it is given", async () => {
    let share = 0;
    await using system = await startPool([{}], { importConnections: () => share });
    const waiting = system.fetch(0, { lane: "import" });
    expect((await system.fetch(1)).equals(system.content(1))).toBe(true);
    expect(system.pool.waiting).toBe(1);
    share = 1;
    system.pool.reconsider();
    expect((await waiting).equals(system.content(0))).toBe(true);
  });

  test("bulk work leaves the reserved connections to the playhead", async () => {
    await using system = await startPool([{ connections: 6, pipeline: 2 }], { reserve: () => 2 });
    using gate = system.server.hold(({ verb, id }) => verb === "BODY" && id !== system.ids[40]);
    const bulk = Array.from({ length: 20 }, (_, index) => system.fetch(index, { lane: "readahead" }));
    await until(() => gate.waiting >= 8);
    expect((await system.fetch(40)).equals(system.content(40))).toBe(true);
    expect(system.pool.waiting).toBe(12);
    expect(system.pool.snapshot()[0]?.connections.busy).toBe(4);
    gate.open();
    await Promise.all(bulk);
  });

  test("progress is reported while the body arrives", async () => {
    await using system = await startPool();
    using gate = system.server.hold(system.ids[0] as string, { afterBytes: 30_000 });
    let filled = 0;
    const fetching = system.fetch(0, {
      onProgress: (bytes) => {
        filled = bytes;
      },
    });
    await until(() => filled > 20_000);
    expect(filled).toBeLessThan(31_000);
    gate.open();
    await fetching;
  });
});
