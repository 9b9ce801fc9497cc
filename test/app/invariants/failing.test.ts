import { describe, expect, test } from "@jest/globals";
import type { MessageId } from "../../../src/base/message-id.ts";
import type { Behaviour } from "../../../src/newsserver/behaviour.ts";
import { ManualClock } from "../../manual-clock.ts";
import { whileTimePasses } from "../../nntp/pool-fixture.ts";
import { until } from "../../until.ts";
import { bytes } from "../client.ts";
import { type Film, type System, startFilm, startSystem } from "../fixture.ts";
import { bodiesOf, fetched, holdBodies, moment, serverOf, watchCommands } from "../wire.ts";

const PART = 100_000;
const HOUR = 3_600_000;

/** The message-ids of a film, in order. */
const idsOf = (film: Film) => [...film.posted.segments].map(({ id }) => id as string);

/** One reader per article: each reads the first bytes of its own. */
const readers = (system: System, film: Film, count: number) =>
  Array.from({ length: count }, (_, index) => system.get(film.path, bytes(index * PART, index * PART + 100)));

describe("what is missing", () => {
  test("I3 missing is final: every provider of every tier is asked once, in that order, and never again within the request", async () => {
    await using system = await startSystem({
      providers: [{ tier: 1 }, { tier: 1 }, { tier: 2 }, { backup: true, tier: 1 }],
    });
    const film = system.addCold({ size: 10 * PART, partSize: PART });
    const third = film.posted.idOf(3);
    const order: number[] = [];
    system.servers.forEach((server, index) => {
      server.counters.reset();
      server.behave({
        faults: (id) => {
          if (id === third) order.push(index);
          return id === third ? "missing" : undefined;
        },
      });
    });
    const answer = await system.get(film.path, bytes(2 * PART, 2 * PART + 10));
    expect(answer.status).toBe(502);
    expect(answer.body.toString()).toContain("missing");
    expect([...order.slice(0, 2)].sort()).toEqual([0, 1]);
    expect(order.slice(2)).toEqual([2, 3]);
  });

  test("I3 missing is final: the next tier has it, and is asked for it exactly once", async () => {
    await using system = await startSystem({ providers: [{ tier: 1 }, { tier: 2 }] });
    const film = system.addCold({ size: 10 * PART, partSize: PART });
    for (const { counters } of system.servers) counters.reset();
    serverOf(system, 0).behave({ faults: () => "missing" });
    const answer = await system.get(film.path);
    expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
    expect([0, 1].map((index) => bodiesOf(system, index))).toEqual([Array(10).fill(1), Array(10).fill(1)]);
  });
});

describe("what fails", () => {
  test("I6 bounded retry: a segment that always fails costs two wire calls per provider, whoever reads it", async () => {
    await using system = await startSystem({ providers: [{ tier: 1 }, { tier: 2 }] });
    const film = system.addCold({ size: 5 * PART, partSize: PART });
    const second = film.posted.idOf(2) as string;
    for (const server of system.servers) {
      server.counters.reset();
      server.behave({ faults: (id) => (id === second ? "closeInsteadOfReply" : undefined) });
    }
    using gate = serverOf(system).hold(second);
    const reading = Array.from({ length: 5 }, () => system.get(film.path, bytes(PART, PART + 10)));
    await until(() => system.app.reader.activeReads === 5);
    gate.open();
    for (const { status, headers } of await Promise.all(reading)) {
      expect(status).toBe(503);
      expect(Number(headers["retry-after"])).toBeGreaterThan(0);
    }
    expect(system.servers.map(({ counters }) => counters.bodies.get(second))).toEqual([2, 2]);
  });

  test("I6 desynchronised retry: 30 readers ask again between 50 and 150 ms later, with a coefficient of variation of 0.1 or more", async () => {
    const clock = new ManualClock();
    await using system = await startSystem({ clock, providers: [{ connections: 30, pipeline: 1 }] });
    const film = system.addCold({ size: 30 * PART, partSize: PART });
    const server = serverOf(system);
    server.behave({ unsupported: ["BODY"] });
    using log = watchCommands(server, () => clock.now());
    const answers = Promise.all(readers(system, film, 30));
    // All have failed when their pauses have begun: time stands still until then.
    const asked = (from = 0) => log.filter(({ verb }) => verb === "BODY").slice(from);
    await until(() => asked().length === 30);
    await moment();
    const failedAt = clock.now();
    clock.advance(49);
    await moment();
    expect(asked(30)).toEqual([]);
    for (let passed = 49; passed < 150; ) {
      const step = Math.min(5, 150 - passed);
      clock.advance(step);
      passed += step;
      await moment();
    }
    await until(() => asked(30).length === 30);
    const delays = asked(30).map(({ at }) => at - failedAt);
    const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
    const deviation = Math.sqrt(delays.reduce((sum, delay) => sum + (delay - mean) ** 2, 0) / delays.length);
    expect(deviation / mean).toBeGreaterThanOrEqual(0.1);
    for (const { status } of await whileTimePasses(clock, answers)) expect(status).toBe(503);
    // Two calls for each, and then no more.
    expect(asked().length).toBe(60);
  });

  test("I6 bounded retry: after a timeout the article is asked for at once, on another connection", async () => {
    await using world = await startFilm({ articles: 3, providers: [{ timeoutMs: 2_000 }] });
    const { system, film, clock } = world;
    const server = serverOf(system);
    // Two connections are open: nothing has to be waited for but the verdict.
    const gate = holdBodies(system);
    const warming = [1, 2].map((part) => system.get(film.path, bytes(part * PART, part * PART + 10)));
    await gate.arrived(2);
    gate.open();
    await Promise.all(warming);
    server.behave({ faults: (_id, timesAsked) => (timesAsked === 0 ? "hangInsteadOfReply" : undefined) });
    using log = watchCommands(server, () => clock.now());
    const reading = system.get(film.path, bytes(0, 10));
    const bodies = () => log.filter(({ verb }) => verb === "BODY");
    await until(() => bodies().length === 1);
    while (bodies().length === 1) {
      clock.advance(25);
      await moment();
    }
    const [first, second] = bodies();
    expect(second?.connection).not.toBe(first?.connection);
    // Who is silent for two seconds is found out within another one, if nobody else was asked before; a pause of 50 ms would come on top.
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeLessThan(3_050);
    expect((await whileTimePasses(clock, reading)).body.equals(film.content.read(0, 10))).toBe(true);
    expect(bodies()).toHaveLength(2);
  });
});

describe("what is wrong", () => {
  test.each(["corrupt", "truncate", "overlong", "wrongBegin", "closeMidBody"] as const)(
    "I14 nothing unverified is kept: an article with fault %s is fetched from another provider, moves no later byte and never enters the cache",
    async (fault) => {
      await using system = await startSystem({ providers: [{}, {}] });
      const film = system.addCold({ size: 20 * PART, partSize: PART });
      const ids = idsOf(film);
      const bad = new Set(ids.filter((_, index) => index % 3 === 1));
      for (const { counters } of system.servers) counters.reset();
      serverOf(system, 0).behave({ faults: (id) => (bad.has(id) ? fault : undefined) });
      // A client that asks again for what was broken off ends up with exactly the file.
      const parts: Buffer[] = [];
      let at = 0;
      for (let tries = 0; at < film.size && tries < 30; tries += 1) {
        const { body } = await system.get(film.path, bytes(at));
        parts.push(body);
        at += body.length;
      }
      expect(Buffer.concat(parts).equals(film.content.read(0, film.size))).toBe(true);
      const before = [0, 1].map((index) => fetched(system, index));
      // What is in the cache now is what was posted.
      const again = await system.get(film.path);
      expect(again.status).toBe(200);
      expect(again.body.equals(film.content.read(0, film.size))).toBe(true);
      expect([0, 1].map((index) => fetched(system, index))).toEqual(before);
      if (fault === "closeMidBody") return;
      // A wrong copy is no reason to ask its provider again while another has a right one.
      expect(bodiesOf(system, 0)).toEqual(Array(20).fill(1));
      expect([...serverOf(system, 1).counters.bodies.keys()].sort()).toEqual([...bad].sort());
      expect(bodiesOf(system, 1)).toEqual(Array(bad.size).fill(1));
    },
  );

  test("I14 nothing unverified is kept: wrong everywhere is an error, however often it is asked for, and right again when it is right", async () => {
    await using world = await startFilm({ articles: 3 });
    const { system, film, clock } = world;
    const second = film.posted.idOf(2);
    serverOf(system).behave({ faults: (id) => (id === second ? "corrupt" : undefined) });
    for (let round = 0; round < 2; round += 1) {
      const answer = await whileTimePasses(clock, system.get(film.path, bytes(2 * PART - 10, 2 * PART)));
      expect(answer.status).toBe(502);
    }
    serverOf(system).behave({ faults: () => undefined });
    // What nobody had is not asked for again at once.
    clock.advance(HOUR);
    const answer = await system.get(film.path);
    expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
  });
});

describe("who is silent, and who comes back", () => {
  const away: readonly (readonly [string, Partial<Behaviour>])[] = [
    ["hangs", { faults: () => "hangInsteadOfReply" }],
    ["stops in the middle", { faults: () => "stall" }],
    ["refuses connections", { maxConnections: 0, refusal: "502 access denied" }],
    ["refuses the login", { loginRefusal: "481 authentication failed" }],
    ["is closing", { maxConnections: 0, refusal: "400 service discontinued" }],
    ["says nothing", { greetingFault: "hangBeforeGreeting" }],
  ];

  test.each(away)(
    "I15 silence is not absence: one provider %s, the other says 430; the article is unknown and nothing is marked, filled or deleted",
    async (what, behaviour) => {
      const clock = new ManualClock();
      const login = { username: "u", password: "p", timeoutMs: 2_000 };
      await using system = await startSystem({ clock, providers: [login, {}] });
      const film = system.addCold({ size: 2 * PART, partSize: PART });
      const [silent, honest] = [serverOf(system, 0), serverOf(system, 1)];
      const listed = await listing(system, film);
      silent.behave(behaviour);
      silent.drop("all");
      honest.behave({ faults: () => "missing" });
      const answer = await whileTimePasses(clock, system.get(film.path, bytes(PART - 10, PART)));
      expect(answer.status).toBe(503);
      expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
      const { signal } = new AbortController();
      const asking = system.app.pool.stat(film.posted.idOf(1) as MessageId, { urgency: { lane: "health" }, signal });
      // Who stops in the middle of bodies still says that there is one.
      expect(await whileTimePasses(clock, asking)).toBe(what === "stops in the middle" ? "present" : "unknown");
      expect(await listing(system, film)).toBe(listed);
      silent.behave({
        faults: () => undefined,
        maxConnections: 100,
        loginRefusal: undefined,
        greetingFault: undefined,
      });
      clock.advance(HOUR);
      const whole = await whileTimePasses(clock, system.get(film.path));
      expect(whole.body.equals(film.content.read(0, film.size))).toBe(true);
    },
  );

  test.each(away.filter(([what]) => !/hangs|middle/.test(what)))(
    "I16 providers come back: one that %s is tried again with back-off, and used again without a restart",
    async (_what, behaviour) => {
      const clock = new ManualClock();
      const login = { username: "u", password: "p", timeoutMs: 2_000 };
      await using system = await startSystem({ clock, providers: [login] });
      const film = system.addCold({ size: 2 * PART, partSize: PART });
      const server = serverOf(system);
      server.behave(behaviour);
      server.drop("all");
      server.counters.reset();
      const refused = await whileTimePasses(clock, system.get(film.path));
      expect(refused.status).toBe(503);
      expect(system.app.pool.snapshot()[0]).toMatchObject({ state: "backing-off", reason: expect.any(String) });
      // Nobody knocks ten times a second at a closed door.
      const knocks = server.counters.connectionsEver;
      expect(knocks).toBeLessThanOrEqual(20);
      const asking = Array.from({ length: 10 }, () => system.client().ask(film.path));
      await moment();
      expect(server.counters.connectionsEver).toBeLessThanOrEqual(knocks + 1);
      for (const { leave } of asking) leave();
      server.behave({ maxConnections: 100, loginRefusal: undefined, greetingFault: undefined });
      // Slowly enough for a busy machine to connect before the connection's time is up; if it is not, the next back-off ends as well.
      let answer = await system.get(film.path, {}, "HEAD");
      for (let tries = 0; tries < 4 && answer.body.length === 0; tries += 1) {
        clock.advance(HOUR);
        answer = await whileTimePasses(clock, system.get(film.path), 5);
        if (answer.status !== 200) answer = { ...answer, body: Buffer.alloc(0) };
      }
      expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
      expect(system.app.pool.snapshot()[0]).toMatchObject({ state: "ready" });
    },
  );

  test("I16 providers come back: who asks while a back-off is about to end is kept waiting, not refused", async () => {
    await using system = await startSystem();
    const film = system.addCold({ size: 2 * PART, partSize: PART });
    serverOf(system).behave({ greetingFault: "closeBeforeGreeting" });
    serverOf(system).drop("all");
    const reading = system.get(film.path);
    await until(() => system.app.pool.snapshot()[0]?.state === "backing-off");
    serverOf(system).behave({ greetingFault: undefined });
    expect((await reading).status).toBe(200);
    expect((await system.get(film.path)).status).toBe(200);
  });

  test("I16 providers come back: connections that drop in the middle of a film cost the viewer nothing", async () => {
    await using system = await startSystem();
    const film = system.addCold({ size: 40 * PART, partSize: PART });
    const server = serverOf(system);
    server.counters.reset();
    using gate = server.hold(film.posted.idOf(20), { afterBytes: 30_000 });
    const reading = system.get(film.path);
    await gate.arrived();
    server.drop("all");
    gate.open();
    const answer = await reading;
    expect(answer.status).toBe(200);
    expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
    expect(Math.max(...bodiesOf(system))).toBeLessThanOrEqual(2);
  });
});

describe("how it is told", () => {
  test("I24 errors are honest: before the first byte an error is told, after it the transfer is broken off and never ends as if complete", async () => {
    await using system = await startSystem();
    const film = system.addCold({ size: 10 * PART, partSize: PART });
    const fifth = film.posted.idOf(5);
    serverOf(system).behave({ faults: (id) => (id === fifth ? "missing" : undefined) });
    const atOnce = await system.get(film.path, bytes(4 * PART));
    expect(atOnce.status).toBe(502);
    expect(atOnce.body.toString()).toContain("missing");
    const later = await system.get(film.path);
    expect(later.status).toBe(200);
    expect(later.headers["content-length"]).toBe(String(film.size));
    expect(later.isBroken).toBe(true);
    expect(later.body.equals(film.content.read(0, 4 * PART))).toBe(true);
    // The file exists all the same.
    expect((await system.get(film.path, {}, "HEAD")).status).toBe(200);
  });

  test("I24 errors are honest: a bad last part never makes a whole file, since its end is held back until the checksum is known", async () => {
    await using system = await startSystem();
    const film = system.addCold({ size: 3 * PART, partSize: PART });
    const last = film.posted.idOf(3);
    serverOf(system).behave({ faults: (id) => (id === last ? "corrupt" : undefined) });
    const answer = await system.get(film.path);
    expect(answer.isBroken).toBe(true);
    expect(answer.body.length).toBeLessThanOrEqual(film.size - 16 * 1024);
  });

  test("I24 errors are honest: no provider at all is 503 with Retry-After, never 404", async () => {
    const clock = new ManualClock();
    await using system = await startSystem({ clock });
    const film = system.addCold({ size: 2 * PART, partSize: PART });
    await serverOf(system).close();
    const answer = await whileTimePasses(clock, system.get(film.path));
    expect(answer.status).toBe(503);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
  });
});

/** What a client sees of the film without reading it. */
async function listing(system: System, film: Film): Promise<string> {
  const answer = await system.get(film.path, { Depth: "0" }, "PROPFIND");
  expect(answer.status).toBe(207);
  return answer.body.toString();
}
