import { describe, expect, test } from "@jest/globals";
import { Mean, Quantile } from "../../src/nntp/measure.ts";

describe("Mean", () => {
  test("is unknown at first, then moves a part of the way to each sample", () => {
    const mean = new Mean();
    expect(mean.value).toBeUndefined();
    mean.add(100);
    mean.add(200);
    expect(mean.value).toBeCloseTo(115);
    for (let n = 0; n < 100; n += 1) mean.add(200);
    expect(mean.value).toBeCloseTo(200);
  });
});

describe("Quantile", () => {
  test("is unknown until there are enough samples", () => {
    const quantile = new Quantile(0.5, 3);
    for (const sample of [1, 2]) quantile.add(sample);
    expect(quantile.value).toBeUndefined();
    quantile.add(3);
    expect(quantile.value).toBe(2);
  });

  test("is not moved by a few samples that are far off, whichever side they are on", () => {
    const quantile = new Quantile(0.25, 1);
    for (let n = 0; n < 64; n += 1) quantile.add(n % 8 === 0 ? 500 : n % 16 === 1 ? 1 : 40);
    expect(quantile.value).toBe(40);
  });

  test("forgets all but the latest 64", () => {
    const quantile = new Quantile(0.25, 1);
    for (let n = 0; n < 64; n += 1) quantile.add(40);
    for (let n = 0; n < 64; n += 1) quantile.add(100);
    expect(quantile.value).toBe(100);
  });
});
