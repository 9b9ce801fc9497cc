import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type System, startSystem } from "./fixture.ts";

describe("who gets in where", () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
  });
  afterAll(async () => {
    await system[Symbol.asyncDispose]();
  });

  const ask = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    fetch(system.app.url + path, { headers, method });

  test.each(["/", "/ui/page.js", "/dav/", "/dav/library/", "/api/v1/streams", "/metrics"])(
    "%s asks for a login, and what to log in with",
    async (path) => {
      const answer = await ask(path);
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toContain("Basic");
    },
  );

  test.each(["/healthz", "/readyz"])("%s answers everybody", async (path) => {
    expect((await ask(path)).status).toBe(200);
  });

  test("OPTIONS at any path asks for a login too, since that is where Windows looks for one", async () => {
    for (const path of ["/", "/dav/", "/dav/library", "/dav/library/a/b", "/elsewhere"]) {
      const refused = await ask(path, {}, "OPTIONS");
      expect({ path, status: refused.status, dav: refused.headers.get("dav") }).toEqual({
        path,
        status: 401,
        dav: null,
      });
      expect(refused.headers.get("www-authenticate")).toMatch(/^Digest realm=.* algorithm=MD5,.*, Basic realm=/);
      const answer = await system.get(path, {}, "OPTIONS");
      expect([answer.status, answer.headers["dav"]]).toEqual([200, "1, 2, 3"]);
    }
  });

  test("the page, the tree and the API open with the login; the API also with its key", async () => {
    expect((await system.get("/")).headers["content-type"]).toContain("text/html");
    expect((await system.get("/dav/library/", { Depth: "0" }, "PROPFIND")).status).toBe(207);
    expect((await system.get("/api/v1/streams")).status).toBe(200);
    expect((await ask("/api/v1/streams", { "X-Api-Key": "key" })).status).toBe(200);
    expect((await ask("/api/v1/streams?apikey=key")).status).toBe(200);
    expect((await ask("/api/v1/streams?apikey=wrong")).status).toBe(401);
  });

  test("an unknown path is 404", async () => {
    expect((await system.get("/no/such/thing")).status).toBe(404);
  });
});

test("behind a proxy path everything is found with the path and without it, and links carry it", async () => {
  await using system = await startSystem({ settings: { urlBase: "/media" } });
  for (const base of ["", "/media"]) {
    expect((await system.get(`${base}/healthz`)).status).toBe(200);
    const listing = await system.get(`${base}/dav/`, { Depth: "1" }, "PROPFIND");
    expect(listing.status).toBe(207);
    expect(listing.body.toString()).toContain("<D:href>/media/dav/library/</D:href>");
  }
});
