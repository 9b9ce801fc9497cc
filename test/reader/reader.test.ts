import { describe, expect, test } from "@jest/globals";
import { type Run, slowStart } from "../../src/reader/read-ahead.ts";
import { Reader } from "../../src/reader/reader.ts";
import { SegmentCache } from "../../src/reader/segment-cache.ts";
import { capacityFor } from "../../src/reader/slots.ts";
import { ManualClock } from "../manual-clock.ts";
import { madeFile, settle } from "./fake-source.ts";

const SIZE = 50_000;
const never = new AbortController().signal;

function start({ segments = 20, slots = 64, readAheadBytes = 32 * 2 ** 20 } = {}) {
  const made = madeFile(segments, SIZE);
  const clock = new ManualClock();
  const cache = new SegmentCache({
    source: made.source,
    budgetBytes: slots * capacityFor(SIZE),
    clock,
  });
  const reader = new Reader({ cache, readAheadBytes, clock });
  return { ...made, cache, reader, file: reader.open(made.map) };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

describe("Reader", () => {
  test("reads the whole file, asking for each article once", async () => {
    const { file, bytes, source, cache } = start();
    source.isOpen = true;
    expect((await collect(file.read({ start: 0, end: bytes.length }, { signal: never }))).equals(bytes)).toBe(true);
    expect([...source.fetched.values()]).toEqual(Array(20).fill(1));
    expect(cache.stats().pinnedSlots).toBe(0);
  });

  test.each([
    [0, 1],
    [SIZE - 1, SIZE + 1],
    [SIZE, 2 * SIZE],
    [3 * SIZE + 17, 7 * SIZE - 3],
    [20 * SIZE - 1, 20 * SIZE],
  ])("reads bytes %i to %i exactly", async (from, to) => {
    const { file, bytes, source } = start();
    source.isOpen = true;
    const got = await collect(file.read({ start: from, end: to }, { signal: never }));
    expect(got.equals(bytes.subarray(from, to))).toBe(true);
  });

  test("a read across the end of the file is clamped", async () => {
    const { file, bytes, source } = start();
    source.isOpen = true;
    const got = await collect(file.read({ start: bytes.length - 10, end: bytes.length + 500 }, { signal: never }));
    expect(got.equals(bytes.subarray(-10))).toBe(true);
  });

  test("a 1-byte read fetches one article, and a read that ends in the next one two", async () => {
    const { file, source } = start();
    source.isOpen = true;
    await collect(file.read({ start: 5 * SIZE, end: 5 * SIZE + 1 }, { signal: never }));
    expect(source.calls).toHaveLength(1);
    await collect(file.read({ start: 8 * SIZE - 1, end: 8 * SIZE + 1 }, { signal: never }));
    expect(source.calls).toHaveLength(3);
  });

  test("read-ahead begins at one segment and grows with what was consumed", async () => {
    const { file, source } = start();
    const read = file.read({ start: 0, end: 20 * SIZE }, { signal: never });
    const asked: number[] = [];
    const first = read.next();
    await settle();
    asked.push(source.calls.length);
    for (const call of source.calls) call.finish();
    await first;
    for (let n = 0; n < 3; n += 1) {
      const next = read.next();
      await settle();
      for (const call of source.calls) call.finish();
      await next;
      asked.push(source.calls.length);
    }
    await read.return();
    expect(asked).toEqual([2, 3, 5, 7]);
  });

  test("a client that does not read on causes no further fetch", async () => {
    const { file, source } = start();
    source.isOpen = true;
    const read = file.read({ start: 0, end: 20 * SIZE }, { signal: never });
    await read.next();
    const asked = source.calls.length;
    for (let n = 0; n < 20; n += 1) await settle();
    expect(source.calls.length).toBe(asked);
    expect(asked).toBeLessThanOrEqual(2);
    await read.return();
  });

  test("read-ahead never passes the end of the range, nor its byte limit", async () => {
    const { file, source } = start({ readAheadBytes: 3 * SIZE });
    source.isOpen = true;
    const read = file.read({ start: 0, end: 12 * SIZE }, { signal: never });
    for (let n = 0; n < 8; n += 1) await read.next();
    // Eight chunks were handed out, of which seven have been consumed; three segments beyond the eighth are warm.
    expect(source.calls.length).toBe(11);
    await collect(read);
    expect(source.calls.length).toBe(12);
  });

  test("leaving the loop stops every fetch that the read started", async () => {
    const { file, source, cache, reader } = start();
    const read = file.read({ start: 0, end: 20 * SIZE }, { signal: never });
    const first = read.next();
    await settle();
    source.calls[0]?.finish();
    await first;
    await read.return();
    await settle();
    expect(source.running).toBe(0);
    expect(reader.activeReads).toBe(0);
    expect(cache.stats()).toMatchObject({ flights: 0, pinnedSlots: 0 });
  });

  test("aborting ends a read that waits, with the signal's reason", async () => {
    const { file, source, cache } = start();
    const controller = new AbortController();
    const read = file.read({ start: 0, end: 20 * SIZE }, { signal: controller.signal });
    const first = read.next();
    await settle();
    const reason = new Error("client left");
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    await settle();
    expect(source.running).toBe(0);
    expect(cache.stats()).toMatchObject({ flights: 0, pinnedSlots: 0 });
  });

  test("many streams share the memory for read-ahead, so that none evicts what another has fetched", async () => {
    const { reader, map, source, cache } = start({ segments: 40, slots: 24 });
    source.isOpen = true;
    const reads = Array.from({ length: 4 }, () =>
      reader.open(map).read({ start: 0, end: 40 * SIZE }, { signal: never }),
    );
    for (let n = 0; n < 40; n += 1) await Promise.all(reads.map((read) => read.next()));
    expect([...source.fetched.values()].every((count) => count === 1)).toBe(true);
    expect(cache.stats().allocatedBytes).toBeLessThanOrEqual(cache.stats().budgetBytes);
    await Promise.all(reads.map((read) => read.return()));
  });
});

describe("who reads a little", () => {
  test("I9: leaves its article to those who come for the rest of it, also when it closes the reader with the last bytes", async () => {
    const { file, source, cache } = start();
    const little = file.read({ start: 0, end: 100 }, { signal: never });
    const first = little.next();
    await settle();
    source.calls[0]?.progress(1_000);
    expect((await first).value).toHaveLength(100);
    await little.return();
    expect(source.aborted).toEqual([]);
    const rest = file.read({ start: 40_000, end: 40_100 }, { signal: never });
    const second = rest.next();
    source.calls[0]?.finish();
    expect((await second).value).toHaveLength(100);
    await rest.return();
    expect(source.calls).toHaveLength(1);
    expect(cache.stats().pinnedSlots).toBe(0);
  });
});

describe("slowStart", () => {
  test.each([
    [{ consumed: 0, segmentBytes: 700, maxBytes: 10_000 }, 700],
    [{ consumed: 100, segmentBytes: 700, maxBytes: 10_000 }, 700],
    [{ consumed: 2_100, segmentBytes: 700, maxBytes: 10_000 }, 2_100],
    [{ consumed: 50_000, segmentBytes: 700, maxBytes: 10_000 }, 10_000],
    [{ consumed: 50_000, segmentBytes: 700, maxBytes: 100 }, 700],
    [{ consumed: 0, segmentBytes: 700, maxBytes: 10_000, askedFor: 4_000 }, 4_000],
    [{ consumed: 0, segmentBytes: 700, maxBytes: 10_000, askedFor: 9 * 2 ** 20 }, 700],
    [{ consumed: 50_000, segmentBytes: 700, maxBytes: 10_000, askedFor: 4_000, readClass: "scan" }, 700],
    [{ consumed: 50_000, segmentBytes: 700, maxBytes: 10_000, readClass: "download" }, 10_000],
  ] as const)("%j: %i bytes ahead", (run: Partial<Run>, bytes) => {
    const usual = { consumed: 0, segmentBytes: 0, maxBytes: 0, askedFor: undefined, readClass: "play" } as const;
    expect(slowStart({ ...usual, ...run })).toBe(bytes);
  });
});
