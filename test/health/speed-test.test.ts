import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { ArticleError, ProviderError } from "../../src/base/errors.ts";
import type { SpeedProgress } from "../../src/health/speed-test-events.ts";
import { ARTICLE, library, measured } from "./speed-test-line.ts";

const MIB = 2 ** 20;
const gone = new ArticleError("ARTICLE_MISSING", "nobody has it");
const wrong = new ArticleError("ARTICLE_CORRUPT", "its checksum is wrong");
const refused = new ProviderError("PROVIDER_AUTH", "news.example.com refused to log in: 481 wrong password");
const lost = new ProviderError("PROVIDER_UNREACHABLE", "news.example.com closed the connection");

describe("a speed test", () => {
  test("finds how many connections are of use, at which depth, and says it in words", async () => {
    const { report, events, line } = await measured({ whole: 120e6 });
    expect(report.words).toBe("12 connections at depth 2 reach 120 MB/s; more gain less than 5 %");
    expect(report).toMatchObject({ ended: "complete", connections: 12, depth: 2, notes: [] });
    const found = report.steps.map(({ connections, depth, bytesPerSecond }) => [
      connections,
      depth,
      Math.round(bytesPerSecond / 1e6),
    ]);
    expect(found.slice(0, 7)).toEqual([
      [1, 2, 10],
      [2, 2, 20],
      [4, 2, 40],
      [8, 2, 80],
      [16, 2, 118],
      [20, 2, 117],
      [12, 2, 120],
    ]);
    expect(found[7]?.slice(0, 2)).toEqual([12, 1]);
    expect(found[7]?.[2]).toBeLessThan(100);
    expect(found.slice(8)).toEqual([[12, 4, 120]]);
    expect(events.filter(({ kind }) => kind === "step")).toHaveLength(9);
    expect([events[0]?.kind, events.at(-1)?.kind]).toEqual(["start", "report"]);
    expect(line.lanes).toEqual(new Set(["health"]));
  });

  test("measures the round trip without the connection's opening", async () => {
    expect((await measured({ rttMs: 35, wish: { limitBytes: 20 * MIB } })).report.roundTripMs).toBe(35);
    expect((await measured({ stat: "unknown", wish: { limitBytes: 20 * MIB } })).report.roundTripMs).toBeNull();
  });

  test("asks for no article twice, and shares its bounds within a step only", async () => {
    const { line, report } = await measured({ limit: 4 });
    expect([...new Set(line.asked.values())]).toEqual([1]);
    expect([...line.onlies]).toEqual(
      report.steps.map(({ connections, depth }) => ({ provider: "main", connections, depth })),
    );
  });

  test("begins anew in a library that is too small, and says so", async () => {
    const { report, line } = await measured({ sample: library(40), limit: 2 });
    expect(report.ended).toBe("complete");
    expect(report.notes).toEqual([expect.stringContaining("the library is small")]);
    expect(line.asked.size).toBe(40);
  });

  test("a step is three seconds or 64 MiB", async () => {
    const { report } = await measured({ limit: 8, whole: 80e6 });
    for (const { bytesPerSecond, articles } of report.steps) {
      const most = Math.min(64 * MIB, bytesPerSecond * 3.5);
      expect(articles * ARTICLE).toBeLessThan(most + 40 * ARTICLE);
      expect(articles * ARTICLE).toBeGreaterThan(most / 2);
    }
  });

  test("costs no more than it may, and gives what it found", async () => {
    const limitBytes = 100 * MIB;
    const { report, line, events } = await measured({ wish: { limitBytes } });
    expect(line.askedFor * ARTICLE).toBeLessThanOrEqual(limitBytes);
    expect(report.usedBytes).toBeLessThanOrEqual(limitBytes);
    expect(report.usedBytes).toBeGreaterThan(0.9 * limitBytes);
    expect(report).toMatchObject({ ended: "volume", notes: [expect.stringContaining("volume is used up")] });
    expect(events[0]).toMatchObject({ limitBytes, words: "the test may use up to 105 MB of the account's volume" });
    expect(report.words).toMatch(/; more were not tried$/);
  });

  test("a limit that is reached within the first step still gives its figure", async () => {
    const { report } = await measured({ wish: { limitBytes: 4 * MIB } });
    expect(report.steps).toHaveLength(1);
    expect(Math.round((report.steps[0]?.bytesPerSecond as number) / 1e6)).toBe(10);
  });

  test("a limit below one article is refused, and nothing is asked for", async () => {
    const { error, line } = await measured({ wish: { limitBytes: 1000 } });
    expect(error).toMatchObject({ code: "CONFLICT" });
    expect(line.askedFor).toBe(0);
  });

  test("tells the rate on the way", async () => {
    const { events } = await measured({ limit: 1 });
    const progress = events.filter((event): event is SpeedProgress => event.kind === "progress");
    expect(progress.length).toBeGreaterThan(10);
    expect(progress.every(({ connections }) => connections === 1)).toBe(true);
    const used = progress.map(({ usedBytes }) => usedBytes);
    expect(used).toEqual(used.toSorted((a, b) => a - b));
  });

  test("an empty library is told what to do", async () => {
    const { error, events } = await measured({ sample: () => [] });
    expect(error).toMatchObject({ code: "CONFLICT", hint: "import something first" });
    expect(events).toEqual([]);
  });

  test("leaves no timer, no listener and no body behind, and no signal is overfull", async () => {
    const { clock, line } = await measured({ limit: 20 });
    expect([clock.timers, line.inFlight]).toEqual([0, 0]);
    expect(line.most).toBeLessThanOrEqual(80);
  });

  test("takes no more memory than it is given", async () => {
    const { report, line } = await measured({ memoryBytes: 8 * MIB, limit: 20 });
    expect([...line.onlies].every(({ connections, depth }) => connections * depth <= 10)).toBe(true);
    expect(report.words).toMatch(/; there is no memory to try more$/);
  });
});

describe("a speed test and articles that are not there", () => {
  test("passes over what is missing, corrupt or lost, and counts it", async () => {
    const fates = [undefined, gone, wrong, lost, undefined, undefined];
    const { report } = await measured({ limit: 1, fate: (index) => fates[index % fates.length] });
    expect(report.ended).toBe("complete");
    const [first] = report.steps;
    expect(first?.missing).toBeGreaterThan(3);
    expect(first?.corrupt).toBeGreaterThan(3);
    expect(first?.failed).toBeGreaterThan(3);
  });

  test("what turns out to be wrong does not count as speed", async () => {
    // Every second article comes whole, and is wrong.
    const clean = await measured({ limit: 1 });
    const foul = await measured({ limit: 1, fate: (index) => (index % 2 === 0 ? wrong : undefined) });
    const rate = (one: typeof clean) => one.report.steps[0]?.bytesPerSecond as number;
    expect(rate(foul)).toBeLessThanOrEqual(rate(clean) * 1.01);
    expect(foul.report.steps[0]?.articles).toBeLessThanOrEqual(clean.report.steps[0]?.articles as number);
  });

  test("a provider that has none of them ends it", async () => {
    const { error, line } = await measured({ fate: () => gone });
    expect(error).toMatchObject({ code: "ARTICLE_MISSING", hint: expect.stringContaining("older") });
    expect(line.askedFor).toBeLessThanOrEqual(64 + 2);
  });

  test("a provider that sends wrong ones only ends it", async () => {
    const { error, line } = await measured({ fate: () => wrong });
    expect(error).toMatchObject({ code: "ARTICLE_CORRUPT" });
    expect(line.askedFor).toBeLessThanOrEqual(16 + 2);
  });
});

describe("a speed test and a provider that fails", () => {
  test("a refused login ends it at once", async () => {
    const { error, line } = await measured({ fate: () => refused });
    expect(error).toBe(refused);
    expect(line.askedFor).toBeLessThanOrEqual(2);
  });

  test("one that cannot be reached ends it after a few tries", async () => {
    const { error, line } = await measured({ fate: () => lost });
    expect(error).toMatchObject({ code: "PROVIDER_UNREACHABLE" });
    expect(line.askedFor).toBeLessThanOrEqual(8 + 2);
  });

  test("one that stalls is given up in time, and nothing stays behind", async () => {
    const { error, lastedMs, clock, line } = await measured({ fate: () => "stalls" });
    expect(error).toMatchObject({ code: "PROVIDER_TIMEOUT" });
    expect(lastedMs).toBeLessThan(25_000);
    expect([clock.timers, line.inFlight]).toEqual([0, 0]);
  });

  test("one that does not even answer a STAT is given up in time", async () => {
    const { error, lastedMs } = await measured({ rttMs: Number.POSITIVE_INFINITY, fate: () => "stalls" });
    expect(error).toMatchObject({ code: "PROVIDER_TIMEOUT" });
    expect(lastedMs).toBeLessThan(35_000);
  });

  test("one that drips is given up in time", async () => {
    const { error, lastedMs } = await measured({ perConnection: 4_000 });
    expect(error).toMatchObject({ code: "PROVIDER_TIMEOUT" });
    expect(lastedMs).toBeLessThan(25_000);
  });

  test("one that is slow is measured all the same", async () => {
    const { report } = await measured({ perConnection: 100_000, limit: 2 });
    expect(report.steps.map(({ bytesPerSecond }) => Math.round(bytesPerSecond / 1e4))).toEqual([10, 20, 20, 20]);
  });

  test("one that fails on the way leaves what was found so far, with the reason", async () => {
    let isBroken = false;
    const { report } = await measured({
      fate: () => (isBroken ? lost : undefined),
      onEvent: (event) => {
        if (event.kind === "step" && event.connections === 4) isBroken = true;
      },
    });
    expect(report).toMatchObject({ ended: "provider", connections: 4, notes: [`ended early: ${lost.message}`] });
  });

  test("one that allows fewer connections is measured with those", async () => {
    const { report, line } = await measured({
      onEvent: (event, provider) => {
        if (event.kind === "progress" && event.connections === 8) provider.ceiling = 6;
      },
    });
    expect(report.steps.every(({ connections }) => connections <= 6)).toBe(true);
    expect(report.words).toMatch(
      /^6 connections .*; the provider allows no more at present, though 20 are configured$/,
    );
    expect(line.ceiling).toBe(6);
  });

  test("takes three minutes at most, whatever happens", async () => {
    // Each article takes nineteen seconds, so that every step needs nearly all the time it may have.
    const { report, lastedMs } = await measured({ perConnection: ARTICLE / 19, limit: 500, whole: 1e9 });
    expect(report.ended).toBe("time");
    expect(lastedMs).toBeLessThanOrEqual(181_000);
  });
});

describe("a speed test and its neighbours", () => {
  test("does not begin while somebody watches, unless it is wished", async () => {
    const activity = () => ({ streams: 2, imports: 1 });
    const { error, line, events } = await measured({ activity });
    expect(error).toMatchObject({ code: "CONFLICT", message: "2 streams are active: playback comes first" });
    expect([line.askedFor, events]).toEqual([0, []]);

    const { report } = await measured({ activity, limit: 2, wish: { whileStreaming: "share" } });
    expect(report).toMatchObject({ ended: "complete", streams: 2, imports: 1 });
    expect(report.notes).toEqual(["2 streams and 1 import were active: the figures are too low"]);
  });

  test("ends at once when somebody begins to watch, and gives what it found", async () => {
    let streams = 0;
    const { report, clock, line } = await measured({
      activity: () => ({ streams, imports: 0 }),
      onEvent: (event) => {
        if (event.kind === "progress" && event.connections === 4) streams = 1;
      },
    });
    expect(report).toMatchObject({ ended: "playback", connections: 2 });
    expect(report.steps.map(({ connections }) => connections)).toEqual([1, 2]);
    expect(report.notes[0]).toContain("playback comes first");
    expect([clock.timers, line.inFlight]).toEqual([0, 0]);
  });

  test("does not blame the provider when others had all connections, so that nothing was asked", async () => {
    const activity = () => ({ streams: 0, imports: 2 });
    const crowded = await measured({ activity, fate: () => "waits" });
    expect(crowded.error).toMatchObject({ code: "CONFLICT", hint: expect.stringContaining("no import runs") });
    expect((crowded.error as Error).message).toBe(
      "main could not be asked for anything: playback and imports had all connections",
    );
    const later = await measured({ activity, fate: (index) => (index > 40 ? "waits" : undefined) });
    expect(later.report).toMatchObject({ ended: "time" });
    expect(later.report.notes[0]).toBe(`ended early: ${(crowded.error as Error).message}`);
    // Nobody else is there to be blamed, and what was asked and not answered is the provider's fault.
    expect((await measured({ fate: () => "waits" })).error).toMatchObject({ code: "PROVIDER_TIMEOUT" });
    expect((await measured({ activity, fate: () => "stalls" })).error).toMatchObject({ code: "PROVIDER_TIMEOUT" });
    for (const { clock, line } of [crowded, later]) expect([clock.timers, line.inFlight]).toEqual([0, 0]);
  });

  test("an abort ends it with its reason, in the middle of a step", async () => {
    const leaving = new AbortController();
    const reason = new Error("enough");
    const { error, clock, line, events } = await measured({
      signal: leaving.signal,
      onEvent: ({ kind }) => {
        if (kind === "progress") leaving.abort(reason);
      },
    });
    expect(error).toBe(reason);
    expect(events.filter(({ kind }) => kind === "progress")).toHaveLength(1);
    expect([clock.timers, line.inFlight]).toEqual([0, 0]);
    expect(getEventListeners(leaving.signal, "abort")).toHaveLength(0);
  });
});
