import { describe, expect, test } from "@jest/globals";
import { AttemptLimiter } from "../../src/auth/attempt-limiter.ts";
import { systemClock } from "../../src/base/clock.ts";

function create(addresses = 100) {
  let now = 1_000;
  const clock = { ...systemClock, now: () => now };
  const limiter = new AttemptLimiter(clock, { attempts: 3, refillMs: 1_000, addresses });
  return { limiter, pass: (ms: number) => (now += ms) };
}

describe("attempts from an address", () => {
  test("are limited, and one more is granted with time", () => {
    const { limiter, pass } = create();
    expect([1, 2, 3].map(() => limiter.take("1.1.1.1"))).toEqual([0, 0, 0]);
    expect(limiter.take("1.1.1.1")).toBe(1_000);
    pass(600);
    expect(limiter.take("1.1.1.1")).toBe(400);
    pass(400);
    expect(limiter.take("1.1.1.1")).toBe(0);
    expect(limiter.take("1.1.1.1")).toBe(1_000);
    pass(60_000);
    expect([1, 2, 3, 4].map(() => limiter.take("1.1.1.1") === 0)).toEqual([true, true, true, false]);
  });

  test("that were right do not count, and do not save up", () => {
    const { limiter } = create();
    for (let login = 0; login < 50; login += 1) {
      expect(limiter.take("1.1.1.1")).toBe(0);
      limiter.giveBack("1.1.1.1");
    }
    limiter.giveBack("1.1.1.1");
    expect([1, 2, 3, 4].map(() => limiter.take("1.1.1.1") === 0)).toEqual([true, true, true, false]);
  });

  test("do not count for other addresses, but for the same one however it is written", () => {
    const { limiter } = create();
    for (const address of ["1.1.1.1", "::ffff:1.1.1.1", "::FFFF:1.1.1.1"]) limiter.take(address);
    expect(limiter.take("1.1.1.1")).toBeGreaterThan(0);
    expect(limiter.take("1.1.1.2")).toBe(0);
  });

  test("count for a whole IPv6 network", () => {
    const { limiter } = create();
    for (const address of ["2001:db8::1", "2001:db8:0:0:ffff::2", "2001:0db8:0000:0000:1:2:3:4%eth0"])
      limiter.take(address);
    expect(limiter.take("2001:db8::9")).toBeGreaterThan(0);
    expect(limiter.take("2001:db8:0:1::1")).toBe(0);
    expect(limiter.take("::1")).toBe(0);
  });

  test("are kept in mind for so many addresses, the ones longest quiet forgotten first", () => {
    const { limiter } = create(10);
    for (let n = 0; n < 3; n += 1) limiter.take("busy");
    for (let n = 0; n < 1_000; n += 1) {
      limiter.take(`10.0.${n >> 8}.${n & 255}`);
      if (n < 5) expect(limiter.take("busy")).toBeGreaterThan(0);
    }
    expect(limiter.size).toBe(10);
  });
});
