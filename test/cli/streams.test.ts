import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type ApiServer, json, startApiServer } from "./api-server.ts";
import { run } from "./run.ts";

let server: ApiServer;
beforeEach(async () => {
  server = await startApiServer();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const STREAM = {
  path: "/library/movies/Film/film.mkv",
  client: "10.0.0.1",
  userAgent: "Kodi/21.0 (Linux)",
  class: "play",
  startedAt: Date.UTC(2026, 0, 1, 12),
  endedAt: null,
  requests: 3,
  openRequests: 1,
  failures: 0,
  position: 1_230_000_000,
  size: 4_100_000_000,
  bytes: 1_250_000_000,
  bytesPerSecond: 5_240_000,
  lastByteAt: Date.UTC(2026, 0, 1, 12, 4),
  firstByteMs: 38.4,
  paused: false,
  phases: { permit: 0, connection: 2110, firstByte: 900, body: 450, decode: 60, send: 312_000 },
  stalls: {
    count: 1,
    totalMs: 2100,
    last: [
      {
        at: Date.UTC(2026, 0, 1, 12, 3, 5),
        position: 1_200_000_000,
        durationMs: 2100,
        cause: "waited 2.1 s for a connection: none was free",
      },
    ],
  },
};

const QUIET = { ...STREAM, stalls: { count: 0, totalMs: 0, last: [] } };

function answer(streams: readonly object[], recent: readonly object[] = []): void {
  server.on("GET /api/v1/streams", (_, res) => json(res, { streams, recent }));
}

function newsreel(...args: readonly string[]) {
  return run(["streams", ...args, "--url", server.url, "--user", "me:secret"]);
}

describe("newsreel streams", () => {
  test("shows who reads what, where the time went, and the stalls with their causes", async () => {
    const ended = { ...QUIET, client: "192.168.100.200", endedAt: Date.UTC(2026, 0, 1, 11, 50), openRequests: 0 };
    answer(
      [STREAM],
      [{ ...ended, class: "scan", bytes: 512, position: 512, firstByteMs: null, failures: 2, userAgent: "" }],
    );
    const { code, stdout, stderr } = await newsreel();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      "CLIENT    CLASS  STATE  RATE      AT    OF      FIRST BYTE  STALLS     FILE",
      "10.0.0.1  play   reads  5.2 MB/s  30 %  4.1 GB  38 ms       1 (2.1 s)  /library/movies/Film/film.mkv",
      "  Kodi/21.0 (Linux), 3 requests",
      "  waited for memory 0.0 s, connection 2.1 s, first byte 0.9 s, body 0.5 s, client 312.0 s; decoded for 0.1 s",
      "  12:03:05  stalled 2.1 s at 1.2 GB: waited 2.1 s for a connection: none was free",
      "",
      "ended lately:",
      "CLIENT           CLASS  STATE           RATE        AT   OF      FIRST BYTE  STALLS  FILE",
      "192.168.100.200  scan   ended 11:50:00  512 B read  0 %  4.1 GB  none        0       /library/movies/Film/film.mkv",
      "  no user agent, 3 requests, 2 failed",
      "  waited for memory 0.0 s, connection 2.1 s, first byte 0.9 s, body 0.5 s, client 312.0 s; decoded for 0.1 s",
      "",
    ]);
    expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(["GET /api/v1/streams"]);
  });

  test.each([
    ["reads", {}],
    ["paused", { paused: true }],
    ["hold-off", { openRequests: 0 }],
  ])("calls a stream's state %s", async (state, change) => {
    answer([{ ...QUIET, ...change }]);
    expect((await newsreel()).stdout.split("\n")[1]).toContain(`play   ${state}  `);
  });

  test("says so when nobody reads", async () => {
    answer([]);
    expect(await newsreel()).toMatchObject({ code: 0, stdout: "nothing is being read\n" });
  });

  test("--json gives the server's answer as it is", async () => {
    answer([STREAM], [QUIET]);
    const { code, stdout } = await newsreel("--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ streams: [STREAM], recent: [QUIET] });
  });

  test("what clients call themselves moves no cursor", async () => {
    answer([{ ...QUIET, userAgent: "evil\u001b[2J\u202e", path: "/library/a\u0007.mkv" }]);
    expect((await newsreel()).stdout).toMatch(/^[\x20-\x7e\n]+$/);
  });

  test("--watch shows it again, until it is stopped", async () => {
    const stop = new AbortController();
    let asked = 0;
    server.on("GET /api/v1/streams", (_, res) => {
      asked += 1;
      if (asked === 2) stop.abort();
      else json(res, { streams: [], recent: [] });
    });
    const args = ["streams", "--watch", "--url", server.url, "--user", "me:secret"];
    expect(await run(args, { signal: stop.signal })).toMatchObject({
      code: 130,
      stdout: "\u001b[H\u001b[Jnothing is being read\n",
    });
    expect(asked).toBe(2);
  });

  test("ends with what stood in the way", async () => {
    server.on("GET /api/v1/streams", (_, res) =>
      json(
        res,
        { error: { code: "UNAUTHORIZED", message: "this call needs the API key or a login", hint: null } },
        401,
      ),
    );
    expect(await newsreel()).toMatchObject({
      code: 1,
      stderr: "newsreel: streams: this call needs the API key or a login\n",
    });
    expect((await run(["streams", "--url", "http://127.0.0.1:1", "--user", "a:b"])).code).toBe(3);
    expect((await newsreel("all")).code).toBe(2);
    server.on("GET /api/v1/streams", (_, res) => json(res, { streams: [{}] }));
    expect(await newsreel()).toMatchObject({ code: 1, stdout: "" });
  });
});
