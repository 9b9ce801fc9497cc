import { once } from "node:events";
import { request } from "node:http";
import { describe, expect, test } from "@jest/globals";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { SpeedEvent, SpeedReport } from "../../src/health/speed-test-events.ts";
import { startNewsServer } from "../../src/newsserver/news-server.ts";
import { run } from "../cli/run.ts";
import { until } from "../until.ts";
import { type ProviderWish, type System, startSystem } from "./fixture.ts";

const PART = 40_000;
const ARTICLES = 1_000;
const HASTE = 20;
/** Quick enough that what is under way when a step ends comes in whole, slow enough that no machine is the bottleneck. */
const SLOW = { bytesPerSecond: 1_000_000 };

/** The product's time, so much quicker than that of its news servers: what takes three seconds is over in 150 ms. */
const hastyClock: Clock = {
  now: () => systemClock.now() * HASTE,
  wall: () => systemClock.wall(),
  after: (ms, call) => systemClock.after(ms / HASTE, call),
  every: (ms, call) => systemClock.every(ms / HASTE, call),
};

async function startWithLibrary(...providers: readonly ProviderWish[]) {
  const system = await startSystem({ clock: hastyClock, providers });
  const film = await system.addPattern({ size: ARTICLES * PART, partSize: PART });
  for (const server of system.servers) server.counters.reset();
  return { system, film, [Symbol.asyncDispose]: () => system[Symbol.asyncDispose]() };
}

const named = (name: string, query = "") => `api/v1/providers/${name}/speedtest${query}`;

/** A call whose lines are told as they come; `leave` hangs up. */
function call(system: System, path: string, body?: object) {
  const lines: (SpeedEvent | { readonly error: { readonly code: string } })[] = [];
  const headers = { "x-api-key": "key", ...(body === undefined ? {} : { "content-type": "application/json" }) };
  const outgoing = request(new URL(path, `${system.app.url}/`), { method: "POST", headers, agent: false });
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  const ended = (async () => {
    const [response] = await once(outgoing, "response");
    let rest = "";
    for await (const chunk of response) {
      const whole = (rest + chunk).split("\n");
      rest = whole.pop() as string;
      for (const line of whole) lines.push(JSON.parse(line));
    }
    return response.statusCode as number;
  })();
  ended.catch(() => {});
  return { lines, ended, leave: () => outgoing.destroy() };
}

type Call = ReturnType<typeof call>;

const reportOf = ({ lines }: Call) =>
  lines.find((line): line is SpeedReport => "kind" in line && line.kind === "report") as SpeedReport;
const has = ({ lines }: Call, kind: SpeedEvent["kind"]) => lines.some((line) => "kind" in line && line.kind === kind);

describe("a speed test, through HTTP", () => {
  test("I11: five at once of one provider open no connection beyond its limit, and are one measurement", async () => {
    await using world = await startWithLibrary({ connections: 8, behaviour: SLOW });
    const { system } = world;
    const [server] = system.servers;
    const cached = system.app.cache.stats();
    const calls = Array.from({ length: 5 }, () => call(system, named("p0")));
    expect(await Promise.all(calls.map(({ ended }) => ended))).toEqual(Array(5).fill(200));
    const report = reportOf(calls[0] as Call);
    expect(report.ended).toBe("complete");
    for (const one of calls) expect(reportOf(one)).toEqual(report);

    const steps = report.steps.map(({ connections, depth }) => `${connections}x${depth}`);
    expect(steps.slice(0, 2)).toEqual(["1x2", "2x2"]);
    expect(new Set(steps).size).toBe(steps.length);
    expect(server?.counters.connectionsMax).toBeGreaterThanOrEqual(2);
    expect(server?.counters.connectionsMax).toBeLessThanOrEqual(8);
    expect(server?.counters.bodiesInFlightMax).toBeLessThanOrEqual(8 * 4);
    expect(Math.max(...(server?.counters.bodies.values() ?? []))).toBe(1);
    // What was measured is not kept.
    expect(system.app.cache.stats()).toEqual(cached);
    expect(system.app.pool.waiting).toBe(0);
  });

  test("a step has no more under way than it says, and a small limit ends within the first one", async () => {
    await using world = await startWithLibrary({ connections: 8, behaviour: SLOW });
    const one = call(world.system, named("p0", `?limit=${3.5 * PART}`));
    expect(await one.ended).toBe(200);
    expect(reportOf(one)).toMatchObject({ ended: "volume", connections: 1, depth: 2, steps: [{ articles: 3 }] });
    const counters = world.system.servers[0]?.counters;
    expect([counters?.bodiesInFlightMax, counters?.bodies.size]).toEqual([2, 3]);
  });

  test("all may leave: nothing more is asked for, and what was under way ends", async () => {
    await using world = await startWithLibrary({ connections: 4, behaviour: SLOW });
    const { system } = world;
    const [server] = system.servers;
    const calls = Array.from({ length: 3 }, () => call(system, named("p0")));
    await until(() => calls.every((one) => has(one, "progress")));
    calls[0]?.leave();
    calls[1]?.leave();
    await until(() => has(calls[2] as Call, "step"));
    calls[2]?.leave();
    await until(() => server?.counters.bodiesInFlight === 0 && system.app.pool.waiting === 0);
    const asked = server?.counters.bodies.size;
    const again = call(system, named("p0", "?limit=1MiB"));
    expect(await again.ended).toBe(200);
    expect(reportOf(again).usedBytes).toBeLessThanOrEqual(2 ** 20);
    expect((server?.counters.bodies.size ?? 0) - (asked ?? 0)).toBeLessThanOrEqual(2 ** 20 / PART);
  });

  test("gives way to playback: refused while somebody watches, ended when somebody begins, shared when it is wished", async () => {
    await using world = await startWithLibrary({ connections: 4, behaviour: SLOW });
    const { system, film } = world;
    const watched = () => system.get(film.path, { Range: "bytes=0-1999999" });
    const running = call(system, named("p0"));
    await until(() => has(running, "step"));
    expect((await watched()).status).toBe(206);
    await running.ended;
    expect(reportOf(running)).toMatchObject({ ended: "playback", notes: [expect.stringContaining("playback")] });

    await watched();
    const refused = call(system, named("p0"));
    expect(await refused.ended).toBe(409);
    await watched();
    const shared = call(system, named("p0", "?force=1&limit=1MiB"));
    expect(await shared.ended).toBe(200);
    expect(reportOf(shared).notes).toContain("1 stream was active: the figures are too low");
  });

  test("a library without articles is told what to do", async () => {
    await using system = await startSystem();
    const one = await system.client().get("/api/v1/providers/p0/speedtest", {}, "POST");
    expect([one.status, JSON.parse(one.body.toString())]).toMatchObject([
      409,
      { error: { code: "CONFLICT", hint: "import something first" } },
    ]);
  });

  test.each([
    ["stalls", "stall", "PROVIDER_TIMEOUT"],
    ["never answers", "hangInsteadOfReply", "PROVIDER_TIMEOUT"],
    ["hangs up", "closeInsteadOfReply", "PROVIDER_UNREACHABLE"],
    ["has nothing", "missing", "ARTICLE_MISSING"],
    ["sends wrong articles", "corrupt", "ARTICLE_CORRUPT"],
  ] as const)("a provider that %s ends it with the reason", async (_, fault, code) => {
    await using world = await startWithLibrary({ connections: 4 });
    const { system } = world;
    system.servers[0]?.behave({ faults: () => fault });
    const one = call(system, named("p0"));
    await one.ended;
    expect(one.lines.at(-1)).toMatchObject({ error: { code } });
    await until(
      () => system.servers[0]?.counters.bodiesInFlight === 0 || fault === "hangInsteadOfReply" || fault === "stall",
    );
    expect(system.app.pool.waiting).toBe(0);
  });
});

describe("a speed test of a provider that is not configured", () => {
  /** A system, and a news server with its articles that it knows nothing of. */
  async function startWithStranger() {
    const world = await startWithLibrary({});
    const { store } = world.system;
    const stranger = await startNewsServer({ store, behaviour: SLOW });
    const guest = {
      host: "127.0.0.1",
      port: stranger.port,
      tls: false,
      connections: 3,
      username: "me",
      password: "hunter2",
    };
    return {
      ...world,
      stranger,
      guest,
      async [Symbol.asyncDispose]() {
        await world[Symbol.asyncDispose]();
        await stranger.close();
      },
    };
  }

  test("uses a client of its own, within the limit, and the same one the next time", async () => {
    await using world = await startWithStranger();
    const { system, stranger, guest } = world;
    const path = "api/v1/providers/speedtest";
    const calls = Array.from({ length: 3 }, () => call(system, path, guest));
    await Promise.all(calls.map(({ ended }) => ended));
    expect(reportOf(calls[0] as Call)).toMatchObject({ ended: "complete", provider: "127.0.0.1" });
    for (const one of calls) expect(reportOf(one)).toEqual(reportOf(calls[0] as Call));
    expect(stranger.counters.connectionsMax).toBeLessThanOrEqual(3);
    expect(Math.max(...stranger.counters.bodies.values())).toBe(1);
    expect(system.servers[0]?.counters.bodies.size).toBe(0);

    const ever = stranger.counters.connectionsEver;
    await call(system, `${path}?limit=1MiB`, guest).ended;
    expect(stranger.counters.connectionsEver).toBe(ever);
    expect(system.app.pool.snapshot()).toHaveLength(1);
  });

  test("never shows its password, even where the server repeats it", async () => {
    await using world = await startWithStranger();
    const { system, stranger, guest } = world;
    stranger.behave({ loginRefusal: "481 me may not log in with hunter2" });
    const one = call(system, "api/v1/providers/speedtest", guest);
    await one.ended;
    expect(one.lines.at(-1)).toMatchObject({ error: { code: "PROVIDER_AUTH" } });
    expect(JSON.stringify([one.lines, system.logged])).not.toContain("hunter2");
  });

  test("its account is not used beyond what is configured when it is one that is", async () => {
    await using world = await startWithLibrary({ connections: 2, behaviour: SLOW });
    const { system } = world;
    const port = system.servers[0]?.port;
    const one = call(system, "api/v1/providers/speedtest", { host: "127.0.0.1", port, tls: false, connections: 50 });
    await one.ended;
    expect(reportOf(one)).toMatchObject({ provider: "p0", ended: "complete" });
    expect(system.servers[0]?.counters.connectionsMax).toBeLessThanOrEqual(2);
  });
});

describe("newsreel provider speed, against the server", () => {
  test("prints what it found", async () => {
    await using world = await startWithLibrary({ connections: 2, behaviour: SLOW });
    const url = new URL(world.system.app.url);
    url.username = "tester";
    url.password = "secret";
    const io = { cwd: world.system.dataDir, env: { NEWSREEL_URL: url.href } };
    const { code, stdout, stderr } = await run(["provider", "speed", "p0", "--limit", "256MiB"], io);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^p0: the test may use up to 269 MB of the account's volume\n/);
    expect(stdout).toMatch(/^p0: .* at depth \d reach(es)? \d.* [kM]B\/s; /m);
    expect(stdout).toMatch(/^p0: \d+ MB of the account's volume used\n$/m);
  });
});
