import { describe, expect, test } from "@jest/globals";
import { until } from "../../until.ts";
import { bytes, collect } from "../client.ts";
import { startFilm } from "../fixture.ts";
import { NOTHING, watchLeftovers } from "../leftovers.ts";
import { fetched, holdBodies, moment, serverOf } from "../wire.ts";

const PART = 100_000;
/** More than this has arrived of an article that is worth waiting for, but not its end. */
const MORE_THAN_HALF = 60_000;

describe("who leaves", () => {
  test("I4 leaving stops the work: no BODY is sent after the client has left, and 200 ms later everything is at its baseline", async () => {
    await using world = await startFilm({ articles: 50 });
    const { clock, system, film } = world;
    using watch = watchLeftovers(system);
    using gate = holdBodies(system, 30_000);
    const asking = system.client().ask(film.path);
    await asking.response;
    await until(() => gate.waiting >= 2);
    const asked = fetched(system);
    asking.leave();
    await until(() => watch.now().reads === 0);
    clock.advance(200);
    await watch.gone();
    await moment();
    expect(fetched(system)).toBe(asked);
    expect(watch.now()).toEqual(NOTHING);
  });

  test("I4 leaving stops the work: a fetch that is kept for its grace, since most of it is here, is not asked for a second time", async () => {
    await using world = await startFilm({ articles: 10 });
    const { clock, system, film } = world;
    using watch = watchLeftovers(system);
    using gate = holdBodies(system, MORE_THAN_HALF);
    const asking = system.client().ask(film.path);
    await asking.response;
    await until(() => gate.waiting >= 2);
    const asked = fetched(system);
    asking.leave();
    await until(() => watch.now().reads === 0);
    for (let passed = 0; passed < 2_500; passed += 50) {
      clock.advance(50);
      await moment();
      expect(watch.now().waiting).toBe(0);
    }
    await watch.gone();
    expect(fetched(system)).toBe(asked);
  });

  test("I10 closing is bounded: of 50 aborted seeks at most 4 fetches go on after 250 ms, and none after the grace", async () => {
    await using world = await startFilm({ articles: 250, providers: [{ connections: 40, pipeline: 1 }] });
    const { clock, system, film } = world;
    using watch = watchLeftovers(system);
    // More than half of every article is here: each of them is worth keeping for a while, and that is where it could pile up.
    using gate = holdBodies(system, MORE_THAN_HALF);
    for (let seek = 0; seek < 50; seek += 1) {
      const asking = system.client().ask(film.path, bytes(seek * 5 * PART));
      await asking.response;
      asking.leave();
      await until(() => watch.now().reads === 0);
      expect(system.app.cache.stats().flights).toBeLessThanOrEqual(4);
      // A connection whose rest nobody wants is read or dropped within moments, which have to pass; fewer than the grace takes.
      clock.advance(20);
    }
    clock.advance(250);
    await until(() => serverOf(system).counters.bodiesInFlight <= 4);
    const left = watch.now();
    expect(left.flights).toBeLessThanOrEqual(4);
    expect(left.reads).toBe(0);
    expect(gate.waiting).toBeLessThanOrEqual(4);
    clock.advance(2_000);
    await watch.gone();
    expect(watch.now()).toEqual(NOTHING);
  });

  test.each([1, 100])(
    "I12 disconnect is instant: bodies take for ever, %i clients leave after 100 ms: their requests are over without a millisecond of waiting",
    async (count) => {
      await using world = await startFilm({ articles: 200 });
      const { clock, system, film } = world;
      using watch = watchLeftovers(system);
      using gate = holdBodies(system);
      const clients = Array.from({ length: count }, (_, index) =>
        system.client().ask(film.path, bytes(index * 2 * PART)),
      );
      await until(() => system.app.reader.activeReads === count && gate.waiting > 0);
      clock.advance(100);
      for (const client of clients) client.leave();
      await until(() => watch.now().reads === 0 && watch.now().httpSockets === 0);
      // What is left are connections to the provider that may yet be read to their end.
      clock.advance(250);
      await watch.gone();
      expect(watch.now()).toEqual(NOTHING);
      // The server is well.
      gate.open();
      expect((await system.get(film.path, bytes(0, 10))).body.equals(film.content.read(0, 10))).toBe(true);
    },
  );

  test("I12 disconnect is instant: a server that stops cuts a hundred waiting clients off, and leaves nothing behind", async () => {
    await using world = await startFilm({ articles: 200 });
    const { system, film } = world;
    using gate = holdBodies(system);
    const clients = Array.from({ length: 100 }, (_, index) =>
      system.open(film.path, bytes(index * 2 * PART)).then(
        () => "answered",
        () => "cut",
      ),
    );
    await until(() => gate.waiting >= 8 && system.app.reader.activeReads === 100);
    world.clock.advance(1_000);
    let isClosed = false;
    const closing = system.app[Symbol.asyncDispose]().then(() => {
      isClosed = true;
    });
    // The server is closed after what needs it; its grace begins then.
    await until(() => {
      world.clock.advance(1_000);
      return isClosed;
    });
    await closing;
    expect(new Set(await Promise.all(clients))).toEqual(new Set(["cut"]));
    expect(system.app.reader.activeReads).toBe(0);
    expect(system.app.cache.stats()).toMatchObject({ flights: 0, pinnedSlots: 0 });
  });

  test.each(["before anything came", "while it arrives"] as const)(
    "I13 first waiter may leave: A starts a fetch, B joins, A leaves %s: B gets its bytes and there was one fetch",
    async (when) => {
      await using world = await startFilm({ articles: 3 });
      const { system, film } = world;
      const first = film.posted.idOf(1);
      const gate = serverOf(system).hold(first, when === "while it arrives" ? { afterBytes: MORE_THAN_HALF } : {});
      const leaving = system.client().ask(film.path, bytes(0, PART));
      await gate.arrived();
      const before = system.app.cache.stats().joins;
      const staying = system.client().ask(film.path, bytes(0, PART));
      await until(() => system.app.cache.stats().joins === before + 1);
      if (when === "while it arrives") await leaving.response;
      leaving.leave();
      await until(() => system.app.reader.activeReads === 1);
      gate.open();
      const answer = await collect(await staying.response);
      expect(answer.body.equals(film.content.read(0, PART))).toBe(true);
      expect(serverOf(system).counters.bodies.get(first)).toBe(1);
    },
  );
});
