import { describe, expect, test } from "@jest/globals";
import { ArticleError, ProviderError } from "../../src/base/errors.ts";
import { Holes } from "../../src/reader/holes.ts";
import { ManualClock } from "../manual-clock.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const missing = () => new ArticleError("ARTICLE_MISSING", "no provider has it", { hint: "look elsewhere" });
const corrupt = () => new ArticleError("ARTICLE_CORRUPT", "no provider has it intact");

/** Segments whose fetches fail as told, or succeed, and are counted. */
function start() {
  const clock = new ManualClock();
  const holes = new Holes(clock);
  let asked = 0;
  return {
    clock,
    holes,
    get asked() {
      return asked;
    },
    async fetch(key: string, failure?: unknown): Promise<unknown> {
      try {
        return await holes.around(key, async () => {
          asked += 1;
          if (failure !== undefined) throw failure;
          return "bytes";
        });
      } catch (error) {
        return error;
      }
    },
  };
}

describe("a hole is remembered", () => {
  test("whoever comes next is told the same at once, and nobody is asked", async () => {
    const world = start();
    const first = missing();
    expect(await world.fetch("a", first)).toBe(first);
    world.clock.advance(3 * MINUTE);
    expect(await world.fetch("a")).toMatchObject({
      code: "ARTICLE_MISSING",
      message: "no provider has it",
      hint: "look elsewhere; providers were asked 3 min ago and are asked again in 7 min",
    });
    expect(world.asked).toBe(1);
  });

  test("others are asked for all the same", async () => {
    const world = start();
    await world.fetch("a", missing());
    expect(await world.fetch("b")).toBe("bytes");
  });

  test.each([
    ["missing: 10 minutes, doubling up to 6 hours", missing, [10, 20, 40, 80, 160, 320, 360, 360]],
    ["corrupt: 1 minute, doubling up to 10", corrupt, [1, 2, 4, 8, 10, 10]],
  ])("%s", async (_, failure, minutes) => {
    const world = start();
    for (const [count, forMinutes] of minutes.entries()) {
      await world.fetch("a", failure());
      expect(world.asked).toBe(count + 1);
      world.clock.advance(forMinutes * MINUTE - 1);
      await world.fetch("a", failure());
      expect(world.asked).toBe(count + 1);
      world.clock.advance(1);
    }
  });

  test("two fetches of it at once are one discovery", async () => {
    const world = start();
    await Promise.all([world.fetch("a", missing()), world.fetch("a", missing())]);
    world.clock.advance(10 * MINUTE);
    expect(world.holes.known("a")).toBeUndefined();
  });

  test("one that is corrupt after it was missing begins anew", async () => {
    const world = start();
    await world.fetch("a", missing());
    world.clock.advance(10 * MINUTE);
    await world.fetch("a", corrupt());
    world.clock.advance(MINUTE - 1);
    expect(world.holes.known("a")).toMatchObject({ code: "ARTICLE_CORRUPT", hint: expect.stringMatching(/in 1 s$/) });
    world.clock.advance(1);
    expect(world.holes.known("a")).toBeUndefined();
  });
});

describe("a hole is forgotten", () => {
  test("when the segment turns out to be there, with all its past", async () => {
    const world = start();
    await world.fetch("a", missing());
    world.clock.advance(10 * MINUTE);
    expect(await world.fetch("a")).toBe("bytes");
    await world.fetch("a", missing());
    world.clock.advance(10 * MINUTE);
    expect(world.holes.known("a")).toBeUndefined();
  });

  test("with all others when somebody wants to know anew", async () => {
    const world = start();
    for (const key of ["a", "b"]) await world.fetch(key, missing());
    world.holes.clear();
    for (const key of ["a", "b"]) expect(await world.fetch(key)).toBe("bytes");
  });

  test("when ten thousand others have come since", async () => {
    const world = start();
    for (let index = 0; index <= 10_000; index++) world.holes.note(`${index}`, missing());
    expect(world.holes.known("0")).toBeUndefined();
    expect(world.holes.known("1")).toBeDefined();
    expect(world.holes.known("10000")).toBeDefined();
  });
});

test.each([
  ["silence of a provider", new ProviderError("PROVIDER_TIMEOUT", "no answer")],
  ["a reader that left", new DOMException("left", "AbortError")],
  ["a defect", new TypeError("oops")],
])("%s is no hole", async (_, failure) => {
  const world = start();
  expect(await world.fetch("a", failure)).toBe(failure);
  expect(await world.fetch("a", failure)).toBe(failure);
  expect(world.asked).toBe(2);
});

test("silence does not make a known hole any less known", async () => {
  const world = start();
  await world.fetch("a", missing());
  world.clock.advance(10 * MINUTE);
  await world.fetch("a", new ProviderError("PROVIDER_BUSY", "too many connections"));
  await world.fetch("a", missing());
  world.clock.advance(15 * MINUTE);
  expect(world.holes.known("a")).toBeDefined();
  world.clock.advance(HOUR);
  expect(world.holes.known("a")).toBeUndefined();
});
