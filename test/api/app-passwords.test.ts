import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Identity } from "../../src/auth/identity.ts";
import { type ApiServer, CHALLENGED, startApi } from "./api-server.ts";

let api: ApiServer;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const call = async (path: string, method = "GET", own = api) => {
  const response = await own.fetch(`/api/v1/app-passwords${path}`, { method });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

describe("app passwords over the API", () => {
  test("are made, listed without their secret, and revoked", async () => {
    const made = await call("?name=Wohnzimmer%20TV", "POST");
    const { id, password, ...rest } = made.body;
    expect(made.status).toBe(201);
    expect(password).toMatch(/^([a-z2-7]{4}-){7}[a-z2-7]{4}$/);
    expect(rest).toEqual({
      name: "Wohnzimmer TV",
      mayWrite: false,
      createdAt: expect.any(Number),
      lastUsedAt: null,
      user: "demo",
    });
    expect(api.deps.appPasswords.find(password as string)?.id).toBe(id);

    await call("?name=Radarr&write=1", "POST");
    const { body } = await call("");
    expect(body).toMatchObject({
      appPasswords: [
        { id, mayWrite: false },
        { name: "Radarr", mayWrite: true },
      ],
    });
    expect(JSON.stringify(body)).not.toMatch(new RegExp(`${password}|hash|[dD]igest|[0-9a-f]{32}`));

    expect(await call(`/${id}`, "DELETE")).toMatchObject({ status: 200, body: { id, name: "Wohnzimmer TV" } });
    expect(api.deps.appPasswords.find(password as string)).toBeUndefined();
    expect(await call(`/${id}`, "DELETE")).toMatchObject({ status: 404, body: { error: { code: "NOT_FOUND" } } });
  });

  test.each([
    ["", 400],
    ["?name=", 400],
    [`?name=${"x".repeat(65)}`, 400],
    ["?name=a&write=yes", 400],
    ["?name=Radarr", 409],
  ])("are not made of %s", async (query, status) => {
    const before = api.deps.appPasswords.list().length;
    expect((await call(query, "POST")).status).toBe(status);
    expect(api.deps.appPasswords.list()).toHaveLength(before);
  });

  test.each(["0", "-1", "1.5", "x", "1e3", "99999999999999999999", "%00"])("%s is nobody's id", async (id) => {
    expect((await call(`/${id}`, "DELETE")).status).toBe(404);
  });

  test("are not made or revoked by another site's page", async () => {
    const headers = {
      authorization: `Basic ${Buffer.from("demo:demo").toString("base64")}`,
      origin: "https://evil.example",
    };
    for (const [method, path] of [
      ["POST", "?name=evil"],
      ["DELETE", "/2"],
    ] as const) {
      const response = await api.fetch(`/api/v1/app-passwords${path}`, { method, headers });
      expect(response.status).toBe(403);
    }
    expect(api.deps.appPasswords.list().map(({ name }) => name)).toEqual(["Radarr"]);
  });
});

describe("who may make which call", () => {
  const app: Identity = { user: "demo", mayWrite: true, via: "app-password", appPassword: 1 };
  const startAs = (identity: Identity) => startApi({ authorize: async () => identity });

  test("an app password cannot make, see or revoke app passwords, even one that may write", async () => {
    await using own = await startAs(app);
    for (const [path, method] of [
      ["", "GET"],
      ["?name=x", "POST"],
      ["/1", "DELETE"],
    ] as const) {
      expect(await call(path, method, own)).toMatchObject({ status: 403, body: { error: { code: "FORBIDDEN" } } });
    }
    expect((await own.fetch("/api/v1/trash")).status).toBe(200);
    expect((await own.fetch("/api/v1/trash/7", { method: "DELETE" })).status).toBe(200);
  });

  test("a login that may only read gets nothing changed, whatever the call", async () => {
    await using own = await startAs({ ...app, mayWrite: false });
    const refused = ["/imports", "/trash/7/restore", "/verify", "/providers/main/speedtest"];
    for (const path of refused) {
      const response = await own.fetch(`/api/v1${path}`, { method: "POST" });
      expect([response.status, await response.json()]).toEqual([
        403,
        { error: expect.objectContaining({ message: "this login may only read" }) },
      ]);
    }
    expect((await own.fetch("/api/v1/trash/7", { method: "DELETE" })).status).toBe(403);
    for (const path of ["/imports", "/trash", "/streams"]) expect((await own.fetch(`/api/v1${path}`)).status).toBe(200);
    expect(own.intake.submissions).toEqual([]);
  });

  test("a refusal carries every challenge in a header of its own, or the time to wait", async () => {
    await using own = await startApi({ authorize: async () => CHALLENGED });
    const asked = await own.fetch("/api/v1/streams");
    expect([asked.status, asked.headers.get("www-authenticate")]).toEqual([
      401,
      'Digest realm="api", Basic realm="api"',
    ]);
    const failure = { status: 429, headers: { "Retry-After": "7" }, message: "too many wrong passwords" } as const;
    await using other = await startApi({ authorize: async () => failure });
    const limited = await other.fetch("/api/v1/streams");
    expect([limited.status, limited.headers.get("retry-after"), await limited.json()]).toEqual([
      429,
      "7",
      { error: { code: "TOO_MANY_LOGINS", message: failure.message, hint: "wait as long as Retry-After says" } },
    ]);
    expect(await (await other.fetch("/readyz")).json()).toEqual({ status: "ready" });
  });
});
