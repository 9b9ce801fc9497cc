import { describe, expect, test } from "@jest/globals";
import { seededRandom } from "../../random.ts";
import { until } from "../../until.ts";
import { bytes, KEY_HOLDER, TESTER, take } from "../client.ts";
import { startFilm } from "../fixture.ts";
import { NOTHING, watchLeftovers } from "../leftovers.ts";
import { bodiesOf, fetched, holdBodies, serverOf } from "../wire.ts";

const PART = 100_000;

describe("what players do", () => {
  test("two users scrub the same film over 16 connections: each article they touch is fetched once", async () => {
    await using world = await startFilm({ articles: 40 });
    const { system, film } = world;
    const random = seededRandom(16);
    using one = system.client({ connections: 8, headers: TESTER });
    using other = system.client({ connections: 8, headers: KEY_HOLDER, localAddress: "127.0.0.2" });
    const touched = new Set<number>();
    const reads = Array.from({ length: 600 }, async (_, index) => {
      const start = Math.floor(random() * (film.size - 20_000));
      const end = start + 1 + Math.floor(random() * 20_000);
      for (const at of [start, end - 1]) touched.add(Math.floor(at / PART));
      const answer = await (index % 2 === 0 ? one : other).get(film.path, bytes(start, end));
      expect(answer.body.equals(film.content.read(start, end - start))).toBe(true);
    });
    await Promise.all(reads);
    expect(bodiesOf(system)).toEqual(Array(touched.size).fill(1));
  });

  test("ffprobe and Plex look at the head, at the tail, at the head again, and then play: 1, 1, 0, and each of the others once", async () => {
    await using world = await startFilm({ articles: 30 });
    const { system, film } = world;
    const counts: number[] = [];
    for (const range of [bytes(0, 65_536), { Range: "bytes=-65536" }, bytes(0, 65_536)]) {
      const before = fetched(system);
      expect((await system.get(film.path, range)).status).toBe(206);
      counts.push(fetched(system) - before);
    }
    expect(counts).toEqual([1, 1, 0]);
    const answer = await system.get(film.path, bytes(0));
    expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
    expect(bodiesOf(system)).toEqual(Array(30).fill(1));
  });

  test("the same with open-ended ranges that are dropped: head and tail are fetched once, and a drop costs the first step of the ramp", async () => {
    await using world = await startFilm({ articles: 30 });
    const { system, film } = world;
    const ends = [film.posted.idOf(1), film.posted.idOf(30)] as string[];
    const gate = serverOf(system).hold(({ verb, id = "" }) => verb === "BODY" && !ends.includes(id));
    const counts: number[] = [];
    for (const start of [0, 29 * PART, 0]) {
      const before = fetched(system);
      const asking = system.client().ask(film.path, bytes(start));
      await take(await asking.response, 65_536);
      asking.leave();
      await until(() => system.app.reader.activeReads === 0 && serverOf(system).counters.bodiesInFlight === 0);
      counts.push(fetched(system) - before);
    }
    // The head, and up to two beyond it that had not come; the tail; and those two.
    expect(counts[0]).toBeLessThanOrEqual(3);
    expect(counts[1]).toBe(1);
    expect(counts[2]).toBeLessThanOrEqual(2);
    gate.open();
    const answer = await system.get(film.path, bytes(0));
    expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
    for (const id of ends) expect(serverOf(system).counters.bodies.get(id)).toBe(1);
    expect(fetched(system)).toBeLessThanOrEqual(30 + 4);
  });

  test("a thumbnailer that reads 64 KiB at every tenth of a film costs at most two articles each, and none twice", async () => {
    await using world = await startFilm({ articles: 95 });
    const { system, film } = world;
    using thumbnailer = system.client({ connections: 1 });
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const start = Math.floor((film.size * tenth) / 10);
      const before = fetched(system);
      const answer = await thumbnailer.get(film.path, bytes(start, start + 65_536));
      expect(answer.body.equals(film.content.read(start, 65_536))).toBe(true);
      expect(fetched(system) - before).toBeLessThanOrEqual(2);
    }
    expect(Math.max(...bodiesOf(system))).toBe(1);
  });

  test("100 disconnects in 100 ms: no BODY after the last, everything at its baseline, and no more than two fetches per client", async () => {
    await using world = await startFilm({ articles: 300 });
    const { system, film, clock } = world;
    const { counters } = serverOf(system);
    using watch = watchLeftovers(system);
    using _gate = holdBodies(system, 40_000);
    const clients = Array.from({ length: 100 }, (_, index) => system.client().ask(film.path, bytes(index * 3 * PART)));
    await until(() => system.app.reader.activeReads === 100 && counters.bodiesInFlight > 0);
    for (const client of clients) {
      client.leave();
      clock.advance(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => watch.now().reads === 0);
    const asked = counters.commands.BODY;
    expect(asked).toBeLessThanOrEqual(200);
    clock.advance(250);
    await watch.gone();
    expect(watch.now()).toEqual(NOTHING);
    expect(counters.commands.BODY).toBe(asked);
    const { open, opening } = system.app.pool.snapshot()[0]?.connections ?? { open: 99, opening: 99 };
    expect(open + opening).toBeLessThanOrEqual(8);
    expect(counters.bodiesInFlightMax).toBeLessThanOrEqual(8 * 4);
    const { allocatedBytes, budgetBytes } = system.app.cache.stats();
    expect(allocatedBytes).toBeLessThanOrEqual(budgetBytes);
  });
});
