import { describe, expect, test } from "@jest/globals";
import { Nonces } from "../../src/auth/nonces.ts";
import { ManualClock } from "../manual-clock.ts";

const LIMITS = { unansweredMs: 1_000, answeredMs: 10_000, sessions: 3 };

function create(limits = LIMITS) {
  const clock = new ManualClock();
  return { clock, nonces: new Nonces<string>(clock, limits) };
}

describe("a nonce", () => {
  test("is good until it is too old, and costs no memory until it is answered", () => {
    const { clock, nonces } = create();
    const made = Array.from({ length: 1000 }, () => nonces.make());
    expect(new Set(made).size).toBe(1000);
    expect(made.every((nonce) => /^[\w-]+$/.test(nonce) && nonces.look(nonce).isFresh)).toBe(true);
    expect(nonces.size).toBe(0);
    clock.advance(1_001);
    expect(made.some((nonce) => nonces.look(nonce).isFresh)).toBe(false);
  });

  test("of another process, or changed by one character, is none", () => {
    const { nonces } = create();
    const nonce = nonces.make();
    expect(create().nonces.look(nonce)).toEqual({ isFresh: false, proof: undefined });
    for (const at of [0, 8, 20, 43]) {
      const other = nonce[at] === "A" ? "B" : "A";
      expect(nonces.look(nonce.slice(0, at) + other + nonce.slice(at + 1)).isFresh).toBe(false);
    }
    for (const text of ["", "x", `${nonce}A`, nonce.slice(1), "%".repeat(44)]) {
      expect(nonces.look(text).isFresh).toBe(false);
    }
  });

  test("that was answered lives longer, and knows what was proven", () => {
    const { clock, nonces } = create();
    const nonce = nonces.make();
    nonces.take(nonce, 1, "zoë");
    clock.advance(9_999);
    expect(nonces.look(nonce)).toEqual({ isFresh: true, proof: "zoë" });
    clock.advance(2);
    expect(nonces.look(nonce)).toEqual({ isFresh: false, proof: "zoë" });
  });

  test("may be made for one who has proven it already", () => {
    const { nonces } = create();
    expect(nonces.look(nonces.make("zoë"))).toEqual({ isFresh: true, proof: "zoë" });
  });
});

describe("the counts of a nonce", () => {
  const taking = () => {
    const { nonces } = create();
    const nonce = nonces.make();
    return (count: number) => nonces.take(nonce, count, "");
  };

  test("are each taken once, in any order", () => {
    const take = taking();
    const counts = [1, 2, 5, 3, 4, 1000, 999, 6, 1023];
    expect(counts.map(take)).toEqual(counts.map(() => true));
    expect(counts.map(take)).toEqual(counts.map(() => false));
  });

  test("are refused when they come far too late, since nobody remembers so many", () => {
    const take = taking();
    expect([take(2000), take(976), take(977), take(977)]).toEqual([true, false, true, false]);
  });

  test("do not shadow those that are one window later", () => {
    const take = taking();
    for (let count = 0; count < 5000; count += 1) expect(take(count)).toBe(true);
    expect([take(4999), take(5000 + 1024), take(5001), take(5000 + 1024), take(0xffffffff)]).toEqual([
      false,
      true,
      true,
      false,
      true,
    ]);
  });

  test("say the same as a list of all that were taken, whatever the order", () => {
    const take = taking();
    const taken = new Set<number>();
    let highest = -1;
    let seed = 7;
    for (let step = 0; step < 20_000; step += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      const count = Math.max(0, highest + (seed % 1500) - 1200);
      expect(take(count)).toBe(count > highest - 1024 && !taken.has(count));
      if (count > highest - 1024) taken.add(count);
      highest = Math.max(highest, count);
    }
  });
});

describe("the memory of nonces", () => {
  test("is bounded, and what it forgets is never good again", () => {
    const { clock, nonces } = create();
    const before = nonces.make();
    const answered = Array.from({ length: 4 }, () => {
      clock.advance(1);
      const nonce = nonces.make();
      nonces.take(nonce, 1, "zoë");
      return nonce;
    });
    const after = nonces.make();
    expect(nonces.size).toBe(3);
    expect(answered.map((nonce) => nonces.look(nonce).isFresh)).toEqual([false, true, true, true]);
    // Nobody can tell it from the one that was forgotten.
    expect([nonces.look(before).isFresh, nonces.look(after).isFresh]).toEqual([false, true]);
  });

  test("keeps those that are used", () => {
    const { clock, nonces } = create();
    const [first = "", ...others] = Array.from({ length: 4 }, () => {
      clock.advance(1);
      return nonces.make();
    });
    nonces.take(first, 1, "zoë");
    for (const [count, nonce] of others.entries()) {
      nonces.take(nonce, 1, "zoë");
      nonces.take(first, count + 2, "zoë");
    }
    expect(nonces.look(first).isFresh).toBe(true);
  });
});
