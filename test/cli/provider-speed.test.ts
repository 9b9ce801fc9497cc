import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type ApiServer, json, startApiServer } from "./api-server.ts";
import { run } from "./run.ts";

let server: ApiServer;
beforeEach(async () => {
  server = await startApiServer();
  server.on("GET /api/v1/providers", (_, res) => json(res, { providers: [{ id: "main" }, { id: "my fill" }] }));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

function speed(...args: readonly string[]) {
  return run(["provider", "speed", ...args, "--url", server.url, "--user", "me:secret"]);
}

function answer(name: string, ...lines: readonly object[]): void {
  server.on(`POST /api/v1/providers/${encodeURIComponent(name)}/speedtest`, (_, res) => {
    res.writeHead(200, { "content-type": "application/x-ndjson" });
    res.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  });
}

const start = {
  kind: "start",
  provider: "main",
  connections: 20,
  limitBytes: 2 ** 30,
  words: "the test may use up to 1.07 GB",
};
const step = {
  connections: 1,
  depth: 2,
  bytesPerSecond: 10_100_000,
  firstByteMs: 45.4,
  articles: 40,
  missing: 0,
  corrupt: 0,
  failed: 0,
};
const report = {
  kind: "report",
  provider: "main",
  ended: "complete",
  roundTripMs: 21.3,
  steps: [step, { ...step, connections: 12, bytesPerSecond: 118_000_000, firstByteMs: null }],
  connections: 12,
  depth: 2,
  bytesPerSecond: 118_000_000,
  words: "12 connections at depth 2 reach 118 MB/s; more gain less than 5 %",
  notes: ["2 streams were active: the figures are too low"],
  usedBytes: 512_000_000,
  streams: 2,
  imports: 0,
};
const away = { error: { code: "PROVIDER_UNREACHABLE", message: "news.example.com is away", hint: "look at its host" } };

describe("provider speed", () => {
  test("says what it may cost, what it found, and what it has cost", async () => {
    answer("main", start, { kind: "step", ...step }, report);
    expect(await speed("main")).toMatchObject({
      code: 0,
      stderr: "",
      stdout: [
        "main: the test may use up to 1.07 GB",
        "  connections        depth         rate   first byte",
        "            1            2      10 MB/s        45 ms",
        "           12            2     118 MB/s      unknown",
        "  round trip 21 ms",
        "main: 12 connections at depth 2 reach 118 MB/s; more gain less than 5 %",
        "main: 2 streams were active: the figures are too low",
        "main: 512 MB of the account's volume used",
        "",
      ].join("\n"),
    });
    expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "GET /api/v1/providers",
      "POST /api/v1/providers/main/speedtest",
    ]);
  });

  test("in JSON, every event is a line", async () => {
    answer("main", start, report);
    const { stdout } = await speed("main", "--json");
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([start, report]);
  });

  test("measures all providers of the server in turn, also after one that cannot be used, and is 3 then", async () => {
    answer("main", start, away);
    answer("my fill", report);
    const { code, stdout, stderr } = await speed();
    expect([code, stderr]).toEqual([3, ""]);
    expect(stdout).toContain("main: news.example.com is away\n  look at its host\n");
    expect(stdout).toContain("my fill: 12 connections at depth 2 reach 118 MB/s");
  });

  test("one that failed on the way is told as far as it came, and is 3", async () => {
    answer("main", { ...report, ended: "provider", notes: ["ended early: it went away"] });
    const { code, stdout } = await speed("main");
    expect(code).toBe(3);
    expect(stdout).toContain("main: ended early: it went away");
  });

  test("passes the limit and the wish to go on", async () => {
    answer("main", report);
    expect((await speed("main", "--limit", "256MiB", "--while-streaming")).code).toBe(0);
    expect(server.seen.at(-1)?.url).toBe("/api/v1/providers/main/speedtest?limit=256MiB&force=1");
  });

  test("a refusal is told with its hint", async () => {
    const error = { code: "CONFLICT", message: "2 streams are active: playback comes first", hint: "try again later" };
    server.on("POST /api/v1/providers/main/speedtest", (_, res) => json(res, { error }, 409));
    expect(await speed("main")).toMatchObject({
      code: 1,
      stderr: "newsreel: main: 2 streams are active: playback comes first\n  try again later\n",
    });
  });

  test("names what is meant when the server has no such provider", async () => {
    expect(await speed("mian")).toMatchObject({ code: 2, stderr: expect.stringContaining("did you mean main?") });
    server.on("GET /api/v1/providers", (_, res) => json(res, { providers: [] }));
    expect(await speed()).toMatchObject({ code: 1, stderr: expect.stringContaining("NEWSREEL_PROVIDERS") });
  });

  test.each([
    ["stops early", [start], "stopped before its report"],
    [
      "fails in an unforeseen way",
      [start, { error: { code: "INTERNAL", message: "something went wrong here" } }],
      "went wrong",
    ],
  ])("fails when the server %s", async (_, lines, message) => {
    answer("main", ...lines);
    expect(await speed("main")).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
  });

  test("is 3 when there is no server", async () => {
    await server[Symbol.asyncDispose]();
    expect((await speed("main")).code).toBe(3);
  });

  test("shows no control characters that a server sends", async () => {
    answer("main", { ...report, words: "\u001b[2Jgone" });
    expect((await speed("main")).stdout).toContain("main: ?[2Jgone");
  });
});
