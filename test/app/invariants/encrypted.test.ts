import { describe, expect, test } from "@jest/globals";
import type { ByteRange } from "../../../src/base/byte-range.ts";
import type { Extent } from "../../../src/catalog/catalog.ts";
import { seededRandom } from "../../random.ts";
import { until } from "../../until.ts";
import { bytes, type Client, KEY_HOLDER, TESTER, take } from "../client.ts";
import { NOTHING, watchLeftovers } from "../leftovers.ts";
import { bodiesOf, fetched, holdBodies, moment, serverOf } from "../wire.ts";
import { type PostedFilm, type Posting, startPosted } from "./encrypted-film.ts";

const ONE_POST = { volumes: 1, size: 4_000_003, partSize: 100_000 } as const;
/** Three articles each, the first and the last of a volume with something in them that is not the film's. */
const MANY_POSTS = { volumes: 50, size: 2_350_151, partSize: 20_000 } as const;

const POSTINGS: readonly (readonly [string, Posting])[] = [
  ["one post, AES-256-CBC", { mode: "cbc", ...ONE_POST }],
  ["50 volumes, AES-256-CBC", { mode: "cbc", ...MANY_POSTS }],
  ["50 volumes, ZIP's CTR", { mode: "ctr", ...MANY_POSTS }],
  ["50 volumes, not encrypted", { mode: "plain", ...MANY_POSTS }],
];

/** 200 small ranges, of which each needs bytes of 8 articles and no others; among them those at the very borders. */
function scrubs(film: PostedFilm, seed: number): readonly ByteRange[] {
  const random = seededRandom(seed);
  const eight = film.extents.slice(10, 18);
  const first = (eight[0]?.start as number) + 32;
  const last = (eight.at(-1)?.end as number) - 32;
  return Array.from({ length: 200 }, (_, index) => {
    const length = 1 + Math.floor(random() * 4_096);
    const extent = eight[index % 8] as ByteRange;
    const start = extent.start - 40 + Math.floor(random() * (extent.end - extent.start));
    const from = Math.min(Math.max(start, first), last - length);
    return { start: from, end: from + length };
  });
}

async function readAll(film: PostedFilm, clients: readonly Client[], ranges: readonly ByteRange[]): Promise<void> {
  const answers = await Promise.all(
    ranges.map(({ start, end }, index) =>
      (clients[index % clients.length] as Client).get(film.path, bytes(start, end)),
    ),
  );
  answers.forEach(({ status, body }, index) => {
    const { start, end } = ranges[index] as ByteRange;
    expect(status).toBe(206);
    expect(body.equals(film.content.read(start, end - start))).toBe(true);
  });
}

describe.each(POSTINGS)("a film in %s", (_name, posting) => {
  test("I2 one fetch per segment: it is read from its first byte to its last, and no article is asked for twice", async () => {
    await using world = await startPosted(posting);
    const { system, film } = world;
    const answer = await system.get(film.path);
    expect([answer.status, answer.headers["content-length"]]).toEqual([200, `${film.size}`]);
    expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
    expect(bodiesOf(system)).toEqual(Array(film.extents.length).fill(1));
  });

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
    await using world = await startPosted(posting);
    const { system, film } = world;
    const clients = wishes.map((wish) => system.client(wish));
    await readAll(film, clients, scrubs(film, 9));
    for (const client of clients) client[Symbol.dispose]();
    expect(bodiesOf(system)).toEqual(Array(8).fill(1));
  });

  test("I9 scrubs coalesce: a read across the end of the file is clamped, twice, and costs each article once", async () => {
    await using world = await startPosted(posting);
    const { system, film } = world;
    const range = { start: film.size - 10, end: film.size };
    for (let round = 0; round < 2; round += 1) {
      const answer = await system.get(film.path, bytes(range.start, film.size + 500));
      expect(answer.status).toBe(206);
      expect(answer.headers["content-range"]).toBe(`bytes ${range.start}-${film.size - 1}/${film.size}`);
      expect(answer.body.equals(film.content.read(range.start, 10))).toBe(true);
    }
    expect([...serverOf(system).counters.bodies.keys()]).toEqual(film.articlesFor(range));
    expect(bodiesOf(system)).toEqual(film.articlesFor(range).map(() => 1));
  });

  test.each([1, 100])(
    "I12 disconnect is instant: bodies take for ever, %i clients leave after 100 ms: their requests are over without a millisecond of waiting",
    async (count) => {
      await using world = await startPosted(posting);
      const { clock, system, film } = world;
      using watch = watchLeftovers(system);
      using gate = holdBodies(system);
      const step = Math.floor(film.size / count);
      const clients = Array.from({ length: count }, (_, index) =>
        system.client().ask(film.path, bytes(index * step + (index % 19))),
      );
      await until(() => system.app.reader.activeReads === count && gate.waiting > 0);
      clock.advance(100);
      for (const client of clients) client.leave();
      await until(() => watch.now().reads === 0 && watch.now().httpSockets === 0);
      clock.advance(250);
      await watch.gone();
      expect(watch.now()).toEqual(NOTHING);
      // The server is well.
      gate.open();
      expect((await system.get(film.path, bytes(0, 10))).body.equals(film.content.read(0, 10))).toBe(true);
    },
  );

  test("I12 disconnect is instant: whoever leaves in the middle of an article that arrives leaves nothing behind", async () => {
    await using world = await startPosted(posting);
    const { clock, system, film } = world;
    using watch = watchLeftovers(system);
    const partBytes = film.extents[0]?.end as number;
    using gate = holdBodies(system, Math.floor(partBytes * 0.9));
    const asking = Array.from({ length: 4 }, (_, index) =>
      system.client().ask(film.path, bytes(index * 3 * partBytes)),
    );
    await until(() => gate.waiting >= 4);
    for (const { leave } of asking) leave();
    await until(() => watch.now().reads === 0);
    // The grace of what had arrived to more than half.
    clock.advance(2_500);
    await watch.gone();
    expect(watch.now()).toEqual(NOTHING);
  });

  test("I17 the range's end is known: a byte or 64 KiB, anywhere, cost the articles that hold what is needed and no other", async () => {
    await using world = await startPosted(posting);
    const { system, film } = world;
    const { bodies } = serverOf(system).counters;
    const random = seededRandom(17);
    const borders = film.extents.flatMap(({ start }) => [start - 17, start - 1, start, start + 15, start + 16]);
    const known = new Set<string>();
    for (let n = 0; n < 60; n += 1) {
      const border = borders[Math.floor(random() * borders.length)] as number;
      const at = Math.min(Math.max(0, n % 2 === 0 ? border : Math.floor(random() * film.size)), film.size - 1);
      const range = { start: at, end: Math.min(film.size, at + (n % 3 === 0 ? 65_536 : 1)) };
      const answer = await system.get(film.path, bytes(range.start, range.end));
      expect(answer.body.equals(film.content.read(range.start, range.end - range.start))).toBe(true);
      const needed = film.articlesFor(range);
      // A byte lies in one article, its block and the one before it in two at the most.
      if (range.end - at === 1) expect(needed.length).toBeLessThanOrEqual(2);
      for (const id of needed) known.add(id);
      await moment();
      expect([...bodies.keys()].sort()).toEqual([...known].sort());
    }
    expect(bodiesOf(system)).toEqual(Array(known.size).fill(1));
  });

  test("I17 the range's end is known: an open-ended GET that is dropped costs its segment and the first step of the ramp", async () => {
    await using world = await startPosted(posting);
    const { clock, system, film } = world;
    const [extent, next] = film.extents.slice(4) as [Extent, Extent];
    // The article at the playhead, one beside it, and when the first has been taken, as many bytes more.
    const reach = next.end + posting.partSize;
    const ramp = film.extents.filter(({ start }, index) => index >= 4 && start < reach);
    expect(ramp.length).toBeLessThanOrEqual(4);
    const allowed = new Set(ramp.map(({ segment }) => segment.id as string));
    // All articles but the one at the playhead come as slowly as possible: not at all.
    using _gate = serverOf(system).hold(({ verb, id }) => verb === "BODY" && id !== extent.segment.id);
    const asking = system.client().ask(film.path, bytes(extent.start + 40));
    await take(await asking.response, Math.floor((extent.end - extent.start) * 0.65));
    await moment();
    asking.leave();
    await until(() => system.app.reader.activeReads === 0);
    // Connections whose rest is small are given a while to read it.
    clock.advance(2_500);
    await until(() => serverOf(system).counters.bodiesInFlight === 0);
    expect([...serverOf(system).counters.bodies.keys()].filter((id) => !allowed.has(id))).toEqual([]);
  });

  test("random ranges, seeks and readers that leave: every byte is right, each article is fetched once, nothing is left", async () => {
    await using world = await startPosted(posting);
    const { clock, system, film } = world;
    using watch = watchLeftovers(system);
    const random = seededRandom(23);
    const visits = Array.from({ length: 120 }, async (_, index) => {
      const start = Math.floor(random() * film.size);
      const end = Math.min(film.size, start + 1 + Math.floor(random() ** 3 * 400_000));
      const isLeaving = index % 4 === 0;
      const enough = Math.min(end - start, Math.floor(random() * 50_000) + 1);
      const asking = system.client().ask(film.path, bytes(start, end));
      const response = await asking.response;
      expect(response.statusCode).toBe(206);
      const wanted = isLeaving ? enough : end - start;
      expect((await take(response, wanted)).equals(film.content.read(start, wanted))).toBe(true);
      asking.leave();
    });
    await Promise.all(visits);
    await until(() => watch.now().reads === 0);
    clock.advance(2_500);
    await watch.gone();
    expect(watch.now()).toEqual(NOTHING);
    expect(fetched(system)).toBeLessThanOrEqual(1.2 * film.extents.length);
  });
});

test("a stream of an encrypted film shows places in the film", async () => {
  await using world = await startPosted({ mode: "cbc", ...MANY_POSTS });
  const { system, film } = world;
  const last = film.size - 100_000;
  const answer = await system.get(film.path, bytes(last));
  expect(answer.body.equals(film.content.read(last, 100_000))).toBe(true);
  const { streams } = JSON.parse((await system.get("/api/v1/streams")).body.toString());
  expect(streams).toMatchObject([{ size: film.size, position: film.size, bytes: 100_000, failures: 0 }]);
});

test("an encrypted film with a hole plays on: what stands for its plaintext is not decrypted, and the hole is recorded where the article lies", async () => {
  await using world = await startPosted({ mode: "cbc", ...MANY_POSTS }, { "streaming.damage": "fill" });
  const { system, film } = world;
  const { start, end, segment } = film.extents[70] as Extent;
  serverOf(system).behave({ faults: (id) => (id === segment.id ? "missing" : undefined) });
  const answer = await system.get(film.path);
  // The blocks that have bytes in it, and the one behind, which needs the last of them.
  const lost = { start: start - (start % 16), end: Math.ceil(end / 16) * 16 + 16 };
  const expected = film.content.read(0, film.size).fill(0xec, lost.start, lost.end);
  expect([answer.isBroken, answer.body.equals(expected)]).toEqual([false, true]);
  const id = system.app.catalog.find("test/Film/film.mkv")?.id;
  const { holes } = JSON.parse((await system.get(`/api/v1/files/${id}/damage`)).body.toString());
  expect(holes).toMatchObject([{ start, end, messageId: segment.id }]);
});
