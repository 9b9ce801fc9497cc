import { describe, expect, test } from "@jest/globals";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { type Film, type ProviderWish, type System, startSystem } from "./fixture.ts";
import { SkippingClock } from "./skipping-clock.ts";

const PART = 20_000;
/** One article is less than one in a hundred of them. */
const PARTS = 120;
const SIZE = PARTS * PART;
const MINUTE = 60_000;

interface DamageAnswer {
  readonly file: { readonly id: number; readonly path: string; readonly size: number };
  readonly policy: string;
  readonly holes: readonly { readonly start: number; readonly end: number; readonly messageId: string | null }[];
  readonly bytes: number;
  readonly share: number;
}

interface Options {
  readonly damage: "fail" | "fill";
  readonly name?: string;
  /** 120 unless given. */
  readonly parts?: number;
  readonly providers?: readonly ProviderWish[];
}

/** A film, and what is said about its damage. */
async function start({ damage, name = "film.mkv", parts = PARTS, providers }: Options) {
  const clock = new SkippingClock();
  const system = await startSystem({
    clock,
    settings: { "streaming.damage": damage },
    ...(providers === undefined ? {} : { providers }),
  });
  const film = await system.addPattern({ size: parts * PART, partSize: PART, name });
  return {
    clock,
    system,
    film,
    /** From now on all servers answer 430 for these parts, counted from 1, and hold all others. */
    lose(...parts: readonly number[]): void {
      const gone = new Set<string>(parts.map((part) => film.posted.idOf(part)));
      for (const server of system.servers) server.behave({ faults: (id) => (gone.has(id) ? "missing" : undefined) });
    },
    damage: () => damageOf(system, film),
    logged: () =>
      system.logged.filter(({ level, message }) => level === "warn" && message.includes("cannot be had")).length,
    [Symbol.asyncDispose]: () => system[Symbol.asyncDispose](),
  };
}

async function damageOf(system: System, film: Film): Promise<DamageAnswer> {
  const folder = film.path.slice("/dav".length, film.path.lastIndexOf("/"));
  const listing = await system.get(`/api/v1/library?path=${folder}`);
  const { entries } = JSON.parse(listing.body.toString()) as { entries: { id: number }[] };
  const answer = await system.get(`/api/v1/files/${entries[0]?.id}/damage`);
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body.toString()) as DamageAnswer;
}

/** How often each server was asked for the body of a part. */
function asked(system: System, film: Film, part: number): readonly number[] {
  return system.servers.map(({ counters }) => counters.bodies.get(film.posted.idOf(part)) ?? 0);
}

/** What the whole film is, with the bytes of these parts, counted from 1, made by `filler`. */
function expected(film: Film, parts: readonly number[], filler = 0xec): Buffer {
  const bytes = Buffer.from(film.content.read(0, film.size));
  for (const part of parts) {
    const { start: from, end } = film.posted.partRange(part);
    bytes.fill(filler, from, end);
  }
  return bytes;
}

function isSame(given: Buffer, wanted: Buffer): boolean {
  return given.length === wanted.length && given.equals(wanted);
}

const range = (from: number, end: number) => ({ Range: `bytes=${from}-${end - 1}` });

describe("streaming.damage: fill", () => {
  test("a film with a hole has its length, and is right everywhere else; the hole is recorded and logged", async () => {
    await using world = await start({ damage: "fill" });
    const { system, film } = world;
    world.lose(50);
    const { status, body, isBroken, headers } = await system.get(film.path);
    expect([status, isBroken, headers["content-length"]]).toEqual([200, false, `${SIZE}`]);
    expect(isSame(body, expected(film, [50]))).toBe(true);
    const { start: from, end } = film.posted.partRange(50);
    expect(await world.damage()).toMatchObject({
      file: { path: decodeURIComponent(film.path), size: SIZE },
      policy: "fill",
      holes: [{ start: from, end, messageId: film.posted.idOf(50), kind: "missing" }],
      bytes: PART,
      share: PART / SIZE,
    });
    expect(world.logged()).toBe(1);
  });

  test("a hole is asked for once by all reads together, and again only when its time has come", async () => {
    await using world = await start({ damage: "fill", providers: [{}, {}] });
    const { system, film, clock } = world;
    world.lose(50);
    const { start: from, end } = film.posted.partRange(50);
    for (let read = 0; read < 5; read += 1) {
      const { status, body } = await system.get(film.path, range(from + read, end));
      expect([status, isSame(body, Buffer.alloc(PART - read, 0xec))]).toEqual([206, true]);
    }
    expect(asked(system, film, 50)).toEqual([1, 1]);
    clock.skip(11 * MINUTE);
    await system.get(film.path, range(from, end));
    expect(asked(system, film, 50)).toEqual([2, 2]);
    clock.skip(11 * MINUTE);
    await system.get(film.path, range(from, end));
    expect(asked(system, film, 50)).toEqual([2, 2]);
    expect(world.logged()).toBe(1);
  });

  test("what fills a hole is never taken for the article: when it is there, its bytes are", async () => {
    await using world = await start({ damage: "fill" });
    const { system, film, clock } = world;
    world.lose(50);
    await system.get(film.path);
    world.lose();
    clock.skip(11 * MINUTE);
    expect(isSame((await system.get(film.path)).body, expected(film, []))).toBe(true);
    expect((await world.damage()).holes).toEqual([]);
  });

  test("a range that begins or ends in a hole is filled to the byte", async () => {
    await using world = await start({ damage: "fill" });
    const { system, film } = world;
    world.lose(50, 51);
    const whole = expected(film, [50, 51]);
    const [from, end] = [film.posted.partRange(50).start, film.posted.partRange(51).end];
    for (const [first, last] of [
      [from - 5, from + 5],
      [from, from + 1],
      [end - 7, end + 9],
      [from - 1, end + 1],
      [from + PART - 1, from + PART + 1],
    ] as const) {
      const { body } = await system.get(film.path, range(first, last));
      expect([first, last, isSame(body, whole.subarray(first, last))]).toEqual([first, last, true]);
    }
  });

  test("a broadcast gets null packets on the grid of the file", async () => {
    await using world = await start({ damage: "fill", name: "recording.ts" });
    const { system, film } = world;
    world.lose(50);
    const { start: from, end } = film.posted.partRange(50);
    const packets = Math.ceil(from / 188) * 188;
    const { body } = await system.get(film.path, range(packets, end));
    expect(body).toHaveLength(end - packets);
    for (let at = 0; at + 4 <= body.length; at += 188) expect(body.readUInt32BE(at)).toBe(0x471fff10);
  });

  test("what the NZB does not even name is a hole without an article", async () => {
    await using world = await start({ damage: "fill" });
    const { system } = world;
    const posted = system.store.addFile({
      name: "other.mkv",
      content: world.film.content,
      partSize: PART,
      idPrefix: "named",
    });
    const nzb = toNzb([posted]).replace(/^.*number="60".*$\n?/m, "");
    expect(nzb).not.toContain(posted.idOf(60));
    const job = await system.ended(await system.submit("Other", nzb));
    const [file] = system.app.catalog.releaseFiles(job.release as NonNullable<typeof job.release>);
    const film = { ...world.film, posted, path: `/dav/library/${encodeURI(file?.path ?? "")}` };
    expect(isSame((await system.get(film.path)).body, expected(film, [60]))).toBe(true);
    const { start: from, end } = posted.partRange(60);
    expect((await damageOf(system, film)).holes).toMatchObject([{ start: from, end, messageId: null }]);
  });

  test("five in a row are too many: the transfer breaks off after the fourth, and a read that begins there is refused", async () => {
    // Long enough for five to be less than two in a hundred.
    await using world = await start({ damage: "fill", parts: 300 });
    const { system, film } = world;
    world.lose(100, 101, 102, 103, 104);
    const broken = await system.get(film.path);
    const stop = film.posted.partRange(103).end;
    expect(broken.isBroken).toBe(true);
    expect(isSame(broken.body, expected(film, [100, 101, 102, 103]).subarray(0, stop))).toBe(true);
    const refused = await system.get(film.path, range(stop, stop + 10));
    expect([refused.status, refused.body.toString()]).toEqual([
      502,
      expect.stringContaining("more than 4 articles in a row are damaged"),
    ]);
    expect((await world.damage()).holes).toHaveLength(5);
  });

  test("more than two in a hundred are too many", async () => {
    await using world = await start({ damage: "fill" });
    const { system, film } = world;
    world.lose(20, 40, 60);
    const { body, isBroken } = await system.get(film.path);
    const stop = film.posted.partRange(60).start;
    expect(isBroken).toBe(true);
    expect(isSame(body, expected(film, [20, 40]).subarray(0, stop))).toBe(true);
    // What was filled once is filled always.
    const { start: from, end } = film.posted.partRange(20);
    expect((await system.get(film.path, range(from, end))).status).toBe(206);
  });

  test("an article that is corrupt everywhere is filled, once that is known before its bytes are sent", async () => {
    await using world = await start({ damage: "fill" });
    const { system, film } = world;
    const bad = film.posted.idOf(50) as string;
    system.servers[0]?.behave({ faults: (id) => (id === bad ? "corrupt" : undefined) });
    const { start: from, end } = film.posted.partRange(50);
    const first = await system.get(film.path, range(from, end));
    // Either nothing of it was shown, or the transfer was broken off; then the hole is known to whoever comes back.
    if (first.isBroken) expect(first.body.length).toBeLessThan(PART);
    const again = await system.get(film.path, range(from, end));
    expect([again.status, again.isBroken, isSame(again.body, Buffer.alloc(PART, 0xec))]).toEqual([206, false, true]);
    expect((await world.damage()).holes).toMatchObject([{ start: from, end, kind: "corrupt" }]);
  });
});

describe("streaming.damage: fail", () => {
  test("a read that begins in a hole is a 502, one that runs into it breaks off; the hole is recorded and asked for once", async () => {
    await using world = await start({ damage: "fail" });
    const { system, film } = world;
    world.lose(50);
    const { start: from, end } = film.posted.partRange(50);
    for (let read = 0; read < 3; read += 1) {
      expect((await system.get(film.path, range(from, end))).status).toBe(502);
      const running = await system.get(film.path, range(from - 100, end));
      expect([running.status, running.isBroken]).toEqual([206, true]);
      expect(isSame(running.body, Buffer.from(film.content.read(from - 100, 100)))).toBe(true);
    }
    expect(asked(system, film, 50)).toEqual([1]);
    expect(await world.damage()).toMatchObject({
      policy: "fail",
      holes: [{ start: from, end, messageId: film.posted.idOf(50), kind: "missing" }],
    });
    expect(world.logged()).toBe(1);
  });
});

describe.each(["fail", "fill"] as const)("under %s, silence is not absence", (damage) => {
  test("one provider denies the article, the other does not answer: 503, nothing filled, nothing recorded", async () => {
    await using world = await start({ damage, providers: [{}, {}] });
    const { system, film } = world;
    const wanted = film.posted.idOf(50) as string;
    system.servers[0]?.behave({ faults: (id) => (id === wanted ? "missing" : undefined) });
    system.servers[1]?.behave({ faults: (id) => (id === wanted ? "closeInsteadOfReply" : undefined) });
    const { start: from, end } = film.posted.partRange(50);
    expect((await system.get(film.path, range(from, end))).status).toBe(503);
    expect((await world.damage()).holes).toEqual([]);
    expect(world.logged()).toBe(0);
    // As soon as it answers, the bytes are there: nothing has been remembered.
    system.servers[1]?.behave({ faults: () => undefined });
    world.clock.skip(MINUTE);
    const whole = await system.get(film.path, range(from, end));
    expect(isSame(whole.body, Buffer.from(film.content.read(from, PART)))).toBe(true);
  });
});
