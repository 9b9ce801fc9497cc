import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../../src/base/clock.ts";
import type { MessageId } from "../../src/base/message-id.ts";
import type { Segment } from "../../src/catalog/catalog.ts";
import { retryDelayMs } from "../../src/nntp/back-off.ts";
import type { Lane } from "../../src/nntp/lanes.ts";
import { Reader } from "../../src/reader/reader.ts";
import { SegmentCache } from "../../src/reader/segment-cache.ts";
import { capacityFor } from "../../src/reader/slots.ts";
import { seededRandom } from "../random.ts";
import { until } from "../until.ts";
import { PART, type PoolSystem, startPool, whileTimePasses } from "./pool-fixture.ts";

const LANES: readonly Lane[] = ["playhead", "readahead", "import", "health"];

describe("what streaming promises of the providers", () => {
  test("I5: bodies under way never exceed connections x depth, whoever asks and whoever leaves", async () => {
    await using system = await startPool([{ connections: 3, pipeline: 2 }]);
    const random = seededRandom(7);
    const fetches = Array.from({ length: 200 }, async (_, n) => {
      const controller = new AbortController();
      const lane = LANES[n % 4] as Lane;
      const fetching = system.fetch(n % 64, { lane, signal: controller.signal });
      if (random() < 0.3) {
        for (let turns = Math.floor(random() * 20); turns > 0; turns -= 1) await new Promise(setImmediate);
        controller.abort(new Error("left"));
      }
      return fetching.then(
        (bytes) => expect(bytes.equals(system.content(n % 64))).toBe(true),
        (error) => expect(error.message).toBe("left"),
      );
    });
    await whileTimePasses(system.clock, Promise.all(fetches), 10);
    expect(system.server.counters.bodiesInFlightMax).toBeLessThanOrEqual(6);
    expect(system.pool.waiting).toBe(0);
    await until(() => system.server.counters.bodiesInFlight === 0);
    expect((await system.fetch(0)).equals(system.content(0))).toBe(true);
  });

  test.each([
    "closeMidBody",
    "closeInsteadOfReply",
    "hangInsteadOfReply",
    "stall",
    "corrupt",
    "garbageStatus",
  ] as const)(
    "I6: an article that always ends in %s costs two commands, also on a connection that had been idle",
    async (fault) => {
      await using system = await startPool([{ timeoutMs: 2_000 }]);
      await system.fetch(1);
      if (fault === "hangInsteadOfReply") system.clock.advance(6_000);
      system.server.behave({ faults: (id) => (id === system.ids[0] ? fault : undefined) });
      await expect(whileTimePasses(system.clock, system.fetch(0), 50)).rejects.toThrow();
      expect(system.server.counters.bodies.get(system.ids[0] as string)).toBe(2);
      expect((await whileTimePasses(system.clock, system.fetch(2), 500)).equals(system.content(2))).toBe(true);
    },
  );

  test("I6: thirty first retries are spread over 50 to 150 ms", () => {
    const random = seededRandom(11);
    const delays = Array.from({ length: 30 }, () => retryDelayMs(random));
    const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
    const deviation = Math.sqrt(delays.reduce((sum, delay) => sum + (delay - mean) ** 2, 0) / delays.length);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...delays)).toBeLessThanOrEqual(150);
    expect(deviation / mean).toBeGreaterThanOrEqual(0.1);
  });

  test("I6: after a timeout the second try starts without a pause", async () => {
    await using system = await startPool([{ timeoutMs: 2_000 }]);
    system.server.behave({ faults: (_id, timesAsked) => (timesAsked === 0 ? "hangInsteadOfReply" : undefined) });
    const fetching = system.fetch(0);
    await until(() => system.server.counters.bodies.get(system.ids[0] as string) === 1);
    system.clock.advance(3_000);
    expect((await fetching).equals(system.content(0))).toBe(true);
  });

  test("I8: with nobody watching imports use every connection, and with no import the playhead does", async () => {
    for (const lane of ["import", "playhead"] as const) {
      await using system = await startPool([{ connections: 6, pipeline: 1 }], { importConnections: () => 6 });
      using gate = system.server.hold(({ verb }) => verb === "BODY");
      const fetching = Array.from({ length: 12 }, (_, index) => system.fetch(index, { lane }));
      await gate.arrived(6);
      gate.open();
      await Promise.all(fetching);
    }
  });

  test("a lookup yields unknown while a provider is away, and BODY and STAT agree on what is missing", async () => {
    await using system = await startPool([{}, { tier: 0 }]);
    for (const server of system.servers) server.behave({ faults: () => "missing" });
    const options = { urgency: { lane: "health" as const }, signal: new AbortController().signal };
    expect(await system.pool.stat(system.ids[0] as MessageId, options)).toBe("missing");
    await expect(system.fetch(0)).rejects.toMatchObject({ code: "ARTICLE_MISSING" });
    await system.servers[1]?.close();
    expect(await whileTimePasses(system.clock, system.pool.stat(system.ids[1] as MessageId, options))).toBe("unknown");
    await expect(whileTimePasses(system.clock, system.fetch(1))).rejects.toMatchObject({
      code: "PROVIDER_UNREACHABLE",
    });
    expect(system.server.counters.bodies.get(system.ids[1] as string)).toBe(1);
  });
});

/** The reader over the pool over a real news server. */
function readerOver(system: PoolSystem, count: number) {
  const segments = Array.from(
    { length: count },
    (_, index): Segment => ({
      id: system.ids[index] as MessageId,
      alternates: [],
      begin: index * PART,
      size: PART,
      encodedSize: PART,
    }),
  );
  const cache = new SegmentCache({
    source: system.pool,
    budgetBytes: 64 * capacityFor(PART),
    clock: system.clock as Clock,
  });
  const reader = new Reader({ cache, readAheadBytes: 8 * PART, clock: system.clock });
  const file = reader.open({
    size: count * PART,
    at(offset) {
      const index = Math.floor(offset / PART);
      return { start: index * PART, end: (index + 1) * PART, skip: 0, segment: segments[index] as Segment };
    },
  });
  return { cache, file };
}

describe("what streaming promises of a reader over them", () => {
  test("I1: fifty segments over four connections are never more than four bodies at once, and fifty in all", async () => {
    await using system = await startPool([{ connections: 4, pipeline: 1 }]);
    const { file } = readerOver(system, 50);
    let at = 0;
    for await (const chunk of file.read({ start: 0, end: 50 * PART }, { signal: new AbortController().signal })) {
      const index = Math.floor(at / PART);
      const from = at - index * PART;
      expect(
        system
          .content(index)
          .subarray(from, from + chunk.length)
          .equals(chunk as Buffer),
      ).toBe(true);
      at += chunk.length;
    }
    expect(at).toBe(50 * PART);
    expect(system.server.counters.bodiesInFlightMax).toBeLessThanOrEqual(4);
    expect([...system.server.counters.bodies.values()]).toEqual(Array(50).fill(1));
  });

  test("a queued read-ahead overtakes other read-ahead when the playhead reaches it", async () => {
    await using system = await startPool([{ connections: 1, pipeline: 1 }]);
    const { cache } = readerOver(system, 4);
    const segment = (index: number): Segment => ({
      id: system.ids[index] as MessageId,
      alternates: [],
      begin: index * PART,
      size: PART,
      encodedSize: PART,
    });
    const gate = system.server.hold(system.ids[0] as string);
    const wishes = [0, 1, 2, 3].map((index) => cache.warm(segment(index), { lane: "readahead" }));
    await gate.arrived();
    using lease = cache.get(segment(3), { lane: "playhead", signal: new AbortController().signal });
    gate.open();
    expect((await lease.ready(PART)).equals(system.content(3))).toBe(true);
    expect([...system.server.counters.bodies.keys()].indexOf(system.ids[3] as string)).toBe(1);
    for (const wish of wishes) wish[Symbol.dispose]();
  });
});
