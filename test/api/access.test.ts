import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { apiRoutes } from "../../src/api/api.ts";
import { RequestError } from "../../src/base/errors.ts";
import { type ApiServer, LOGIN, nzb, startApi } from "./api-server.ts";

let api: ApiServer;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

describe("access", () => {
  test("nothing but the health calls answers without a key or login", async () => {
    const open: string[] = [];
    for (const { method, path } of apiRoutes(api.deps)) {
      const response = await fetch(api.origin + path, { method });
      if (response.status === 401) {
        expect(response.headers.get("www-authenticate")).toBe('Digest realm="api", Basic realm="api"');
        expect(await response.json()).toMatchObject({ error: { code: "UNAUTHORIZED", hint: expect.any(String) } });
      } else {
        open.push(path);
      }
    }
    expect(open).toEqual(["/healthz", "/readyz"]);
  });

  test("healthz does not even look who asks", async () => {
    await using own = await startApi({ authorize: () => Promise.reject(new Error("asked")) });
    const response = await fetch(`${own.origin}/healthz`);
    expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
  });

  test("what authorize throws is the answer", async () => {
    const failure = new RequestError("FORBIDDEN", "too many failed logins", { hint: "wait a minute" });
    await using own = await startApi({ authorize: () => Promise.reject(failure) });
    const response = await own.fetch("/api/v1/cache");
    expect([response.status, await response.json()]).toEqual([
      403,
      { error: { code: "FORBIDDEN", message: "too many failed logins", hint: "wait a minute" } },
    ]);
  });

  test("without a key, unknown calls look like all others", async () => {
    expect((await fetch(`${api.origin}/api/v1/nothing`)).status).toBe(401);
  });
});

describe("requests from another site's page", () => {
  const upload = (headers: Record<string, string>) =>
    fetch(`${api.origin}/api/v1/imports`, {
      method: "POST",
      body: nzb("browser"),
      headers: { authorization: LOGIN, "content-type": "application/octet-stream", ...headers },
    });

  test.each<Record<string, string>>([
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site", origin: "http://127.0.0.1" },
  ])("are refused when they change something: %j", async (headers) => {
    const before = api.intake.submissions.length;
    const response = await upload(headers);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { code: "FORBIDDEN" } });
    expect(api.intake.submissions.length).toBe(before);
  });

  test("may look, since no other origin can read the answer", async () => {
    const response = await api.fetch("/api/v1/cache", { headers: { origin: "https://evil.example" } });
    expect(response.status).toBe(200);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("get no leave to send a header of their own", async () => {
    const response = await api.fetch("/api/v1/imports", {
      method: "OPTIONS",
      headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
    });
    expect([response.status, response.headers.get("access-control-allow-headers")]).toEqual([405, null]);
  });

  test("are told from the own page, from programs, and from whoever has the key", async () => {
    const own = [
      {},
      { "sec-fetch-site": "same-origin", origin: "https://behind.a.proxy.example" },
      { "sec-fetch-site": "none" },
      { origin: api.origin },
      { origin: "chrome-extension://abc", "x-api-key": "the-key" },
      { origin: "https://renamed.by.a.proxy.example", "x-requested-with": "newsreel" },
    ];
    for (const headers of own) expect((await upload(headers as Record<string, string>)).status).toBeLessThan(300);
  });
});

describe("the shape of answers", () => {
  test("other people's paths are left to them", async () => {
    for (const path of ["/", "/dav/", "/api", "/api?mode=version", "/api/v10/x", "/healthz/x", "/metricsx"]) {
      expect((await api.fetch(path)).status).toBe(418);
    }
  });

  test("an unknown call is 404, a wrong method 405 with those that would do, both in JSON", async () => {
    const unknown = await api.fetch("/api/v1/nothing");
    expect([unknown.status, await unknown.json()]).toEqual([
      404,
      { error: expect.objectContaining({ code: "NOT_FOUND" }) },
    ]);
    const wrong = await api.fetch("/api/v1/imports", { method: "DELETE" });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST, GET, HEAD"]);
    expect(await wrong.json()).toMatchObject({ error: { code: "METHOD_NOT_ALLOWED" } });
  });

  test("HEAD is GET without the body", async () => {
    const [full, head] = [await api.fetch("/api/v1/cache"), await api.fetch("/api/v1/cache", { method: "HEAD" })];
    expect(head.headers.get("content-length")).toBe(full.headers.get("content-length"));
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("nothing is cached or sniffed", async () => {
    const { headers } = await api.fetch("/api/v1/cache");
    expect([headers.get("cache-control"), headers.get("x-content-type-options")]).toEqual(["no-store", "nosniff"]);
  });

  test("a URL beyond 8 KiB is refused with 414", async () => {
    expect((await api.fetch(`/api/v1/imports?after=${"x".repeat(9000)}`)).status).toBe(414);
  });

  test("what nobody foresaw is 500, told to the log and to nobody else", async () => {
    const cache = () => {
      throw new Error("password=hunter2");
    };
    await using own = await startApi({ cache });
    const response = await own.fetch("/api/v1/cache");
    const body = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(body)).toMatchObject({ error: { code: "INTERNAL" } });
    expect(body).not.toContain("hunter2");
    expect(own.logged).toEqual([{ level: "error", message: "a call failed" }]);
  });
});
