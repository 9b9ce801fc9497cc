import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "@jest/globals";
import { ManualClock } from "../../manual-clock.ts";
import { until } from "../../until.ts";
import { bytes, take } from "../client.ts";
import { type Film, type System, startSystem } from "../fixture.ts";
import { freshNzb } from "../posts.ts";
import { moment, serverOf } from "../wire.ts";

const PART = 20_000;

/** As it goes by: whoever reads it wants ever more. */
function drink(response: IncomingMessage) {
  const state = { taken: 0 };
  response.on("error", () => {});
  response.on("data", (chunk: Buffer) => {
    state.taken += chunk.length;
  });
  return state;
}

/** Leaves without waiting for anything. */
const leave = (responses: readonly IncomingMessage[]) => {
  for (const response of responses) response.destroy();
};

describe("I20: with every connection full of read-ahead and imports", () => {
  test.each([8, 20])(
    "of %i connections two are free: another player's first bytes need nothing to end",
    async (connections) => {
      await using system = await startSystem({
        providers: [{ connections, pipeline: 2 }],
        settings: { "imports.maxJobsWhileStreaming": 2 },
        // No second tries: what is held stays as it is.
        clock: new ManualClock(),
      });
      const server = serverOf(system);
      const film = system.addCold({ size: 600 * PART, partSize: PART });
      const ids = [...film.posted.segments].map(({ id }) => id as string);
      const held = new Set(ids.slice(150, 400));
      using gate = server.hold(({ id }) => id !== undefined && (held.has(id) || id.startsWith("later")));
      // Imports hold four connections before anybody watches: both ends of two files.
      await system.submit("Later", freshNzb(system, "later", 2));
      await gate.arrived(4);
      const playing = await system.open(film.path);
      const player = drink(playing);
      // All but two are in use, and more wait.
      await until(
        () => system.app.pool.snapshot()[0]?.connections.busy === connections - 2 && system.app.pool.waiting > 8,
      );
      await until(() => player.taken === 150 * PART);
      await moment();
      // Two bodies on each, but nothing of the player's behind an import's.
      expect(gate.waiting).toBe(2 * (connections - 2) - 4);
      const [stuck, waiting] = [gate.waiting, system.app.pool.waiting];

      const seek = await system.get(film.path, { ...bytes(500 * PART, 501 * PART), "User-Agent": "another" });
      expect(seek.body.equals(film.content.read(500 * PART, PART))).toBe(true);
      const second = await system.get(film.path, { ...bytes(550 * PART, 550 * PART + 10), "User-Agent": "a third" });
      expect(second.body.equals(film.content.read(550 * PART, 10))).toBe(true);
      // Nothing that was held or queued has moved.
      expect([gate.waiting, system.app.pool.waiting]).toEqual([stuck, waiting]);
      expect(server.counters.connectionsMax).toBeLessThanOrEqual(connections);
      leave([playing]);
      gate.open();
      await until(() => system.app.reader.activeReads === 0);
    },
  );
});

/** Lets bodies of these films go one by one, the one that has waited longest first. */
function usher(system: System, films: readonly Film[]) {
  const server = serverOf(system);
  const filmOf = new Map<string, number>();
  const gates = new Map<string, ReturnType<typeof server.hold>>();
  films.forEach((film, index) => {
    for (const { id } of film.posted.segments) {
      filmOf.set(id, index);
      gates.set(id, server.hold(id));
    }
  });
  const opened = new Set<string>();
  const held = () => [...server.counters.bodies.keys()].filter((id) => gates.has(id) && !opened.has(id));
  return {
    /** How many of each film are held. */
    underWay: () => films.map((_, index) => held().filter((id) => filmOf.get(id) === index).length),
    /** How many of each film have gone. */
    gone: () => films.map((_, index) => [...opened].filter((id) => filmOf.get(id) === index).length),
    next(): void {
      const [oldest] = held();
      if (oldest === undefined) return;
      opened.add(oldest);
      gates.get(oldest)?.open();
    },
    [Symbol.dispose]() {
      for (const gate of gates.values()) gate.open();
    },
  };
}

describe("I21: four players of four films on eight connections", () => {
  test("have two bodies under way each, one more or less, and get on alike; a fifth does not wait for them", async () => {
    await using system = await startSystem({
      providers: [{ connections: 8, pipeline: 1 }],
      clock: new ManualClock(),
    });
    const films = Array.from({ length: 4 }, () => system.addCold({ size: 200 * PART, partSize: PART }));
    const fifth = system.addCold({ size: 10 * PART, partSize: PART });
    using gates = usher(system, films);
    const opening = films.map((film, index) => system.open(film.path, { "User-Agent": `player ${index}` }));
    // The window of each grows with what it has taken.
    const step = async () => {
      await moment();
      gates.next();
    };
    for (let n = 0; n < 60; n += 1) await step();
    const responses = await Promise.all(opening);
    const players = responses.map(drink);
    for (let n = 0; n < 40; n += 1) await step();
    const before = gates.gone();
    const samples: (readonly number[])[] = [];
    for (let n = 0; n < 120; n += 1) {
      await step();
      await moment();
      samples.push(gates.underWay());
    }
    const average = films.map((_, index) => samples.reduce((sum, sample) => sum + (sample[index] ?? 0), 0) / 120);
    for (const share of average) {
      expect(share).toBeGreaterThanOrEqual(1);
      expect(share).toBeLessThanOrEqual(3);
    }
    const progress = gates.gone().map((count, index) => count - (before[index] ?? 0));
    expect(Math.min(...progress)).toBeGreaterThanOrEqual(15);
    expect(Math.max(...progress)).toBeLessThanOrEqual(45);
    expect(Math.min(...players.map(({ taken }) => taken))).toBeGreaterThan(10 * PART);

    const late = await system.open(fifth.path, { "User-Agent": "a fifth" });
    expect((await take(late, 3_000)).equals(fifth.content.read(0, 3_000))).toBe(true);
    expect(serverOf(system).counters.connectionsMax).toBeLessThanOrEqual(8);
    leave([...responses, late]);
    gates[Symbol.dispose]();
    await until(() => system.app.reader.activeReads === 0);
  });
});
