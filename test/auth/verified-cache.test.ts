import { describe, expect, test } from "@jest/globals";
import type { Identity } from "../../src/auth/identity.ts";
import { VerifiedCache } from "../../src/auth/verified-cache.ts";

const identity = (user: string): Identity => ({ user, mayWrite: true, via: "password" });

describe("the memory of credentials", () => {
  test("knows a credential by a fingerprint that nobody else can compute", () => {
    const [one, two] = [new VerifiedCache(), new VerifiedCache()];
    expect(one.fingerprint("u", "p")).toBe(one.fingerprint("u", "p"));
    expect(one.fingerprint("u", "p")).not.toBe(two.fingerprint("u", "p"));
    expect(one.fingerprint("up", "")).not.toBe(one.fingerprint("u", "p"));
  });

  test("tells right from wrong, and does not know others", () => {
    const cache = new VerifiedCache();
    const right = cache.fingerprint("u", "p");
    const wrong = cache.fingerprint("u", "q");
    cache.remember(right, { owner: "u", identity: identity("u") });
    cache.remember(wrong, { owner: "u", identity: undefined });
    expect(cache.find(right)).toEqual({ owner: "u", identity: identity("u") });
    expect(cache.find(wrong)).toEqual({ owner: "u", identity: undefined });
    expect(cache.find(cache.fingerprint("u", "r"))).toBeUndefined();
  });

  test("forgets one user's, right and wrong, and keeps the others'", () => {
    const cache = new VerifiedCache();
    for (const user of ["a", "b"]) {
      cache.remember(cache.fingerprint(user, "p"), { owner: user, identity: identity(user) });
      cache.remember(cache.fingerprint(user, "q"), { owner: user, identity: undefined });
    }
    cache.forget("a");
    expect(cache.size).toBe(2);
    expect(cache.find(cache.fingerprint("b", "p"))?.identity).toEqual(identity("b"));
  });

  test("is bounded, drops what was used longest ago, and is not emptied by guessing", () => {
    const cache = new VerifiedCache(3);
    const right = (name: string) => cache.fingerprint(name);
    for (const name of ["a", "b", "c"]) cache.remember(right(name), { owner: name, identity: identity(name) });
    cache.find(right("a"));
    cache.remember(right("d"), { owner: "d", identity: identity("d") });
    for (let guess = 0; guess < 100; guess += 1) {
      cache.remember(cache.fingerprint("x", String(guess)), { owner: "x", identity: undefined });
    }
    expect(cache.size).toBe(6);
    expect(["a", "b", "c", "d"].map((name) => cache.find(right(name)) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });
});
