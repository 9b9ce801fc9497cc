import { describe, expect, test } from "@jest/globals";
import { seededRandom } from "../../random.ts";
import { until } from "../../until.ts";
import { type Answer, bytes, type Client, collect, KEY_HOLDER, TESTER, take } from "../client.ts";
import { type Film, isRightOrBroken, type System, startFilm, startSystem } from "../fixture.ts";
import { bodiesOf, fetched } from "../wire.ts";

const PART = 100_000;

/** 200 small ranges, none across a border, inside 8 segments from the tenth on. */
function scrubs(seed: number): readonly (readonly [number, number])[] {
  const random = seededRandom(seed);
  return Array.from({ length: 200 }, (_, index) => {
    const length = 1 + Math.floor(random() * 4_096);
    const start = (10 + (index % 8)) * PART + Math.floor(random() * (PART - length));
    return [start, start + length] as const;
  });
}

async function readAll(film: Film, clients: readonly Client[], ranges: readonly (readonly [number, number])[]) {
  const answers = await Promise.all(
    ranges.map(([start, end], index) => (clients[index % clients.length] as Client).get(film.path, bytes(start, end))),
  );
  answers.forEach(({ status, body }, index) => {
    const [start, end] = ranges[index] as readonly [number, number];
    expect(status).toBe(206);
    expect(body.equals(film.content.read(start, end - start))).toBe(true);
  });
}

describe("what many readers share", () => {
  test.each([
    ["over one connection", [{ connections: 1 }]],
    ["over 16 connections at once", [{ connections: 16 }]],
    [
      "over two users",
      [
        { connections: 2, headers: TESTER },
        { connections: 2, headers: KEY_HOLDER, localAddress: "127.0.0.2" },
      ],
    ],
  ])("I9 scrubs coalesce: 200 small ranges inside 8 segments cost 8 fetches, %s", async (_how, wishes) => {
    await using world = await startFilm({ articles: 40 });
    const { system, film } = world;
    const clients = wishes.map((wish) => system.client(wish));
    await readAll(film, clients, scrubs(9));
    for (const client of clients) client[Symbol.dispose]();
    expect(bodiesOf(system)).toEqual(Array(8).fill(1));
  });

  test("I9 scrubs coalesce: a read across the end of the file is clamped, twice, and costs one fetch", async () => {
    await using world = await startFilm({ articles: 40 });
    const { system, film } = world;
    for (let round = 0; round < 2; round += 1) {
      const answer = await system.get(film.path, bytes(film.size - 10, film.size + 500));
      expect(answer.status).toBe(206);
      expect(answer.headers["content-range"]).toBe(`bytes ${film.size - 10}-${film.size - 1}/${film.size}`);
      expect(answer.body.equals(film.content.read(film.size - 10, 10))).toBe(true);
    }
    expect(bodiesOf(system)).toEqual([1]);
  });

  test("I19 memory has a ceiling: 32 streams within 5 MiB hold no more than that, and each is right or refused", async () => {
    await using world = await startFilm({ articles: 40, settings: { "cache.memoryBytes": "5MiB" } });
    const { system, film } = world;
    const { budgetBytes } = system.app.cache.stats();
    expect(budgetBytes).toBe(5 * 2 ** 20);
    let most = 0;
    const starts = Array.from({ length: 32 }, (_, index) => Math.floor((index * film.size) / 40));
    const streams = starts.map(async (start, index): Promise<Answer> => {
      const headers = { ...bytes(start), "User-Agent": `player ${index}` };
      const response = await system.client().open(film.path, headers);
      response.on("data", () => {
        most = Math.max(most, system.app.cache.stats().allocatedBytes);
      });
      return await collect(response);
    });
    const answers = await Promise.all(streams);
    // Articles do not fit 32 times, so that the ceiling was reached.
    expect(most).toBeGreaterThan(budgetBytes / 2);
    expect(most).toBeLessThanOrEqual(budgetBytes);
    answers.forEach((answer, index) => {
      expect(isRightOrBroken(answer, film, starts[index] as number, film.size)).toBe(true);
    });
    // Enough memory for one article each in turn is enough for everybody.
    expect(answers.filter(({ isBroken, status }) => isBroken || status !== 206)).toEqual([]);
    expect(system.app.cache.stats()).toMatchObject({ flights: 0, pinnedSlots: 0 });
  });

  test("I19 memory has a ceiling: 32 players that stop reading hold no more than the budget, and another one is served", async () => {
    await using system = await startSystem({ settings: { "cache.memoryBytes": "64MiB" } });
    // More than sockets take, in few articles.
    const film = system.addCold({ size: 24 * 2 ** 20, partSize: 700_000 });
    const players = Array.from({ length: 32 }, async (_, index) => {
      const headers = { "User-Agent": `player ${index}` };
      const asking = system.client().ask(film.path, headers);
      await take(await asking.response, 65_536);
      return asking;
    });
    const asked = await Promise.all(players);
    const { allocatedBytes, budgetBytes, pinnedSlots } = system.app.cache.stats();
    expect(allocatedBytes).toBeLessThanOrEqual(budgetBytes);
    expect(pinnedSlots).toBeLessThanOrEqual(2 * 32);
    const last = film.size - 1_000;
    const answer = await system.get(film.path, bytes(last));
    expect(answer.body.equals(film.content.read(last, 1_000))).toBe(true);
    for (const { leave } of asked) leave();
    await until(() => system.app.reader.activeReads === 0);
    await until(() => system.app.cache.stats().pinnedSlots === 0);
    expect(system.app.cache.stats().allocatedBytes).toBeLessThanOrEqual(budgetBytes);
  });

  test("I25 shared across requests: a player, the same once more, a second player, a prober and a thumbnailer fetch each article once", async () => {
    await using world = await startFilm({ articles: 30 });
    const { system, film } = world;
    const whole = film.content.read(0, film.size);
    const everybody = [
      readWhole(system, { "User-Agent": "player" }),
      readWhole(system, { "User-Agent": "player" }),
      readWhole(system, { "User-Agent": "another player" }),
      system.get(film.path, { ...bytes(0, 65_536), "User-Agent": "prober" }),
      system.get(film.path, { ...bytes(film.size - 65_536), "User-Agent": "prober" }),
      ...[3, 9, 21].map((part) => system.get(film.path, bytes(part * PART, part * PART + 65_536))),
    ];
    const answers = await Promise.all(everybody);
    for (const { body } of answers.slice(0, 3)) expect(body.equals(whole)).toBe(true);
    expect(bodiesOf(system)).toEqual(Array(30).fill(1));
    // Whoever comes later finds it all.
    expect((await system.client({ headers: KEY_HOLDER }).get(film.path)).body.equals(whole)).toBe(true);
    expect(fetched(system)).toBe(30);

    function readWhole(from: System, headers: Readonly<Record<string, string>>): Promise<Answer> {
      return from.client({ connections: 1 }).get(film.path, headers);
    }
  });
});
