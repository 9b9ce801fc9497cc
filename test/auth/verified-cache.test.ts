import { describe, expect, test } from "@jest/globals";
import { VerifiedCache } from "../../src/auth/verified-cache.ts";

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
    cache.remember(right, { user: "u", isRight: true });
    cache.remember(wrong, { user: "u", isRight: false });
    expect(cache.find(right)).toEqual({ user: "u", isRight: true });
    expect(cache.find(wrong)).toEqual({ user: "u", isRight: false });
    expect(cache.find(cache.fingerprint("u", "r"))).toBeUndefined();
  });

  test("forgets one user's, right and wrong, and keeps the others'", () => {
    const cache = new VerifiedCache();
    for (const user of ["a", "b"]) {
      cache.remember(cache.fingerprint(user, "p"), { user, isRight: true });
      cache.remember(cache.fingerprint(user, "q"), { user, isRight: false });
    }
    cache.forget("a");
    expect(cache.size).toBe(2);
    expect(cache.find(cache.fingerprint("b", "p"))?.isRight).toBe(true);
  });

  test("is bounded, drops what was used longest ago, and is not emptied by guessing", () => {
    const cache = new VerifiedCache(3);
    const right = (name: string) => cache.fingerprint(name);
    for (const name of ["a", "b", "c"]) cache.remember(right(name), { user: name, isRight: true });
    cache.find(right("a"));
    cache.remember(right("d"), { user: "d", isRight: true });
    for (let guess = 0; guess < 100; guess += 1) {
      cache.remember(cache.fingerprint("x", String(guess)), { user: "x", isRight: false });
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
