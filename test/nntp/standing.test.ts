import { describe, expect, test } from "@jest/globals";
import { Standing } from "../../src/nntp/standing.ts";

interface Measured {
  readonly rttMs?: number;
  readonly bytesPerSecond?: number;
  readonly articleBytes?: number;
  readonly missing?: number;
}

function standing({ rttMs, bytesPerSecond, articleBytes, missing = 0 }: Measured): Standing {
  const made = new Standing();
  if (rttMs !== undefined) made.noteRtt(rttMs);
  if (bytesPerSecond !== undefined) made.noteRate(bytesPerSecond);
  if (articleBytes !== undefined) made.noteAnswer(articleBytes);
  for (let count = 0; count < missing; count += 1) made.noteAnswer(0);
  return made;
}

const MB = 1_000_000;

describe("bodies under way on one connection", () => {
  test.each([
    ["nothing is known", {}, 2],
    ["only the round trip is known", { rttMs: 200 }, 2],
    ["the server is next door", { rttMs: 0, bytesPerSecond: 500 * MB, articleBytes: 716_800 }, 2],
    ["5 ms, 20 MB/s", { rttMs: 5, bytesPerSecond: 20 * MB, articleBytes: 716_800 }, 2],
    ["20 ms, 20 MB/s: 400 kB on the way", { rttMs: 20, bytesPerSecond: 20 * MB, articleBytes: 716_800 }, 2],
    ["50 ms, 20 MB/s: 1 MB on the way", { rttMs: 50, bytesPerSecond: 20 * MB, articleBytes: 716_800 }, 3],
    ["100 ms, 20 MB/s: 2 MB on the way", { rttMs: 100, bytesPerSecond: 20 * MB, articleBytes: 716_800 }, 4],
    ["20 ms, 2 MB/s, small articles", { rttMs: 20, bytesPerSecond: 2 * MB, articleBytes: 64_000 }, 2],
    ["100 ms, 2 MB/s, small articles", { rttMs: 100, bytesPerSecond: 2 * MB, articleBytes: 64_000 }, 5],
    ["100 ms, 10 MB/s, small articles", { rttMs: 100, bytesPerSecond: 10 * MB, articleBytes: 64_000 }, 17],
    ["never more than 3 MB beyond the first", { rttMs: 300, bytesPerSecond: 100 * MB, articleBytes: 716_800 }, 6],
    ["never more than 3 MB of small ones", { rttMs: 300, bytesPerSecond: 100 * MB, articleBytes: 64_000 }, 48],
    ["articles larger than that", { rttMs: 300, bytesPerSecond: 100 * MB, articleBytes: 10 * MB }, 2],
  ] as const)("%s", (_name, measured: Measured, depth) => {
    expect(standing(measured).depth).toBe(depth);
  });
});

describe("an unwanted rest is read when that is sooner done than to reconnect", () => {
  test.each([
    ["5 ms, 2 MB/s: 50 kB, less than what is always read", 5, 2 * MB, 64 * 1024],
    ["20 ms, 2 MB/s", 20, 2 * MB, 200_000],
    ["50 ms, 2 MB/s", 50, 2 * MB, 500_000],
    ["20 ms, 10 MB/s", 20, 10 * MB, 1_000_000],
    ["100 ms, 10 MB/s", 100, 10 * MB, 5_000_000],
  ])("%s", (_name, rttMs, bytesPerSecond, breakEven) => {
    const made = standing({ rttMs, bytesPerSecond });
    expect(made.isWorthReading(breakEven - 1)).toBe(true);
    expect(made.isWorthReading(breakEven)).toBe(false);
  });

  test("before anything was measured only a little is read", () => {
    expect(new Standing().isWorthReading(64 * 1024 - 1)).toBe(true);
    expect(new Standing().isWorthReading(64 * 1024)).toBe(false);
  });
});

describe("what counts as a stall", () => {
  test("a second, until eight answers have been seen", () => {
    const made = new Standing();
    for (let count = 0; count < 7; count += 1) made.noteRtt(20);
    expect(made.stallMs).toBe(1_000);
    made.noteRtt(20);
    expect(made.stallMs).toBe(100);
  });

  test("longer than 95 of 100 answers take", () => {
    const made = new Standing();
    for (let count = 0; count < 64; count += 1) made.noteRtt(count % 16 === 15 ? 700 : 20);
    expect(made.stallMs).toBe(700);
    const steady = new Standing();
    for (let count = 0; count < 64; count += 1) steady.noteRtt(count === 20 || count === 40 ? 5_000 : 150);
    expect(steady.stallMs).toBe(450);
  });

  test("never less than 100 ms or three round trips", () => {
    const near = new Standing();
    for (let count = 0; count < 20; count += 1) near.noteRtt(1);
    expect(near.stallMs).toBe(100);
    const far = new Standing();
    for (let count = 0; count < 20; count += 1) far.noteRtt(200);
    expect(far.stallMs).toBe(600);
  });

  test("follows a provider that has become slower, and one that has become quicker", () => {
    const made = new Standing();
    for (let count = 0; count < 64; count += 1) made.noteRtt(20);
    for (let count = 0; count < 64; count += 1) made.noteRtt(300);
    expect(made.stallMs).toBeGreaterThanOrEqual(300);
    for (let count = 0; count < 64; count += 1) made.noteRtt(20);
    expect(made.stallMs).toBe(100);
  });
});

describe("who is likely to have an article here soonest", () => {
  const ARTICLE = 740_000;
  const cost = (measured: Measured, ahead = 0) => standing(measured).costMs(ARTICLE, ahead);

  test.each([
    [
      "the nearer one of two equally quick ones",
      { rttMs: 20, bytesPerSecond: 5 * MB },
      { rttMs: 80, bytesPerSecond: 5 * MB },
    ],
    [
      "the one with the better line, though it is farther away",
      { rttMs: 80, bytesPerSecond: 20 * MB },
      { rttMs: 20, bytesPerSecond: 2 * MB },
    ],
    [
      "the one that has what it is asked for",
      { rttMs: 40, bytesPerSecond: 5 * MB, articleBytes: ARTICLE },
      { rttMs: 20, bytesPerSecond: 5 * MB, articleBytes: ARTICLE, missing: 20 },
    ],
    ["one of whom nothing is known yet: it has to be tried", {}, { rttMs: 20, bytesPerSecond: 5 * MB }],
  ] as const)("%s", (_name, better: Measured, worse: Measured) => {
    expect(cost(better)).toBeLessThan(cost(worse));
  });

  test("what is under way on the connection is waited for", () => {
    const measured = { rttMs: 20, bytesPerSecond: 5 * MB };
    expect(cost(measured, 2 * ARTICLE)).toBeGreaterThan(2.5 * cost(measured));
  });

  test("to wait behind something on an unknown line is no better than an idle known one", () => {
    expect(cost({}, ARTICLE)).toBeGreaterThan(cost({ rttMs: 20, bytesPerSecond: 5 * MB }));
  });

  test("misses are forgotten as it has what it is asked for again", () => {
    const made = standing({ articleBytes: ARTICLE, missing: 20 });
    expect(made.missRate).toBeGreaterThan(0.9);
    for (let count = 0; count < 40; count += 1) made.noteAnswer(ARTICLE);
    expect(made.missRate).toBeLessThan(0.01);
  });
});
