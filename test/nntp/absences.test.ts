import { describe, expect, test } from "@jest/globals";
import { Absences } from "../../src/nntp/absences.ts";
import type { Provider } from "../../src/nntp/provider.ts";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";
import { type Engine, startEngine } from "./engine-fixture.ts";

const TEN_MINUTES = 600_000;

function absences() {
  const clock = new ManualClock();
  // Told apart by identity; nothing of a provider is looked at.
  const [one, other] = [{}, {}] as [Provider, Provider];
  return { clock, known: new Absences(clock), one, other };
}

describe("Absences", () => {
  test("one miss is none, two in a row are a sign, for this post and this provider only", () => {
    const { known, one, other } = absences();
    known.missing(1, one);
    expect(known.isLikely(1, one)).toBe(false);
    known.missing(1, one);
    expect(known.isLikely(1, one)).toBe(true);
    expect(known.isLikely(1, other)).toBe(false);
    expect(known.isLikely(2, one)).toBe(false);
  });

  test("one success forgets it", () => {
    const { known, one } = absences();
    for (let count = 0; count < 9; count += 1) known.missing(1, one);
    known.present(1, one);
    expect(known.isLikely(1, one)).toBe(false);
    known.missing(1, one);
    expect(known.isLikely(1, one)).toBe(false);
  });

  test("ten minutes forget it, wholly: it takes two in a row again", () => {
    const { known, one, clock } = absences();
    known.missing(1, one);
    known.missing(1, one);
    clock.advance(TEN_MINUTES - 1);
    expect(known.isLikely(1, one)).toBe(true);
    clock.advance(1);
    expect(known.isLikely(1, one)).toBe(false);
    known.missing(1, one);
    expect(known.isLikely(1, one)).toBe(false);
    known.missing(1, one);
    expect(known.isLikely(1, one)).toBe(true);
  });

  test("of what belongs to no post nothing is concluded", () => {
    const { known, one } = absences();
    for (let count = 0; count < 5; count += 1) known.missing(undefined, one);
    expect(known.isLikely(undefined, one)).toBe(false);
  });

  test("a thousand posts are remembered, and no more than that", () => {
    const { known, one } = absences();
    for (let post = 0; post <= 1_000; post += 1) for (let twice = 0; twice < 2; twice += 1) known.missing(post, one);
    expect(known.isLikely(0, one)).toBe(false);
    expect(known.isLikely(1, one)).toBe(true);
    expect(known.isLikely(1_000, one)).toBe(true);
  });
});

/** Two providers of one tier and one of the next. */
const threeProviders = () => startEngine({ providers: [{ tier: 0 }, { tier: 0 }, { tier: 1 }], parts: 200 });

/** Fetches parts of a post one after another, and says how often each provider was asked. */
async function commands(engine: Engine, post: number, indexes: readonly number[]): Promise<readonly number[]> {
  const before = engine.servers.map(({ counters }) => counters.commands.BODY);
  for (const index of indexes) {
    expect((await engine.fetch(index, { post })).equals(engine.content(index))).toBe(true);
  }
  return engine.servers.map(({ counters }, server) => counters.commands.BODY - (before[server] ?? 0));
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

/** Lets the first provider say twice that it lacks a part of post 7, and then be the better one of the two in everything else. */
async function learn(engine: Engine): Promise<void> {
  const only = { provider: "p0", connections: 1, depth: 1 };
  engine.server.behave({ faults: () => "missing" });
  for (const index of [150, 151]) {
    await expect(engine.fetch(index, { post: 7, only })).rejects.toMatchObject({ code: "ARTICLE_MISSING" });
  }
  engine.server.behave({ faults: () => undefined });
  for (const index of range(152, 192)) await engine.fetch(index, { post: 9, only });
  engine.servers[1]?.behave({ faults: () => "missing" });
  await expect(engine.fetch(192, { only: { ...only, provider: "p1" } })).rejects.toMatchObject({
    code: "ARTICLE_MISSING",
  });
  engine.servers[1]?.behave({ faults: () => undefined });
}

describe("neighbours of what a provider lacks", () => {
  test("are asked of another provider of the tier, and other posts are not", async () => {
    await using engine = await threeProviders();
    expect(await commands(engine, 7, range(0, 5))).toEqual([5, 0, 0]);
    await learn(engine);
    expect(await commands(engine, 7, range(5, 25))).toEqual([0, 20, 0]);
    expect(await commands(engine, 8, range(25, 35))).toEqual([10, 0, 0]);
  });

  test("are asked of it in the end when the other one lacks them too, before the next tier; one success makes up for all", async () => {
    await using engine = await threeProviders();
    await learn(engine);
    engine.servers[1]?.behave({ faults: () => "missing" });
    expect(await commands(engine, 7, [0])).toEqual([1, 1, 0]);
    expect(await commands(engine, 7, range(1, 6))).toEqual([5, 0, 0]);
  });

  test("are asked of it first again after ten minutes", async () => {
    await using engine = await threeProviders();
    await learn(engine);
    engine.clock.advance(TEN_MINUTES - 1);
    expect(await commands(engine, 7, [0, 1])).toEqual([0, 2, 0]);
    engine.clock.advance(1);
    // Connections had been given back meanwhile; one that is open is taken rather than another opened.
    engine.pool.warmUp();
    await until(() => engine.pool.snapshot()[0]?.connections.open === 4);
    expect(await commands(engine, 7, [2])).toEqual([1, 0, 0]);
  });

  test("never leave their tier for that: the first tier is asked first, whatever it lacked", async () => {
    await using engine = await startEngine({ providers: [{}, {}] });
    const lacking = new Set(range(0, 10).map((index) => engine.id(index)));
    engine.server.behave({ faults: (id) => (lacking.has(id) ? "missing" : undefined) });
    expect(await commands(engine, 7, range(0, 10))).toEqual([10, 10]);
    expect(await commands(engine, 7, range(10, 20))).toEqual([10, 0]);
  });

  test("that a second try brought make up for them as well", async () => {
    await using engine = await threeProviders();
    await learn(engine);
    engine.servers[1]?.behave({ faults: () => "hangInsteadOfReply" });
    const reading = engine.read(0, { post: 7 });
    while (engine.pool.hedges.asked === 0) await engine.pass(100);
    expect((await reading).equals(engine.content(0))).toBe(true);
    expect([engine.asked(0, 0), engine.asked(0, 1)]).toEqual([1, 1]);
    engine.servers[1]?.behave({ faults: () => undefined });
    expect(await commands(engine, 7, [1])).toEqual([1, 0, 0]);
  });
});
