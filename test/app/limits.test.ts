import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type App, startApp } from "../../src/app.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { until } from "../until.ts";
import { type System, startSystem } from "./fixture.ts";
import { freshNzb } from "./posts.ts";
import { serverOf, watchCommands } from "./wire.ts";

const PART = 20_000;

/** Changes limits while the program runs; the sentence that it answers with. */
async function change(system: System, query: string): Promise<string> {
  const { status, body } = await system.get(`/api/v1/admission?${query}`, {}, "POST");
  expect(status).toBe(200);
  return (JSON.parse(body.toString()) as { words: string }).words;
}

/** Somebody has begun to watch, and does not stop. */
async function watching(): Promise<System> {
  const system = await startSystem({ providers: [{ connections: 8, pipeline: 1 }] });
  await change(system, "holdOffMs=600000&maxJobs=3&maxJobsWhileStreaming=3");
  const film = system.addCold({ size: 2 * PART, partSize: PART });
  await system.get(film.path);
  return system;
}

describe("limits that are changed while somebody watches", () => {
  test("are said at once, and imports hold no more within one body each; then they hold more again", async () => {
    await using system = await watching();
    const server = serverOf(system);
    server.counters.reset();
    const hold = () => server.hold(({ verb, id }) => verb === "BODY" && id?.startsWith("later") === true);
    using first = hold();
    const nzbs = [1, 2, 3].map((number) => freshNzb(system, `later${number}-`, 10));
    const jobs = await Promise.all(nzbs.map((nzb, number) => system.submit(`Later ${number}`, nzb)));
    await first.arrived(6);
    const words = await change(system, "perStreamConnections=6");
    expect(words).toMatch(/^1 stream active: imports hold 2 of 8 connections/);
    expect(server.counters.bodiesInFlight).toBe(6);

    using second = hold();
    first.open();
    await second.arrived(2);
    await until(() => server.counters.bodiesInFlight === 2);
    expect(second.waiting).toBe(2);
    expect(system.app.pool.waiting).toBeGreaterThan(0);

    expect(await change(system, "perStreamConnections=3")).toMatch(/imports hold 5 of 8/);
    await second.arrived(5);
    expect(second.waiting).toBe(5);
    second.open();
    for (const job of jobs) expect(await system.ended(job)).toMatchObject({ state: "completed" });
    expect(server.counters.bodiesInFlightMax).toBe(6);
    const lines = system.logged.filter(({ fields }) => "perStreamConnections" in fields);
    expect(lines.map(({ message }) => message)).toEqual([words, expect.stringMatching(/imports hold 5 of 8/)]);
  });

  test("let waiting jobs start, or keep the next ones back", async () => {
    await using system = await watching();
    await change(system, "maxJobsWhileStreaming=0");
    const job = await system.submit("Later", freshNzb(system, "later", 1));
    const { body } = await system.get("/api/v1/admission");
    expect(JSON.parse(body.toString())).toMatchObject({
      jobs: { running: 0, waiting: 1, limit: 0 },
      words: "1 stream active: imports hold 6 of 8 connections, 1 job waits; they resume 600 s after playback",
    });
    await change(system, "maxJobsWhileStreaming=1");
    expect(await system.ended(job)).toMatchObject({ state: "completed" });
  });
});

describe("everything that imports and checks ask of a news server", () => {
  test("holds no connection with floor 0, exactly one with floor 1, and ends well", async () => {
    await using system = await watching();
    const film = system.addCold({ size: 1_000_000, partSize: 100_000 });
    await change(system, "floor=0&perStreamConnections=500");
    const server = serverOf(system);
    server.counters.reset();
    using log = watchCommands(server);

    const job = await system.submit("Later", freshNzb(system, "later", 3));
    const verify = system.get("/api/v1/verify?path=/library", {}, "POST");
    const speed = () => system.get("/api/v1/providers/p0/speedtest?force=1&limit=300KiB", {}, "POST");
    // 12 STATs for the articles of two films, a first and a last body of each of the import's files.
    await until(() => system.app.pool.waiting >= 18);
    // It could do nothing but wait, and a person waits for it.
    const refused = await speed();
    expect(refused.status).toBe(409);
    expect(JSON.parse(refused.body.toString())).toMatchObject({
      error: {
        message: expect.stringMatching(/^playback has all connections \(1 stream active: imports hold 0 of 8 /),
      },
    });
    expect((await system.get(film.path, { Range: "bytes=0-99" })).status).toBe(206);
    const [seen] = film.posted.segments;
    const others = () => log.filter(({ id }) => id !== seen?.id);
    expect(others()).toEqual([]);

    await change(system, "floor=1");
    const speedLines = speed();
    expect(await system.ended(job)).toMatchObject({ state: "completed" });
    expect((await verify).body.toString()).toContain('"verdict":"healthy"');
    expect((await speedLines).body.toString()).toContain('"kind":"report"');
    expect(server.counters.bodiesInFlightMax).toBe(1);
    expect(new Set(others().map(({ connection }) => connection)).size).toBe(1);
  });
});

test("limits that were changed are those of the next start", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "newsreel-test-"));
  const start = () => {
    const config = loadConfig({ env: {}, cwd: dataDir, overrides: { host: "127.0.0.1", port: 0, dataDir } });
    return startApp({ config, secrets: { password: "secret", apiKey: "key" }, log: silentLogger });
  };
  const ask = async (app: App, query: string, method: string) => {
    const response = await fetch(`${app.url}/api/v1/admission${query}`, { method, headers: { "x-api-key": "key" } });
    return (await response.json()) as object;
  };
  const expected = {
    jobs: { limit: 5 },
    settings: expect.arrayContaining([expect.objectContaining({ name: "floor", value: 0 })]),
  };
  try {
    {
      await using app = await start();
      expect(await ask(app, "?maxJobs=5&floor=0", "POST")).toMatchObject(expected);
    }
    await using app = await start();
    expect(await ask(app, "", "GET")).toMatchObject(expected);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
