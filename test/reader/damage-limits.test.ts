import { describe, expect, test } from "@jest/globals";
import { DamageLimits } from "../../src/reader/damage-limits.ts";

const PART = 1_000;

/** A file of `parts` segments of 1000 bytes, and what is said to holes in them by number. */
function file(parts: number) {
  const limits = new DamageLimits(parts * PART);
  return {
    limits,
    refusal: (part: number) => limits.refusal({ start: part * PART, end: (part + 1) * PART }),
    /** Which of these holes are filled, asked for in this order. */
    filled(...holes: readonly number[]) {
      return holes.filter((part) => this.refusal(part) === undefined);
    },
  };
}

const upTo = (count: number, step = 1) => Array.from({ length: count }, (_, index) => index * step);

describe("a hole is filled", () => {
  test("up to four in a row, from whichever side they are come across", () => {
    expect(file(10_000).filled(5, 6, 7, 8, 9, 10)).toEqual([5, 6, 7, 8]);
    expect(file(10_000).filled(10, 9, 8, 7, 6, 5)).toEqual([10, 9, 8, 7]);
    expect(file(10_000).filled(5, 6, 8, 9, 7)).toEqual([5, 6, 8, 9]);
    expect(file(10_000).filled(5, 6, 8, 7)).toEqual([5, 6, 8, 7]);
    expect(file(10_000).refusal(1)).toBeUndefined();
  });

  test("but not behind one that was refused: a longer gap stays one gap", () => {
    const damaged = file(10_000);
    expect(damaged.filled(...upTo(12))).toEqual([0, 1, 2, 3]);
    expect(damaged.refusal(11)).toBe("more than 4 articles in a row are damaged");
    expect(damaged.filled(20, 21)).toEqual([20, 21]);
  });

  test("up to 64 in all", () => {
    const damaged = file(100_000);
    expect(damaged.filled(...upTo(70, 3))).toHaveLength(64);
    expect(damaged.refusal(300)).toBe("more than 64 articles of the file are damaged");
  });

  test("up to 2 % of the file, to the byte", () => {
    const damaged = file(150);
    expect(damaged.filled(0, 10, 20, 30)).toEqual([0, 10, 20]);
    expect(damaged.refusal(30)).toBe("more than 2 % of the file is damaged");
    expect(file(49).filled(3)).toEqual([]);
    expect(file(50).filled(3)).toEqual([3]);
    expect(new DamageLimits(50 * PART).refusal({ start: 0, end: PART + 1 })).toBeDefined();
  });

  test("again and again, without being counted twice, even when the limits have been reached since", () => {
    const damaged = file(150);
    for (let read = 0; read < 100; read++) expect(damaged.filled(0, 1, 2, 40)).toEqual([0, 1, 2]);
  });
});

describe("a hole that is none any more", () => {
  test("makes room for another", () => {
    const damaged = file(150);
    expect(damaged.filled(0, 10, 20, 30)).toEqual([0, 10, 20]);
    damaged.limits.forget(10 * PART);
    expect(damaged.filled(30, 40)).toEqual([30]);
  });

  test("parts those beside it", () => {
    const damaged = file(10_000);
    expect(damaged.filled(0, 1, 2, 3, 4)).toEqual([0, 1, 2, 3]);
    damaged.limits.forget(PART);
    damaged.limits.forget(PART);
    damaged.limits.forget(500 * PART);
    expect(damaged.filled(4, 5, 6)).toEqual([4, 5]);
  });
});

test("a file with more holes than are kept in mind has no more filled", () => {
  const damaged = file(1_000_000);
  expect(damaged.filled(...upTo(1_000))).toHaveLength(4);
  expect(damaged.refusal(500_000)).toBe("more than 1000 articles of the file are damaged");
  expect(damaged.filled(0, 1, 2, 3)).toHaveLength(4);
});
