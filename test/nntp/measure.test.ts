import { describe, expect, test } from "@jest/globals";
import { Floor, Mean } from "../../src/nntp/measure.ts";

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

describe("Floor", () => {
  test("keeps the least, and is not moved by a few slow answers", () => {
    const floor = new Floor();
    expect(floor.value).toBeUndefined();
    for (const sample of [300, 40, 200, 500]) floor.add(sample);
    expect(floor.value).toBeLessThan(42);
  });

  test("follows a line that has become slower", () => {
    const floor = new Floor();
    floor.add(40);
    for (let n = 0; n < 60; n += 1) floor.add(100);
    expect(floor.value).toBe(100);
  });
});
