import { describe, expect, test } from "@jest/globals";
import { seededRandom } from "../../random.ts";
import { until } from "../../until.ts";
import { bytes, take } from "../client.ts";
import { type Film, startFilm, startSystem } from "../fixture.ts";
import { bodiesOf, fetched, moment, serverOf, settledFetches, watchCommands } from "../wire.ts";

const PART = 100_000;

describe("what is fetched, and when", () => {
  test("I1 read-ahead is bounded: 50 segments over 4 connections are never more than 4 bodies in flight, and 50 fetches", async () => {
    await using world = await startFilm({
      articles: 50,
      providers: [{ connections: 4, pipeline: 1, behaviour: { rttMs: 30 } }],
    });
    const { system, film } = world;
    const answer = await system.get(film.path);
    expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
    const { bodiesInFlightMax, connectionsMax } = serverOf(system).counters;
    expect(bodiesInFlightMax).toBeLessThanOrEqual(4);
    // Bounded, and still a read-ahead.
    expect(bodiesInFlightMax).toBeGreaterThan(1);
    expect(connectionsMax).toBeLessThanOrEqual(4);
    expect(bodiesOf(system)).toEqual(Array(50).fill(1));
  });

  test("I2 one fetch per segment: a sequential read asks for each message-id exactly once", async () => {
    await using world = await startFilm({ articles: 60 });
    const { system, film } = world;
    const answer = await system.get(film.path);
    expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
    expect(bodiesOf(system)).toEqual(Array(60).fill(1));
  });

  test("I2 one fetch per segment: also when parts are of all sizes, and the request comes piece by piece", async () => {
    await using system = await startSystem();
    const partSize = [20_000, 20_000, 13_000, 20_000, 20_000, 50_000, 1_000, 19_000];
    const film = system.addCold({ size: 163_000, partSize });
    serverOf(system).counters.reset();
    using player = system.client({ connections: 1 });
    const got: Buffer[] = [];
    for (let at = 0; at < film.size; at += 7_000) got.push((await player.get(film.path, bytes(at, at + 7_000))).body);
    expect(Buffer.concat(got).equals(film.content.read(0, film.size))).toBe(true);
    expect(bodiesOf(system)).toEqual(Array(partSize.length).fill(1));
  });

  test("I5 global ceiling: 24 streams, three imports and a check never have more than connections x depth bodies in flight", async () => {
    await using world = await startFilm({
      articles: 40,
      providers: [
        { connections: 3, pipeline: 2, tier: 1, behaviour: { rttMs: 2, fractions: { missing: 0.3 } } },
        { connections: 2, pipeline: 1, tier: 1, behaviour: { rttMs: 2 } },
      ],
      settings: { "imports.maxJobsWhileStreaming": 3, "imports.maxJobs": 3 },
    });
    const { system, film } = world;
    const imports = [1, 2, 3].map((size) => system.addPattern({ size: size * PART, partSize: 10_000 }));
    const path = encodeURIComponent(decodeURIComponent(film.path.slice("/dav".length)));
    const check = system.get(`/api/v1/verify?path=${path}`, {}, "POST");
    const streams = Array.from({ length: 24 }, (_, index) =>
      system.get(film.path, { ...bytes(index * PART, film.size), "User-Agent": `player ${index}` }),
    );
    const answers = await Promise.all(streams);
    await Promise.all(imports);
    expect((await check).status).toBe(200);
    answers.forEach(({ status, body }, index) => {
      expect(status).toBe(206);
      expect(body.equals(film.content.read(index * PART, film.size - index * PART))).toBe(true);
    });
    expect(serverOf(system, 0).counters.bodiesInFlightMax).toBeLessThanOrEqual(6);
    expect(serverOf(system, 1).counters.bodiesInFlightMax).toBeLessThanOrEqual(2);
    expect(serverOf(system, 0).counters.connectionsMax).toBeLessThanOrEqual(3);
    expect(serverOf(system, 1).counters.connectionsMax).toBeLessThanOrEqual(2);
  });

  test.each([
    ["1 byte", 17 * PART, 1, 1],
    ["64 KiB in one segment", 17 * PART, 65_536, 1],
    ["64 KiB across a border", 18 * PART - 1_000, 65_536, 2],
    ["the last byte", 40 * PART - 1, 1, 1],
  ])(
    "I17 the range's end is known: reading %s fetches only the articles that hold it",
    async (_what, start, length, articles) => {
      await using world = await startFilm({ articles: 40 });
      const { system, film } = world;
      const answer = await system.get(film.path, bytes(start, start + length));
      expect(answer.body.equals(film.content.read(start, length))).toBe(true);
      expect(fetched(system)).toBe(articles);
      await moment();
      expect(fetched(system)).toBe(articles);
    },
  );

  test("I17 the range's end is known: an open-ended GET that is dropped after 64 KiB costs its segment and the first step of the ramp", async () => {
    await using world = await startFilm({ articles: 40 });
    const { system, film } = world;
    // All articles but the one at the playhead come as slowly as possible: not at all.
    const [, playhead] = [...film.posted.segments].map(({ id }) => id as string);
    using _gate = serverOf(system).hold(({ verb, id }) => verb === "BODY" && id !== playhead);
    const asking = system.client().ask(film.path, bytes(PART));
    await take(await asking.response, 65_536);
    await moment();
    // One at the playhead, one beside it, and one more once the first has been taken.
    expect(fetched(system)).toBeLessThanOrEqual(3);
    asking.leave();
    await until(() => serverOf(system).counters.bodiesInFlight === 0 && system.app.reader.activeReads === 0);
    expect(fetched(system)).toBeLessThanOrEqual(3);
  });

  test("I18 slow start: read-ahead is one segment after a jump, grows with what was consumed, and stops at its byte budget", async () => {
    await using world = await startFilm({ articles: 60, settings: { "streaming.readAheadBytes": "1MiB" } });
    const { system, film } = world;
    const ids = [...film.posted.segments].map(({ id }) => id as string);
    const server = serverOf(system);
    const gates = ids.map((id) => server.hold(id));
    const start = 5;
    const asking = system.client().ask(film.path, bytes(start * PART));
    await until(() => fetched(system) >= 2);
    /** What has been asked for when so many articles have been let through and consumed. */
    const asked: number[] = [await settledFetches(system)];
    gates[start]?.open();
    const response = await asking.response;
    for (let consumed = 1; consumed <= 40; consumed += 1) {
      await take(response, PART);
      asked.push(await settledFetches(system));
      gates[start + consumed]?.open();
    }
    asking.leave();
    for (const gate of gates) gate.open();
    const beyond = asked.map((count, consumed) => count - consumed - 1);
    expect(beyond[0]).toBe(1);
    beyond.forEach((ahead, consumed) => {
      expect(ahead).toBeLessThanOrEqual(Math.max(1, consumed));
      // 1 MiB is ten segments and a half.
      expect(ahead).toBeLessThanOrEqual(11);
    });
    // It has grown.
    expect(Math.max(...beyond)).toBeGreaterThanOrEqual(8);
  });

  test("I18 slow start: a client that pauses has cost little more than its sockets took, and costs nothing while it pauses", async () => {
    await using system = await startSystem();
    const film = system.addCold({ size: 60 * 1024 * 1024, partSize: 700_000 });
    serverOf(system).counters.reset();
    const response = await system.open(film.path);
    await take(response, 65_536);
    // The sockets between here and there take what they can hold; then nothing moves.
    // At most 10 MB fit into them; the ramp doubles what was taken.
    expect(await settledFetches(system, 10)).toBeLessThanOrEqual(32);
    expect(system.app.cache.stats().pinnedSlots).toBeLessThanOrEqual(1);
    response.destroy();
    await until(() => system.app.reader.activeReads === 0);
  });

  test("I23 zero-probe seeks: thirty jumps cost thirty bodies, each the one that holds the bytes, and no STAT", async () => {
    await using system = await startSystem();
    const random = seededRandom(23);
    const irregular = Array.from({ length: 60 }, () => 1_000 + Math.floor(random() * 40_000));
    const size = irregular.reduce((sum, bytesOfPart) => sum + bytesOfPart, 0);
    const films = [
      system.addCold({ size: 60 * PART - 7, partSize: PART }),
      system.addCold({ size, partSize: irregular }),
    ];
    using player = system.client({ connections: 1 });
    const jumps = Array.from({ length: 30 }, (_, number) => number * 2).sort(() => random() - 0.5);
    for (const film of films) {
      using log = watchCommands(serverOf(system));
      for (const part of jumps) await readInto(film, part + 1);
      const asked = log.filter(({ id }) => id !== undefined);
      expect(asked.map(({ verb }) => verb)).toEqual(Array(30).fill("BODY"));
      expect(asked.map(({ id }) => id)).toEqual(jumps.map((part) => film.posted.idOf(part + 1)));
    }

    async function readInto(film: Film, partNumber: number): Promise<void> {
      const { start, end } = film.posted.partRange(partNumber);
      const at = start + Math.floor(random() * (end - start));
      const answer = await player.get(film.path, bytes(at, at + 1));
      expect(answer.body.equals(film.content.read(at, 1))).toBe(true);
    }
  });
});
