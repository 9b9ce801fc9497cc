import { describe, expect, test } from "@jest/globals";
import { type AuthenticatorOptions, createAuthenticator } from "../../src/auth/authenticator.ts";
import type { AuthFailure, Identity } from "../../src/auth/identity.ts";
import { hashPassword } from "../../src/auth/passwords.ts";
import { systemClock } from "../../src/base/clock.ts";

const CHEAP = { ln: 4, r: 8, p: 1 };
const passwordHash = await hashPassword("secret", CHEAP);
const basic = (user: string, password: string) => ({
  headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` },
});
const statusOf = (outcome: Identity | AuthFailure) => ("user" in outcome ? outcome.user : outcome.status);

function create(options: Partial<AuthenticatorOptions> = {}) {
  let now = 0;
  const clock = { ...systemClock, now: () => now };
  const authenticator = createAuthenticator({ users: [{ name: "zoë", passwordHash }], clock, ...options });
  const login = async (user: string, password: string, address = "1.1.1.1") =>
    statusOf(await authenticator.authenticate(basic(user, password), address));
  return { authenticator, login, pass: (ms: number) => (now += ms) };
}

describe("a login", () => {
  test("with the right password is who it says", async () => {
    const { authenticator } = create();
    expect(await authenticator.authenticate(basic("zoë", "secret"), "a")).toEqual({
      user: "zoë",
      mayWrite: true,
      via: "password",
    });
  });

  test("with a password from the configuration works the same", async () => {
    const { login } = create({ users: [{ name: "u", password: "a:b+/" }] });
    expect([await login("u", "a:b+/"), await login("u", "a")]).toEqual(["u", 401]);
  });

  test("is hashed once, however many requests come at once and later", async () => {
    const { authenticator, login } = create();
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => login("zoë", "secret")));
    expect(new Set(outcomes)).toEqual(new Set(["zoë"]));
    for (let request = 0; request < 50; request += 1) await login("zoë", "secret");
    expect(authenticator.passwordChecks).toBe(1);
  });

  test("without credentials, or with ones of another scheme, is asked for some and never counts", async () => {
    const { authenticator, login } = create({ attemptLimits: { attempts: 1, refillMs: 1_000, addresses: 10 } });
    for (const headers of [{}, { authorization: "Bearer x" }, { authorization: "Basic ?" }, { "x-api-key": "" }]) {
      const failure = (await authenticator.authenticate({ headers }, "1.1.1.1")) as AuthFailure;
      expect(failure.status).toBe(401);
      expect(failure.headers["WWW-Authenticate"]?.at(-1)).toBe('Basic realm="Newsreel", charset="UTF-8"');
    }
    expect(authenticator.passwordChecks).toBe(0);
    expect(await login("zoë", "secret")).toBe("zoë");
  });

  test("of nobody costs what a wrong password costs, and is told apart by nothing", async () => {
    const { authenticator } = create();
    const wrong = await authenticator.authenticate(basic("zoë", "wrong"), "a");
    expect(authenticator.passwordChecks).toBe(1);
    const nobody = await authenticator.authenticate(basic("nobody", "wrong"), "a");
    expect(authenticator.passwordChecks).toBe(2);
    const plain = (failure: Identity | AuthFailure) => JSON.stringify(failure).replace(/nonce=.".{44}/, "");
    expect(plain(nobody)).toBe(plain(wrong));
    expect(JSON.stringify(wrong)).not.toMatch(/zoë|nobody/);
  });

  test.each(["__proto__", "constructor", "toString"])("as %s is just wrong", async (name) => {
    expect(await create().login(name, "secret")).toBe(401);
  });

  test("when there are no users is always wrong", async () => {
    const { login } = create({ users: [] });
    expect([await login("", ""), await login("zoë", "secret")]).toEqual([401, 401]);
  });
});

describe("wrong passwords", () => {
  const attemptLimits = { attempts: 3, refillMs: 10_000, addresses: 10 };

  test("are limited per address, with a time to come back", async () => {
    const { authenticator, login, pass } = create({ attemptLimits });
    expect([await login("zoë", "a"), await login("zoë", "b"), await login("x", "c")]).toEqual([401, 401, 401]);
    const failure = (await authenticator.authenticate(basic("zoë", "d"), "1.1.1.1")) as AuthFailure;
    expect([failure.status, failure.headers]).toEqual([429, { "Retry-After": "10" }]);
    expect(authenticator.passwordChecks).toBe(3);
    expect(await login("zoë", "d", "2.2.2.2")).toBe(401);
    pass(10_000);
    expect(await login("zoë", "e")).toBe(401);
  });

  test("do not slip through when they come at once", async () => {
    const { authenticator, login } = create({ attemptLimits });
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, n) => login("zoë", `guess ${n}`)));
    expect(outcomes.filter((status) => status === 401).length).toBe(3);
    expect(authenticator.passwordChecks).toBe(3);
  });

  test("said again and again count once, and cost one check", async () => {
    const { authenticator, login } = create({ attemptLimits });
    for (let retry = 0; retry < 50; retry += 1) expect(await login("zoë", "old password")).toBe(401);
    expect(authenticator.passwordChecks).toBe(1);
    expect(await login("zoë", "secret")).toBe("zoë");
  });

  test("do not lock out who is known already", async () => {
    const { login } = create({ attemptLimits });
    expect(await login("zoë", "secret")).toBe("zoë");
    for (const guess of ["a", "b", "c", "d"]) await login("zoë", guess);
    expect([await login("zoë", "e"), await login("zoë", "secret")]).toEqual([429, "zoë"]);
  });
});

describe("a changed password", () => {
  test("is asked for at once, and the old one forgotten", async () => {
    const { authenticator, login } = create();
    await login("zoë", "secret");
    authenticator.setUser({ name: "zoë", passwordHash: await hashPassword("newer", CHEAP) });
    expect([await login("zoë", "secret"), await login("zoë", "newer")]).toEqual([401, "zoë"]);
  });

  test("counts for a check that is under way", async () => {
    const { authenticator, login } = create();
    const newer = await hashPassword("newer", CHEAP);
    const underWay = login("zoë", "secret");
    authenticator.setUser({ name: "zoë", passwordHash: newer });
    expect([await underWay, await login("zoë", "secret")]).toEqual([401, 401]);
  });

  test("that was tried too early is right now", async () => {
    const { authenticator, login } = create();
    expect(await login("zoë", "newer")).toBe(401);
    authenticator.setUser({ name: "zoë", passwordHash: await hashPassword("newer", CHEAP) });
    expect(await login("zoë", "newer")).toBe("zoë");
  });

  test("of a user who was removed is nobody's", async () => {
    const { authenticator, login } = create();
    await login("zoë", "secret");
    authenticator.removeUser("zoe\u0308");
    expect(await login("zoë", "secret")).toBe(401);
  });
});

describe("the API key", () => {
  const apiKey = "0123456789abcdef";

  test("is taken from the header, or from the query if the caller looks there", async () => {
    const { authenticator } = create({ apiKey });
    const api = { user: "api", mayWrite: true, via: "api-key" };
    expect(await authenticator.authenticate({ headers: { "x-api-key": apiKey } }, "a")).toEqual(api);
    expect(await authenticator.authenticate({ headers: {} }, "a", apiKey)).toEqual(api);
    expect(statusOf(await authenticator.authenticate({ headers: {} }, "a", `${apiKey}0`))).toBe(401);
    expect(authenticator.passwordChecks).toBe(0);
  });

  test("is nobody's when there is none", async () => {
    for (const none of [undefined, ""]) {
      const { authenticator } = create(none === undefined ? {} : { apiKey: none });
      for (const guess of ["", "undefined", "x"]) {
        expect(statusOf(await authenticator.authenticate({ headers: { "x-api-key": guess } }, "a"))).toBe(401);
      }
    }
  });

  test("is limited like a password, and is no password", async () => {
    const { authenticator, login } = create({ apiKey, attemptLimits: { attempts: 2, refillMs: 1_000, addresses: 10 } });
    const guess = async (key: string) =>
      statusOf(await authenticator.authenticate({ headers: { "x-api-key": key } }, "9.9.9.9"));
    expect([await guess("a"), await guess("b"), await guess("c"), await guess(apiKey)]).toEqual([401, 401, 429, 429]);
    expect(await login("api", apiKey, "8.8.8.8")).toBe(401);
  });

  test("that is replaced is forgotten", async () => {
    const { authenticator } = create({ apiKey });
    await authenticator.authenticate({ headers: {} }, "a", apiKey);
    authenticator.setApiKey("another");
    expect(statusOf(await authenticator.authenticate({ headers: {} }, "a", apiKey))).toBe(401);
    expect(statusOf(await authenticator.authenticate({ headers: {} }, "a", "another"))).toBe("api");
  });
});
