import { describe, expect, test } from "@jest/globals";
import { ArticleError, ProviderError } from "../../src/base/errors.ts";
import type { Segment } from "../../src/catalog/catalog.ts";
import { Reader } from "../../src/reader/reader.ts";
import { SegmentCache } from "../../src/reader/segment-cache.ts";
import { capacityFor } from "../../src/reader/slots.ts";
import { ManualClock } from "../manual-clock.ts";
import { madeFile, type PendingBody, settle } from "./fake-source.ts";

const SIZE = 100_000;
const signal = new AbortController().signal;
const playhead = { lane: "playhead", signal } as const;

function start({ segments = 8, slots = 64 } = {}) {
  const file = madeFile(segments, SIZE);
  const clock = new ManualClock();
  const cache = new SegmentCache({ source: file.source, budgetBytes: slots * capacityFor(SIZE), clock });
  const reader = new Reader({ cache, readAheadBytes: 32 * 2 ** 20, clock });
  const segment = (index: number) => file.segments[index] as Segment;
  const content = (index: number) => file.bytes.subarray(index * SIZE, (index + 1) * SIZE);
  const call = (index: number) => file.source.calls[index] as PendingBody;
  return { ...file, clock, cache, reader, segment, content, call };
}

describe("bytes that were handed out early", () => {
  test("stay as they are while another attempt is under way, and until its reader asks for more", async () => {
    const { cache, segment, content, call } = start();
    const lease = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(40_000);
    const early = await lease.ready(1);
    const wrong = Buffer.alloc(SIZE, 0xee);
    await call(0).restart(wrong);
    call(0).progress(60_000);
    expect(early.equals(content(0).subarray(0, 40_000))).toBe(true);
    await call(0).restart(content(0));
    call(0).finish();
    await settle();
    expect(early.equals(content(0).subarray(0, 40_000))).toBe(true);
    expect(cache.stats().pinnedSlots).toBe(1);
    expect((await lease.ready(40_001)).equals(content(0))).toBe(true);
    expect(cache.stats().pinnedSlots).toBe(0);
    lease[Symbol.dispose]();
    expect(cache.stats()).toMatchObject({ pinnedSlots: 0, flights: 0, entries: 1 });
  });

  test("keep their slot until the lease ends, also when the other attempt fails", async () => {
    const { cache, segment, content, call } = start();
    const lease = cache.get(segment(0), playhead);
    const second = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(40_000);
    const early = await lease.ready(1);
    await call(0).restart();
    call(0).fail(new ArticleError("ARTICLE_CORRUPT", "bad"));
    await settle();
    expect(early.equals(content(0).subarray(0, 40_000))).toBe(true);
    lease[Symbol.dispose]();
    second[Symbol.dispose]();
    expect(cache.stats()).toMatchObject({ pinnedSlots: 0, flights: 0, entries: 0 });
  });

  test("a reader that leaves while memory for another attempt is waited for leaves nothing behind", async () => {
    const { cache, segment, call, source } = start({ slots: 1 });
    const lease = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(40_000);
    await lease.ready(1);
    const restarting = call(0).restart();
    restarting.catch(() => {});
    lease[Symbol.dispose]();
    await settle();
    expect(source.running).toBe(0);
    expect(cache.stats()).toMatchObject({ pinnedSlots: 0, flights: 0, entries: 0 });
  });

  test("when nobody has been given any, another attempt is shown while it arrives", async () => {
    const { cache, segment, content, call } = start();
    const lease = cache.get(segment(0), playhead);
    await settle();
    await call(0).restart();
    const early = lease.ready(1);
    call(0).progress(30_000);
    expect((await early).equals(content(0).subarray(0, 30_000))).toBe(true);
    call(0).finish();
    expect((await lease.ready(SIZE)).equals(content(0))).toBe(true);
    lease[Symbol.dispose]();
  });
});

describe("what is missing", () => {
  test("read-ahead that meets a hole does not disturb the segment before it, and asks once", async () => {
    const { reader, map, bytes, source, segment, clock } = start();
    const read = reader.open(map).read({ start: 0, end: bytes.length }, { signal });
    const first = read.next();
    await settle();
    const [playing, ahead] = source.calls;
    ahead?.fail(new ArticleError("ARTICLE_MISSING", "gone"));
    playing?.finish();
    expect((await first).value).toHaveLength(SIZE);
    await expect(read.next()).rejects.toMatchObject({ code: "ARTICLE_MISSING" });
    expect(source.fetched.get(segment(1).id as string)).toBe(1);
    source.isOpen = true;
    clock.advance(10 * 60_000);
    const again = reader.open(map).read({ start: SIZE, end: SIZE + 1 }, { signal });
    expect((await again.next()).value).toHaveLength(1);
    await again.return();
  });

  test.each(["ARTICLE_MISSING", "ARTICLE_CORRUPT"] as const)(
    "%s is not asked for again for a while, not by who had asked in advance nor by the next one",
    async (code) => {
      const { reader, map, source, content, segment, cache, clock } = start();
      const read = reader.open(map).read({ start: 0, end: 2 * SIZE }, { signal });
      const first = read.next();
      await settle();
      source.calls[1]?.progress(SIZE - 1);
      source.calls[1]?.fail(new ArticleError(code, "bad"));
      source.calls[0]?.finish();
      await first;
      await expect(read.next()).rejects.toMatchObject({ code });
      expect(source.fetched.get(segment(1).id as string)).toBe(1);
      expect(cache.stats()).toMatchObject({ flights: 0, pinnedSlots: 0 });
      source.isOpen = true;
      using refused = cache.get(segment(1), playhead);
      await expect(refused.ready(1)).rejects.toMatchObject({ code });
      expect(source.fetched.get(segment(1).id as string)).toBe(1);
      clock.advance(10 * 60_000);
      using lease = cache.get(segment(1), playhead);
      expect((await lease.ready(SIZE)).equals(content(1))).toBe(true);
    },
  );

  test("what failed for another reason ahead of the playhead is asked for again when it is reached", async () => {
    const { reader, map, source, content, segment } = start();
    const read = reader.open(map).read({ start: 0, end: 2 * SIZE }, { signal });
    const first = read.next();
    await settle();
    source.calls[1]?.fail(new ProviderError("PROVIDER_TIMEOUT", "slow"));
    source.calls[0]?.finish();
    await first;
    source.isOpen = true;
    const next = await read.next();
    expect(content(1).equals(next.value as Buffer)).toBe(true);
    expect(source.fetched.get(segment(1).id as string)).toBe(2);
    await read.return();
  });

  test("bytes beyond the end of a segment are refused, not waited for", async () => {
    const { cache, segment, call } = start();
    using lease = cache.get(segment(0), playhead);
    await expect(lease.ready(SIZE + 1)).rejects.toBeInstanceOf(RangeError);
    await settle();
    call(0).finish();
    await lease.ready(SIZE);
    using kept = cache.get(segment(0), playhead);
    await expect(kept.ready(SIZE + 1)).rejects.toBeInstanceOf(RangeError);
  });
});

describe("many at once", () => {
  test("I10: of fifty deserted reads no more than four go on, however much of them is here", async () => {
    const { cache, segments, source, clock } = start({ segments: 50 });
    const leases = segments.map((segment) => cache.get(segment, playhead));
    await settle();
    for (const call of source.calls) call.progress(SIZE - 1);
    for (const lease of leases) lease[Symbol.dispose]();
    await settle();
    expect(source.running).toBeLessThanOrEqual(4);
    clock.advance(2_000);
    await settle();
    expect(source.running).toBe(0);
    expect(cache.stats()).toMatchObject({ flights: 0, pinnedSlots: 0 });
    expect(clock.timers).toBe(0);
  });

  test("I9: two hundred small reads inside eight segments cost eight fetches", async () => {
    const { reader, map, bytes, source } = start();
    const reads = Array.from({ length: 200 }, async (_, index) => {
      const from = (index * 3_989) % (8 * SIZE - 700);
      const parts: Buffer[] = [];
      for await (const chunk of reader.open(map).read({ start: from, end: from + 700 }, { signal })) {
        parts.push(Buffer.from(chunk));
      }
      expect(Buffer.concat(parts).equals(bytes.subarray(from, from + 700))).toBe(true);
    });
    await settle();
    source.isOpen = true;
    for (const call of [...source.calls]) call.finish();
    await Promise.all(reads);
    expect([...source.fetched.values()]).toEqual(Array(8).fill(1));
  });
});
