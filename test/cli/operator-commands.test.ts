import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { providerCommand } from "../../src/cli/provider.ts";
import { configSchema } from "../../src/config/describe.ts";
import { type ApiServer, json, startApiServer } from "./api-server.ts";
import { run } from "./run.ts";

let server: ApiServer;
beforeEach(async () => {
  server = await startApiServer();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

function newsreel(...args: readonly string[]) {
  return run([...args, "--url", server.url, "--user", "me:secret"]);
}

describe("health", () => {
  function answerHealth(alive: number, ready: number): void {
    server.on("GET /healthz", (_, res) => json(res, { status: "ok" }, alive));
    server.on("GET /readyz", ({ headers }, res) => {
      const status = ready === 200 ? "ready" : "not ready";
      const checks = {
        catalog: { ok: true, words: "the catalog can be written" },
        providers: { ok: ready === 200, words: "no provider is configured" },
      };
      json(res, headers.authorization === undefined ? { status } : { status, checks }, ready);
    });
  }

  test("is 0 when the server is ready, and needs no login", async () => {
    answerHealth(200, 200);
    expect(await run(["health", "--url", server.url])).toMatchObject({
      code: 0,
      stdout: "ready: everything it needs is there\n",
    });
    expect(server.seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ["/healthz", undefined],
      ["/readyz", undefined],
    ]);
  });

  test("is 4 when it is alive but not ready, with the reasons for those with a login", async () => {
    answerHealth(200, 503);
    expect(await newsreel("health")).toMatchObject({ code: 4, stdout: "not ready: no provider is configured\n" });
    expect(await run(["health", "--json", "--url", server.url])).toMatchObject({
      code: 4,
      stdout: '{"status":"not ready","reason":"it answers 503"}\n',
    });
  });

  test("is 3 when something else answers", async () => {
    answerHealth(404, 200);
    expect((await newsreel("health")).code).toBe(3);
  });

  test("is 3 when nobody answers", async () => {
    const { code, stdout } = await run(["health", "--url", "http://127.0.0.1:1"]);
    expect(code).toBe(3);
    expect(stdout).toBe("unreachable: cannot reach http://127.0.0.1:1/ (ECONNREFUSED)\n");
  });

  test("asks at home where the server listens everywhere", async () => {
    answerHealth(200, 200);
    for (const env of [{}, { NEWSREEL_HOST: "127.0.0.1" }]) {
      expect((await run(["health"], { env: { NEWSREEL_PORT: String(server.port), ...env } })).code).toBe(0);
    }
  });
});

describe("verify", () => {
  const COUNTS = { checked: 10, total: 10, missing: 0, unknown: 0 };

  function answerVerify(...lines: readonly object[]): void {
    server.on("POST /api/v1/verify", (_, res) => {
      const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
      res.writeHead(200, { "content-type": "application/x-ndjson" });
      // In the middle of a line, and without a line end at the end.
      res.write(text.slice(0, 30), () => res.end(text.slice(30).trimEnd()));
    });
  }

  test.each<[string, number]>([
    ["healthy", 0],
    ["damaged", 1],
    ["unknown", 3],
  ])("a verdict of %s is exit code %d", async (verdict, exit) => {
    answerVerify({ ...COUNTS, checked: 5 }, { ...COUNTS, missing: 2, verdict });
    const { code, stdout, stderr } = await newsreel("verify", "/library/a b&c");
    expect(code).toBe(exit);
    expect(stdout).toBe(`/library/a b&c: ${verdict} (10 of 10 articles checked, 2 missing, 0 unknown)\n`);
    expect(stderr).toBe("");
    expect(server.seen[0]?.url).toBe("/api/v1/verify?path=%2Flibrary%2Fa%20b%26c");
  });

  test("names the files beneath a folder that are not healthy", async () => {
    answerVerify(
      { file: "/library/tv/b.mkv", articles: 7, missing: 2, unknown: 1 },
      { ...COUNTS, missing: 2, verdict: "damaged" },
    );
    const { stdout } = await newsreel("verify", "/library/tv");
    expect(stdout).toBe(
      "/library/tv/b.mkv: 2 of 7 articles missing, 1 unknown\n" +
        "/library/tv: damaged (10 of 10 articles checked, 2 missing, 0 unknown)\n",
    );
  });

  test("passes the lines on as JSON", async () => {
    const lines = [
      { ...COUNTS, checked: 5 },
      { ...COUNTS, verdict: "healthy" },
    ];
    answerVerify(...lines);
    const { stdout } = await newsreel("verify", "--json", "/library");
    expect(stdout).toBe(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  });

  test.each<[string, readonly object[], string]>([
    ["stops before its verdict", [COUNTS], "the server stopped before its verdict"],
    ["says nothing", [], "the server stopped before its verdict"],
    [
      "fails on the way",
      [COUNTS, { error: { code: "X", message: "the catalog is gone", hint: null } }],
      "the catalog is gone",
    ],
  ])("fails when the server %s", async (_, lines, message) => {
    answerVerify(...lines);
    const { code, stderr } = await newsreel("verify", "/library");
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  test("fails when a line is not JSON", async () => {
    server.on("POST /api/v1/verify", (_, res) => void res.writeHead(200).end("<html>\n"));
    expect((await newsreel("verify", "/library")).stderr).toContain("a line that is not JSON");
  });
});

describe("provider test", () => {
  const env = {
    NEWSREEL_PROVIDERS: JSON.stringify([
      { name: "main", host: "a", password: "hunter2" },
      { name: "fill", host: "b", port: 119 },
    ]),
  };

  /** Runs the command over a probe that lets only the first provider in. */
  async function probing(...args: readonly string[]) {
    const stdout = new PassThrough();
    const command = providerCommand(async ({ name }) =>
      name === "main"
        ? { ok: true, message: "lets us in", rttMs: 41.6 }
        : { ok: false, message: "refuses us", hint: "look at the password" },
    );
    const signal = new AbortController().signal;
    const code = await command.run(args, {
      env,
      cwd: "/nonexistent",
      stdin: Readable.from([]),
      stdout,
      stderr: stdout,
      signal,
    });
    return { code, stdout: String(stdout.read() ?? "") };
  }

  test("tries all, and is 3 when one cannot be used", async () => {
    expect(await probing("test")).toEqual({
      code: 3,
      stdout:
        "main (a:563): ok, lets us in (round trip 42 ms)\nfill (b:119): failed, refuses us\n  look at the password\n",
    });
  });

  test("tries the named one only", async () => {
    expect(await probing("test", "main", "--json")).toEqual({
      code: 0,
      stdout: '{"name":"main","ok":true,"message":"lets us in","rttMs":41.6}\n',
    });
  });

  test("names what is meant when there is no such provider", async () => {
    await expect(probing("test", "mian")).rejects.toMatchObject({ code: "USAGE", hint: "did you mean main?" });
    await expect(probing("tets")).rejects.toMatchObject({ code: "USAGE" });
  });

  test("says what to do when none is configured", async () => {
    expect(await run(["provider", "test"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("NEWSREEL_PROVIDERS"),
    });
  });

  test("connects to a real socket, logs in and never shows the password", async () => {
    const commands: string[] = [];
    const nntp = createServer((socket) => {
      socket.write("200 welcome\r\n");
      socket.on("data", (data) => {
        for (const command of data.toString().trimEnd().split("\r\n")) {
          commands.push(command);
          socket.write(
            /^AUTHINFO USER/i.test(command)
              ? "381 go on\r\n"
              : /^AUTHINFO PASS/i.test(command)
                ? "481 no\r\n"
                : "500 what\r\n",
          );
        }
      });
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => nntp.listen(0, "127.0.0.1", resolve));
    const { port } = nntp.address() as AddressInfo;
    const providers = [{ host: "127.0.0.1", port, tls: false, username: "u", password: "hunter2" }];
    const { code, stdout, stderr } = await run(["provider", "test"], {
      env: { NEWSREEL_PROVIDERS: JSON.stringify(providers) },
    });
    await new Promise((resolve) => nntp.close(resolve));
    expect(commands).toContain("AUTHINFO PASS hunter2");
    expect(code).toBe(3);
    expect(stdout).toContain("failed");
    expect(stdout + stderr).not.toContain("hunter2");
  });
});

describe("config", () => {
  const env = { NEWSREEL_API_KEY: "hunter2", NEWSREEL_PORT: "9000" };

  test("shows every key with its source and hides secrets", async () => {
    const { code, stdout } = await run(["config", "show"], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^port +9000 {2}\(NEWSREEL_PORT\)$/m);
    expect(stdout).toMatch(/^apiKey +\*\*\* {2}\(NEWSREEL_API_KEY\)$/m);
    expect(stdout).toMatch(/^cache\.memoryBytes +128MiB {2}\(default\)$/m);
    expect(stdout).toMatch(/^auth\.password +"" {2}\(default\)$/m);
    expect(stdout).not.toContain("hunter2");
  });

  test("shows the same as JSON, a line per key", async () => {
    const { stdout } = await run(["config", "show", "--json"], { env });
    const views = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(views.find(({ key }) => key === "port")).toMatchObject({ value: 9000, source: { kind: "environment" } });
    expect(stdout).not.toContain("hunter2");
  });

  test("prints the schema, whatever is configured", async () => {
    const { code, stdout } = await run(["config", "schema"], { env: { NEWSREEL_PROT: "1" } });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(configSchema());
  });

  test("fails with all mistakes", async () => {
    const { code, stdout, stderr } = await run(["config", "show"], { env: { NEWSREEL_PROT: "1", NEWSREEL_PORT: "x" } });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /^newsreel: the configuration has 2 mistakes:\n {2}NEWSREEL_PORT: .*\n {2}NEWSREEL_PROT: .*\n {2}newsreel config schema/,
    );
  });

  test("refuses another subcommand", async () => {
    expect((await run(["config", "set"])).code).toBe(2);
    expect((await run(["config"])).code).toBe(2);
  });
});

describe("version", () => {
  test.each([["version"], ["--version"], ["-V"]])("%s tells it", async (arg) => {
    expect(await run([arg])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^newsreel \d+\.\d+\.\d+\n$/) });
  });
});
