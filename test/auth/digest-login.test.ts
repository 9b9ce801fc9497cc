import { beforeEach, describe, expect, test } from "@jest/globals";
import { AppPasswords } from "../../src/auth/app-passwords.ts";
import { type AuthenticatorOptions, createAuthenticator } from "../../src/auth/authenticator.ts";
import type { AuthFailure, AuthRequest, Identity } from "../../src/auth/identity.ts";
import { hashPassword } from "../../src/auth/passwords.ts";
import { ManualClock } from "../manual-clock.ts";
import { type Answering, answerTo, challengesOf, parametersOf, SHAPES } from "./digest-client.ts";
import { memoryStore } from "./memory-store.ts";

const ATTEMPTS = { attempts: 3, refillMs: 10_000, addresses: 10 };
const NONCES = { unansweredMs: 60_000, answeredMs: 600_000, sessions: 64 };
const ME = { user: "admin", password: "secret" };
const bytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");
const outcome = (verdict: Identity | AuthFailure) => ("user" in verdict ? verdict.user : verdict.status);

let clock: ManualClock;
let appPasswords: AppPasswords;
beforeEach(() => {
  clock = new ManualClock();
  appPasswords = new AppPasswords({ store: memoryStore(), owner: "admin", clock });
});

function create(options: Partial<AuthenticatorOptions> = {}) {
  const limits = { attemptLimits: ATTEMPTS, nonceLimits: NONCES };
  const users = [{ name: "admin", password: "secret" }];
  const authenticator = createAuthenticator({ users, appPasswords, clock, ...limits, ...options });
  const send = (request: Partial<AuthRequest>, address = "1.1.1.1") =>
    authenticator.authenticate({ method: "GET", url: "/dav/", headers: {}, ...request }, address);
  const challenge = async () => challengesOf(await send({}))[0] as string;
  /** Sends what a client answers to this challenge. */
  const answer = (
    asked: string,
    answering: Partial<Answering> & { readonly url?: string; readonly address?: string } = {},
  ) => {
    const { url, address, ...rest } = { ...ME, ...answering };
    const { method = "GET", uri = "/dav/" } = rest;
    return send({ method, url: url ?? uri, headers: { authorization: answerTo(asked, rest) } }, address);
  };
  const login = async (answering: Parameters<typeof answer>[1] = {}) =>
    outcome(await answer(await challenge(), answering));
  return { authenticator, send, challenge, answer, login };
}

describe("a challenge", () => {
  test("offers MD5 and Basic, in headers of their own", async () => {
    const challenges = challengesOf(await create().send({}));
    expect(challenges.map((text) => text.replace(/nonce="[\w-]{44}"/, 'nonce="..."'))).toEqual([
      'Digest realm="Newsreel", nonce="...", algorithm=MD5, qop="auth", opaque="6e657773", charset=UTF-8',
      'Basic realm="Newsreel", charset="UTF-8"',
    ]);
  });

  test("offers Basic alone over TLS, and where Digest is switched off", async () => {
    for (const options of [{ isSecure: () => true }, { digest: [] }]) {
      expect(challengesOf(await create(options).send({}))).toEqual(['Basic realm="Newsreel", charset="UTF-8"']);
    }
  });

  test("offers more algorithms in the order that is configured", async () => {
    const challenges = challengesOf(await create({ digest: ["SHA-256", "MD5"] }).send({}));
    expect(challenges.map((text) => parametersOf(text)["algorithm"])).toEqual(["SHA-256", "MD5", undefined]);
  });

  test("is not answered by Digest where it is switched off", async () => {
    const asked = await create().challenge();
    expect(outcome(await create({ digest: [] }).answer(asked))).toBe(401);
  });
});

describe("a Digest login", () => {
  test.each(Object.entries(SHAPES))("is understood as %s writes it, in either algorithm", async (_, shape) => {
    const { send, answer } = create({ digest: ["MD5", "SHA-256"] });
    const [md5 = "", sha256 = ""] = challengesOf(await send({}));
    expect(await answer(md5, { shape })).toEqual({ user: "admin", mayWrite: true, via: "password" });
    expect(outcome(await answer(sha256, { shape, count: 2 }))).toBe("admin");
    expect(outcome(await answer(md5, { shape, count: 3, password: "wrong" }))).toBe(401);
  });

  test.each<[string, Partial<Answering>]>([
    ["as Windows sends it, with a domain", { user: "NAS\\admin" }],
    ["with a domain that is escaped", { user: "NAS\\admin", username: "NAS\\\\admin" }],
    ["with an escape that was hashed", { user: "NAS\\\\admin" }],
  ])("names the user %s", async (_, answering) => {
    expect(await create().login(answering)).toBe("admin");
  });

  test.each([
    ["UTF-8", "zoë", "пароль 🔑", bytes("zoë"), bytes("пароль 🔑")],
    ["decomposed UTF-8", "zoë", "é", bytes("zoe\u0308"), bytes("e\u0301")],
    ["Latin-1", "zoë", "é", "zo\u00eb", "\u00e9"],
  ])("may be in %s", async (_, name, password, sentName, sentPassword) => {
    const { login } = create({ users: [{ name, password }] });
    expect(await login({ user: sentName, password: sentPassword })).toBe(name);
    expect(await login({ user: sentName, password: "e" })).toBe(401);
  });

  test("names who it is for every request, without a password hash", async () => {
    const { authenticator, challenge, answer } = create();
    const asked = await challenge();
    for (let count = 1; count <= 50; count += 1) expect(outcome(await answer(asked, { count }))).toBe("admin");
    expect(authenticator.passwordChecks).toBe(0);
  });

  test("works by several connections whose requests overtake each other", async () => {
    const { challenge, answer } = create();
    const asked = await challenge();
    for (const count of [3, 1, 4, 2, 9, 6]) expect(outcome(await answer(asked, { count }))).toBe("admin");
  });

  test("is not open to users whose password is only known as a hash, nor to nobody", async () => {
    const passwordHash = await hashPassword("secret", { ln: 4, r: 8, p: 1 });
    for (const users of [[{ name: "admin", passwordHash }], []]) {
      const { login } = create({ users });
      for (const password of ["secret", "", passwordHash]) expect(await login({ password })).toBe(401);
    }
  });
});

describe("a Digest for one request", () => {
  test("opens no other path, method or query", async () => {
    const { challenge, answer } = create();
    const asked = await challenge();
    const signed = { uri: "/dav/library/a" };
    for (const url of ["/dav/library/b", "/dav/library/a/", "/dav/library/a?x=1", "/"]) {
      expect(outcome(await answer(asked, { ...signed, url }))).toBe(401);
    }
    const header = answerTo(asked, { ...ME, ...signed, method: "GET" });
    const { send } = create();
    const other = await send({ method: "DELETE", url: signed.uri, headers: { authorization: header } });
    expect(outcome(other)).toBe(401);
    expect(outcome(await answer(asked, signed))).toBe("admin");
  });

  test("may be signed with the proxy's prefix, the host, or other escapes", async () => {
    const { challenge, answer } = create({ urlBase: "/media" });
    const asked = await challenge();
    const spellings = ["/media/dav/a%20b", "http://nas/dav/a%20b", "/dav/a b", "/dav/%61%20b"];
    for (const [index, uri] of spellings.entries()) {
      expect(outcome(await answer(asked, { uri, url: "/dav/a%20b", count: index + 1 }))).toBe("admin");
    }
  });

  test("of another URL is no attempt", async () => {
    const { challenge, answer, login } = create();
    const asked = await challenge();
    for (let retry = 0; retry < 20; retry += 1) await answer(asked, { uri: "/dav/a", url: "/dav/b", password: "x" });
    expect(await login()).toBe("admin");
  });
});

describe("what was sent before", () => {
  test("is refused, and the client may repeat with a new nonce", async () => {
    const { send, challenge, answer } = create();
    const asked = await challenge();
    const headers = { authorization: answerTo(asked, ME) };
    expect(outcome(await send({ headers }))).toBe("admin");
    for (let replay = 0; replay < 20; replay += 1) {
      const [again = ""] = challengesOf(await send({ headers }));
      expect(again).toContain("stale=true");
      expect(parametersOf(again)["nonce"]).not.toBe(parametersOf(asked)["nonce"]);
    }
    const [again = ""] = challengesOf(await send({ headers }));
    expect(outcome(await answer(again))).toBe("admin");
  });

  test("is refused by a server that has started anew, and the client just repeats", async () => {
    const asked = await create().challenge();
    const { answer } = create();
    const [again = ""] = challengesOf(await answer(asked));
    expect(again).toContain("stale=true");
    expect(outcome(await answer(again))).toBe("admin");
  });
});

describe("a nonce that has grown old", () => {
  test("is stale, not wrong, whether the password is right or not", async () => {
    const { challenge, answer } = create();
    const asked = await challenge();
    clock.advance(NONCES.unansweredMs + 1);
    for (const password of ["secret", "wrong"]) {
      const refused = await answer(asked, { password });
      expect([outcome(refused), challengesOf(refused)[0]]).toEqual([401, expect.stringContaining("stale=true")]);
    }
    const [again = ""] = challengesOf(await answer(asked));
    expect(outcome(await answer(again))).toBe("admin");
  });

  test("lives as long as a film when it was answered, since VLC cannot change to another", async () => {
    const { challenge, answer } = create({ nonceLimits: { ...NONCES, answeredMs: 24 * 3_600_000 } });
    const asked = await challenge();
    await answer(asked);
    clock.advance(8 * 3_600_000);
    expect(outcome(await answer(asked, { count: 2 }))).toBe("admin");
  });

  test("never counts as an attempt, even while others guess at the same address", async () => {
    const { challenge, answer, login } = create();
    const asked = await challenge();
    expect(outcome(await answer(asked))).toBe("admin");
    for (const password of ["a", "b", "c", "d"]) await login({ password });
    expect(await login({ password: "e" })).toBe(429);
    expect(outcome(await answer(asked, { count: 2 }))).toBe("admin");
    clock.advance(NONCES.answeredMs + 1);
    // The buckets are full again at once.
    for (const password of ["f", "g", "h", "i"]) await login({ password });
    const [again = ""] = challengesOf(await answer(asked, { count: 3 }));
    expect(again).toContain("stale=true");
    expect(outcome(await answer(again))).toBe("admin");
    // The same for one who only listened: the old message again is worth nothing.
    const [replayed = ""] = challengesOf(await answer(asked, { count: 3 }));
    expect(outcome(await answer(replayed))).toBe(429);
  });
});

describe("wrong Digest passwords", () => {
  test("are limited per address, with a time to come back", async () => {
    const { answer, challenge, login } = create();
    expect([await login({ password: "a" }), await login({ user: "x" }), await login({ password: "c" })]).toEqual([
      401, 401, 401,
    ]);
    const refused = (await answer(await challenge(), { password: "d" })) as AuthFailure;
    expect([refused.status, refused.headers]).toEqual([429, { "Retry-After": "10" }]);
    expect([await login(), await login({ address: "2.2.2.2" })]).toEqual([429, "admin"]);
    clock.advance(10_000);
    expect(await login()).toBe("admin");
  });

  test("share the limit with Basic, and right ones use none of it up", async () => {
    const { send, login } = create();
    const basic = (password: string) => ({
      authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`,
    });
    for (let count = 0; count < 20; count += 1) expect(await login()).toBe("admin");
    await login({ password: "a" });
    await send({ headers: basic("b") });
    await login({ password: "c" });
    expect([await login({ password: "d" }), outcome(await send({ headers: basic("e") }))]).toEqual([429, 429]);
  });

  test("said a thousand times in the same words count once", async () => {
    const { send, challenge, login } = create();
    const headers = { authorization: answerTo(await challenge(), { ...ME, password: "old" }) };
    for (let retry = 0; retry < 1000; retry += 1) expect(outcome(await send({ headers }))).toBe(401);
    expect([await login({ password: "b" }), await login({ password: "c" }), await login({ password: "d" })]).toEqual([
      401, 401, 429,
    ]);
  });

  test("and requests without any, or with nonsense, a thousand times over, are no attempts", async () => {
    const { send, login } = create();
    for (let retry = 0; retry < 1000; retry += 1) {
      await send({});
      await send({ headers: { authorization: 'Digest username="admin", realm="x"' } });
    }
    expect(await login()).toBe("admin");
  });

  test("of nobody are told apart by nothing, and tried as often", async () => {
    for (let made = 0; made < 5; made += 1) appPasswords.add({ name: `device ${made}`, mayWrite: false });
    let looks = 0;
    const list = appPasswords.list.bind(appPasswords);
    appPasswords.list = () => {
      looks += 1;
      return list();
    };
    const { challenge, answer } = create();
    const [wrong, nobody] = [
      await answer(await challenge(), { password: "x" }),
      await answer(await challenge(), { user: "nobody" }),
    ] as [AuthFailure, AuthFailure];
    expect(looks).toBe(2);
    const plain = (failure: AuthFailure) => JSON.stringify(failure).replace(/[\w-]{44}/, "");
    expect(plain(nobody)).toBe(plain(wrong));
  });
});

describe("a changed password", () => {
  test("counts from the next request on, on the nonce that is in use", async () => {
    const { authenticator, challenge, answer } = create();
    const asked = await challenge();
    expect(outcome(await answer(asked))).toBe("admin");
    authenticator.setUser({ name: "admin", password: "newer" });
    expect(outcome(await answer(asked, { count: 2 }))).toBe(401);
    expect(outcome(await answer(asked, { count: 3, password: "newer" }))).toBe("admin");
    authenticator.removeUser("admin");
    expect(outcome(await answer(asked, { count: 4, password: "newer" }))).toBe(401);
  });
});

describe("an app password", () => {
  test("logs in by Digest as well, as its owner, with its own right", async () => {
    const reading = appPasswords.add({ name: "TV", mayWrite: false });
    const writing = appPasswords.add({ name: "Radarr", mayWrite: true });
    for (const algorithm of ["MD5", "SHA-256"] as const) {
      const { challenge, answer } = create({ digest: [algorithm] });
      const via = "app-password";
      expect(await answer(await challenge(), { password: reading.secret })).toEqual({
        ...{ user: "admin", mayWrite: false, via },
        appPassword: reading.password.id,
      });
      expect(await answer(await challenge(), { password: writing.secret })).toMatchObject({ mayWrite: true, via });
      expect(outcome(await answer(await challenge(), { user: "x", password: writing.secret }))).toBe(401);
    }
  });

  test("that is revoked is refused at once, on the nonce that is in use", async () => {
    const { secret, password } = appPasswords.add({ name: "TV", mayWrite: false });
    const { challenge, answer } = create();
    const asked = await challenge();
    expect(outcome(await answer(asked, { password: secret }))).toBe("admin");
    appPasswords.remove(password.id);
    expect(outcome(await answer(asked, { password: secret, count: 2 }))).toBe(401);
    expect(outcome(await answer(asked, { count: 3 }))).toBe("admin");
  });
});
