import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { answerTo } from "../auth/digest-client.ts";
import { ManualClock } from "../manual-clock.ts";
import { Client } from "./client.ts";
import { type System, startSystem } from "./fixture.ts";

type Headers = Readonly<Record<string, string>>;

const NOBODY: Headers = {};
const basic = (user: string, password: string): Headers => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
});

/** One request on a connection of its own, by whoever the headers say. */
function ask(system: System, path: string, headers: Headers, method = "GET") {
  using client = new Client(system.app.url, { headers: NOBODY });
  return client.get(path, headers, method);
}

async function askByDigest(system: System, path: string, method: string, login: { user: string; password: string }) {
  const refused = await ask(system, path, NOBODY, method);
  const [challenge = ""] = String(refused.headers["www-authenticate"]).split(", Basic");
  return ask(system, path, { authorization: answerTo(challenge, { ...login, method, uri: path }) }, method);
}

const OWNER = { user: "tester", password: "secret" };

describe("Digest", () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ settings: { urlBase: "/media" } });
  });
  afterAll(async () => {
    await system[Symbol.asyncDispose]();
  });

  test("opens WebDAV, the API and the page, with the proxy's prefix and without", async () => {
    for (const base of ["", "/media"]) {
      expect((await askByDigest(system, `${base}/dav/library/`, "OPTIONS", OWNER)).status).toBe(200);
      expect((await askByDigest(system, `${base}/api/v1/streams`, "GET", OWNER)).status).toBe(200);
      expect((await askByDigest(system, `${base}/`, "GET", OWNER)).status).toBe(200);
    }
    expect((await askByDigest(system, "/dav/library/", "OPTIONS", { ...OWNER, password: "x" })).status).toBe(401);
  });

  test("is offered by the page, the tree and the API in the same words, a header for each challenge", async () => {
    for (const path of ["/", "/dav/", "/api/v1/streams"]) {
      const answer = await fetch(system.app.url + path);
      expect(answer.headers.get("www-authenticate")).toMatch(
        /^Digest realm="Newsreel", nonce="[\w-]{44}", algorithm=MD5, qop="auth", opaque="\w+", charset=UTF-8, Basic realm="Newsreel", charset="UTF-8"$/,
      );
    }
  });
});

test("Digest is not offered behind a proxy that says the client came by TLS", async () => {
  await using system = await startSystem({ settings: { trustedProxies: "127.0.0.1" } });
  const { headers } = await ask(system, "/dav/", { "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1" });
  expect(headers["www-authenticate"]).toBe('Basic realm="Newsreel", charset="UTF-8"');
});

describe("an app password's life", () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
  });
  afterAll(async () => {
    await system[Symbol.asyncDispose]();
  });

  const make = async (query: string) => {
    const made = await system.get(`/api/v1/app-passwords?${query}`, {}, "POST");
    return JSON.parse(made.body.toString()) as { id: number; user: string; password: string };
  };
  const PROPFIND = "PROPFIND";
  const depth = { Depth: "0" };

  test("that may only read: it reads by Basic and Digest, changes nothing, and ends with its revocation", async () => {
    const { id, user, password } = await make("name=TV");
    const headers = basic(user, password);
    const tree = () => ask(system, "/dav/library/", { ...headers, ...depth }, PROPFIND);
    expect((await tree()).status).toBe(207);
    expect((await askByDigest(system, "/dav/library/", "OPTIONS", { user, password })).status).toBe(200);
    expect((await ask(system, "/dav/library/new/", headers, "MKCOL")).status).toBe(403);
    expect((await ask(system, "/api/v1/streams", headers)).status).toBe(200);
    expect((await ask(system, "/api/v1/imports", headers, "POST")).status).toBe(403);
    expect((await ask(system, "/api/v1/app-passwords", headers)).status).toBe(403);
    expect((await ask(system, "/", headers)).status).toBe(200);

    expect((await system.get(`/api/v1/app-passwords/${id}`, {}, "DELETE")).status).toBe(200);
    expect((await tree()).status).toBe(401);
    expect((await askByDigest(system, "/dav/library/", "OPTIONS", { user, password })).status).toBe(401);
  });

  test("that may write: it does, but makes no other", async () => {
    const { user, password } = await make("name=Radarr&write=1");
    const headers = basic(user, password);
    expect((await ask(system, "/dav/library/new/", headers, "MKCOL")).status).toBe(201);
    expect((await askByDigest(system, "/dav/library/new2/", "MKCOL", { user, password })).status).toBe(201);
    expect((await ask(system, "/api/v1/app-passwords?name=x", headers, "POST")).status).toBe(403);
  });

  test("is nowhere in the log", async () => {
    const { password } = await make("name=secretive");
    expect(JSON.stringify(system.logged)).not.toContain(password);
  });
});

describe("with guests admitted", () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ settings: { "auth.anonymous": "read" } });
  });
  afterAll(async () => {
    await system[Symbol.asyncDispose]();
  });

  test("everybody may read the tree, and is asked for a login to change it", async () => {
    expect((await ask(system, "/dav/", NOBODY, "OPTIONS")).status).toBe(200);
    expect((await ask(system, "/dav/library/", { Depth: "1" }, "PROPFIND")).status).toBe(207);
    for (const method of ["PUT", "DELETE", "MKCOL", "LOCK", "PROPPATCH", "MOVE"]) {
      const refused = await ask(system, "/dav/library/x", NOBODY, method);
      expect({ method, status: refused.status }).toEqual({ method, status: 401 });
      expect(refused.headers["www-authenticate"]).toContain("Digest");
    }
    expect((await ask(system, "/dav/library/x/", basic("tester", "secret"), "MKCOL")).status).toBe(201);
    expect((await ask(system, "/dav/library/", { ...basic("tester", "x"), Depth: "1" }, "PROPFIND")).status).toBe(401);
  });

  test("the API, the metrics and the page still ask who it is", async () => {
    for (const path of ["/", "/ui/page.js", "/metrics", "/api/v1/library", "/api/v1/trash", "/api/v1/app-passwords"]) {
      expect({ path, status: (await ask(system, path, NOBODY)).status }).toEqual({ path, status: 401 });
    }
  });
});

test("a storm of wrong passwords keeps nobody out who is known", async () => {
  await using system = await startSystem({ clock: new ManualClock() });
  const path = "/dav/library/";
  expect((await ask(system, path, basic("tester", "secret"), "OPTIONS")).status).toBe(200);
  using storm = new Client(system.app.url, { headers: basic("tester", "old"), connections: 20 });
  const answers = await Promise.all(Array.from({ length: 1000 }, () => storm.get(path, {}, "PROPFIND")));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  expect((await ask(system, path, basic("tester", "secret"), "OPTIONS")).status).toBe(200);
  // A thousand times the same was one attempt, so that there is room for others.
  expect((await ask(system, path, basic("tester", "older"), "OPTIONS")).status).toBe(401);
  const guesses = await Promise.all(
    Array.from({ length: 30 }, (_, n) => ask(system, path, basic("x", `${n}`), "OPTIONS")),
  );
  expect(guesses.filter(({ status }) => status === 401)).toHaveLength(8);
  expect(guesses.find(({ status }) => status === 429)?.headers["retry-after"]).toMatch(/^\d+$/);
});
