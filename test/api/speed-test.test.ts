import { once } from "node:events";
import { request } from "node:http";
import { describe, expect, test } from "@jest/globals";
import type { SpeedTestCalls } from "../../src/api/speed-test.ts";
import { ProviderError, RequestError } from "../../src/base/errors.ts";
import { KEY, LOGIN, startApi } from "./api-server.ts";

const NAMED = "/api/v1/providers/main/speedtest";
const GUEST = "/api/v1/providers/speedtest";
const GIB = 2 ** 30;

/** Calls that tell what they were asked for. */
function echo(): SpeedTestCalls {
  return {
    async *test(name, wish) {
      yield { name, wish };
    },
    async *testGuest(guest, wish) {
      yield { guest, wish };
    },
  };
}

function failing(error: Error, ...before: readonly object[]): SpeedTestCalls {
  const events = async function* () {
    yield* before;
    throw error;
  };
  return { test: events, testGuest: events };
}

function asJson(value: unknown, type = "application/json"): RequestInit {
  return { method: "POST", headers: { "content-type": type }, body: JSON.stringify(value) };
}

describe("POST /api/v1/providers/{id}/speedtest", () => {
  test("measures the named provider, up to 1 GiB, unless somebody watches", async () => {
    await using api = await startApi({ speedTests: echo() });
    const response = await api.fetch("/api/v1/providers/my%20news/speedtest", { method: "POST" });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson; charset=utf-8");
    const wish = { limitBytes: GIB, whileStreaming: "stop" };
    expect(await response.text()).toBe(`${JSON.stringify({ name: "my news", wish })}\n`);
  });

  test("takes a limit in bytes or with a unit, and the wish to go on while somebody watches", async () => {
    await using api = await startApi({ speedTests: echo() });
    const wishOf = async (query: string) =>
      ((await (await api.fetch(NAMED + query, { method: "POST" })).json()) as { wish: unknown }).wish;
    expect(await wishOf("?limit=256MiB&force=1")).toEqual({ limitBytes: GIB / 4, whileStreaming: "share" });
    expect(await wishOf("?limit=5000000&force=0")).toEqual({ limitBytes: 5_000_000, whileStreaming: "stop" });
  });

  test.each(["limit=-1", "limit=0", "limit=much", "limit=65GiB", "limit=1e9", "force=yes"])(
    "refuses %s",
    async (query) => {
      await using api = await startApi({ speedTests: echo() });
      const response = await api.fetch(`${NAMED}?${query}`, { method: "POST" });
      expect([response.status, await response.json()]).toMatchObject([400, { error: { code: "BAD_REQUEST" } }]);
    },
  );

  test("a refusal to begin has a status of its own; a later failure is the last line", async () => {
    const busy = new RequestError("CONFLICT", "2 streams are active: playback comes first", { hint: "later" });
    await using early = await startApi({ speedTests: failing(busy) });
    const refused = await early.fetch(NAMED, { method: "POST" });
    const error = { code: "CONFLICT", message: "2 streams are active: playback comes first", hint: "later" };
    expect([refused.status, await refused.json()]).toEqual([409, { error }]);

    const lost = new ProviderError("PROVIDER_UNREACHABLE", "it is away");
    await using late = await startApi({ speedTests: failing(lost, { kind: "start" }) });
    const begun = await late.fetch(NAMED, { method: "POST" });
    const lines = (await begun.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect([begun.status, ...lines]).toEqual([
      200,
      { kind: "start" },
      { error: { code: "PROVIDER_UNREACHABLE", message: "it is away", hint: null } },
    ]);
  });

  test("what nobody foresaw is logged and not told, even halfway", async () => {
    await using api = await startApi({ speedTests: failing(new Error("secret internals"), { kind: "start" }) });
    const text = await (await api.fetch(NAMED, { method: "POST" })).text();
    expect(text).toContain('"INTERNAL"');
    expect(text).not.toContain("secret internals");
    expect(api.logged).toEqual([{ level: "error", message: "a call failed halfway" }]);
  });

  test("sends each event as it comes, and stops when the client leaves", async () => {
    const seen: string[] = [];
    const waits: SpeedTestCalls["test"] = async function* (_name, _wish, { signal }) {
      try {
        yield { kind: "start" };
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      } finally {
        seen.push("stopped");
      }
    };
    await using api = await startApi({ speedTests: { test: waits, testGuest: echo().testGuest } });
    const call = request(api.origin + NAMED, { method: "POST", headers: { "x-api-key": KEY } }).end();
    const [response] = await once(call, "response");
    expect(String((await once(response, "data"))[0])).toBe('{"kind":"start"}\n');
    response.on("error", () => {});
    call.destroy();
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(api.logged).toEqual([]);
  });

  test.each([NAMED, GUEST])("%s needs the key or the login, and a page of its own", async (path) => {
    await using api = await startApi({ speedTests: echo() });
    const anonymous = await fetch(api.origin + path, asJson({ host: "news.example.com" }));
    expect(anonymous.status).toBe(401);
    const foreign = asJson({ host: "news.example.com" });
    const headers = { ...foreign.headers, authorization: LOGIN, origin: "http://evil.example.com" };
    expect((await fetch(api.origin + path, { ...foreign, headers })).status).toBe(403);
  });
});

describe("POST /api/v1/providers/speedtest", () => {
  test("takes a provider as the configuration does, with its defaults", async () => {
    await using api = await startApi({ speedTests: echo() });
    const response = await api.fetch(`${GUEST}?limit=1MiB`, asJson({ host: "news.example.com", password: "hunter2" }));
    expect(await response.json()).toEqual({
      guest: {
        name: "news.example.com",
        host: "news.example.com",
        port: 563,
        tls: true,
        verifyTls: true,
        username: "",
        password: "hunter2",
        connections: 20,
        tier: 1,
        backup: false,
        pipeline: "auto",
        timeoutMs: 15_000,
      },
      wish: { limitBytes: 2 ** 20, whileStreaming: "stop" },
    });
  });

  test.each([
    [{}, "host is missing"],
    [[], "expected a section with keys, got a list"],
    [null, "host is missing"],
    ["news.example.com", "expected a section with keys"],
    [{ host: "a", conections: 5 }, "conections is not a known key; did you mean connections?"],
    [{ host: "a", connections: 501, port: "563" }, "port: expected a whole number from 1 to 65535"],
    [{ host: "a\r\nQUIT" }, "host: expected a host name"],
    [{ host: "a", username: "me\r\nPOST" }, "username: expected one line of text"],
  ])("refuses %j in words", async (provider, message) => {
    await using api = await startApi({ speedTests: echo() });
    const response = await api.fetch(GUEST, asJson(provider));
    const body = (await response.json()) as { error: { message: string } };
    expect([response.status, body.error.message]).toEqual([400, expect.stringContaining(message)]);
  });

  test.each([
    ["a password of the wrong kind", { host: "a", password: ["hunter2"] }],
    ["a password with a line end", { host: "a", password: "hunter2\r\n" }],
    ["a key that holds it", { host: "a", "password:hunter2": 1 }],
  ])("does not repeat %s", async (_, provider) => {
    await using api = await startApi({ speedTests: echo() });
    const response = await api.fetch(GUEST, asJson(provider));
    expect(response.status).toBe(400);
    expect((await response.text()) + JSON.stringify(api.logged)).not.toContain("hunter2");
  });

  test("does not repeat a body that is not JSON", async () => {
    await using api = await startApi({ speedTests: echo() });
    const headers = { "content-type": "application/json; charset=utf-8" };
    const response = await api.fetch(GUEST, { method: "POST", headers, body: '{"password":"hunter2"' });
    const text = await response.text();
    expect([response.status, text]).toEqual([400, expect.stringContaining("the body is not JSON")]);
    expect(text.replace('"password":"..."', "")).not.toContain("hunter2");
  });

  test("refuses what is not sent as JSON, and what is too long", async () => {
    await using api = await startApi({ speedTests: echo() });
    expect((await api.fetch(GUEST, asJson({ host: "a" }, "text/plain"))).status).toBe(415);
    expect((await api.fetch(GUEST, { method: "POST" })).status).toBe(415);
    expect((await api.fetch(GUEST, asJson({ host: "a".repeat(65 * 1024) }))).status).toBe(413);
  });
});
