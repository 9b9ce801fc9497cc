import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { ArticleError } from "../../src/base/errors.ts";
import type { Segment } from "../../src/catalog/catalog.ts";
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
  const segment = (index: number) => file.segments[index] as Segment;
  const content = (index: number) => file.bytes.subarray(index * SIZE, (index + 1) * SIZE);
  const call = (index: number) => file.source.calls[index] as PendingBody;
  return { ...file, clock, cache, segment, content, call };
}

describe("SegmentCache", () => {
  test("callers of one segment share one fetch and get the same bytes", async () => {
    const { cache, segment, content, call, source } = start();
    const leases = [1, 2, 3].map(() => cache.get(segment(0), playhead));
    const reads = leases.map((lease) => lease.ready(SIZE));
    await settle();
    call(0).finish();
    for (const bytes of await Promise.all(reads)) expect(bytes.equals(content(0))).toBe(true);
    expect(source.calls).toHaveLength(1);
    expect(cache.stats()).toMatchObject({ hits: 0, joins: 2, misses: 1, flights: 0, entries: 1 });
  });

  test("the first waiter may leave without disturbing the others", async () => {
    const { cache, segment, content, call, source } = start();
    const controller = new AbortController();
    const first = cache.get(segment(0), { lane: "playhead", signal: controller.signal });
    const second = cache.get(segment(0), playhead);
    const left = first.ready(1);
    const stayed = second.ready(SIZE);
    await settle();
    const reason = new Error("left");
    controller.abort(reason);
    await expect(left).rejects.toBe(reason);
    first[Symbol.dispose]();
    call(0).finish();
    expect((await stayed).equals(content(0))).toBe(true);
    expect(source.calls).toHaveLength(1);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  test("a fetch that nobody waits for any more is stopped, and the next caller starts afresh", async () => {
    const { cache, segment, call, content, source } = start();
    const lease = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(SIZE / 4);
    lease[Symbol.dispose]();
    await settle();
    expect(source.aborted).toEqual([segment(0).id]);
    expect(cache.stats()).toMatchObject({ flights: 0, entries: 0, pinnedSlots: 0 });
    const again = cache.get(segment(0), playhead);
    await settle();
    call(1).finish();
    expect((await again.ready(SIZE)).equals(content(0))).toBe(true);
  });

  test("a deserted fetch that is mostly here lingers for two seconds", async () => {
    const { cache, clock, segment, call, source } = start();
    const lease = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(SIZE / 2 + 1);
    lease[Symbol.dispose]();
    clock.advance(1_999);
    expect(source.aborted).toEqual([]);
    clock.advance(1);
    await settle();
    expect(source.aborted).toEqual([segment(0).id]);
    expect(clock.timers).toBe(0);
  });

  test("whoever comes back while it lingers gets the same fetch", async () => {
    const { cache, clock, segment, call, source, content } = start();
    const lease = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(SIZE - 1);
    lease[Symbol.dispose]();
    clock.advance(1_000);
    const again = cache.get(segment(0), playhead);
    clock.advance(5_000);
    call(0).finish();
    expect((await again.ready(SIZE)).equals(content(0))).toBe(true);
    expect(source.calls).toHaveLength(1);
  });

  test("bytes are readable while the article arrives, but not its last 16 KB", async () => {
    const { cache, segment, call, content } = start();
    const lease = cache.get(segment(0), playhead);
    const first = lease.ready(1);
    await settle();
    call(0).progress(10_000);
    expect((await first).equals(content(0).subarray(0, 10_000))).toBe(true);
    const tail = lease.ready(SIZE - 16 * 1024 + 1);
    let isHere = false;
    tail.then(() => {
      isHere = true;
    });
    call(0).progress(SIZE);
    await settle();
    expect(isHere).toBe(false);
    expect((await lease.ready(10_001)).length).toBe(SIZE - 16 * 1024);
    call(0).finish();
    expect((await tail).equals(content(0))).toBe(true);
  });

  test("a second attempt with the same bytes is not noticed by who read the first", async () => {
    const { cache, segment, call, content } = start();
    const lease = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(40_000);
    await lease.ready(40_000);
    await call(0).restart();
    call(0).progress(60_000);
    const rest = lease.ready(50_000);
    let isHere = false;
    rest.then(() => {
      isHere = true;
    });
    await settle();
    expect(isHere).toBe(false);
    call(0).finish();
    expect((await rest).equals(content(0))).toBe(true);
  });

  test("a second attempt with other bytes fails who got the first ones, and nobody else", async () => {
    const { cache, segment, call, content } = start();
    const wrong = Buffer.from(content(0));
    wrong[5] = (wrong[5] as number) ^ 255;
    const early = cache.get(segment(0), playhead);
    const patient = cache.get(segment(0), playhead);
    const patientBytes = patient.ready(SIZE);
    await settle();
    await call(0).restart(wrong);
    expect(cache.stats().flights).toBe(1);
    const lease = cache.get(segment(1), playhead);
    await settle();
    call(1).progress(30_000);
    await lease.ready(1);
    const sound = Buffer.from(content(1));
    sound[3] = (sound[3] as number) ^ 255;
    await call(1).restart(sound);
    const rest = lease.ready(40_000);
    const late = cache.get(segment(1), playhead);
    const lateBytes = late.ready(SIZE);
    call(1).finish();
    await expect(rest).rejects.toMatchObject({ code: "ARTICLE_CORRUPT" });
    expect((await lateBytes).equals(sound)).toBe(true);
    call(0).finish();
    expect((await patientBytes).equals(wrong)).toBe(true);
    expect((await early.ready(SIZE)).equals(wrong)).toBe(true);
  });

  test("a failed fetch fails everybody who waits, is not kept, and frees its slot", async () => {
    const { cache, segment, call } = start();
    const leases = [cache.get(segment(0), playhead), cache.get(segment(0), playhead)];
    const reads = leases.map((lease) => lease.ready(1));
    await settle();
    call(0).fail(new ArticleError("ARTICLE_MISSING", "gone"));
    for (const read of reads) await expect(read).rejects.toMatchObject({ code: "ARTICLE_MISSING" });
    await expect(leases[0]?.ready(1)).rejects.toMatchObject({ code: "ARTICLE_MISSING" });
    for (const lease of leases) lease[Symbol.dispose]();
    expect(cache.stats()).toMatchObject({ flights: 0, entries: 0, pinnedSlots: 0 });
  });

  test("a known hole costs no question", async () => {
    const { cache, segment, source } = start();
    const hole: Segment = { ...segment(0), id: undefined };
    using lease = cache.get(hole, playhead);
    await expect(lease.ready(1)).rejects.toMatchObject({ code: "ARTICLE_MISSING" });
    expect(source.calls).toHaveLength(0);
  });

  test("an alternate article is asked for when the first is gone or corrupt", async () => {
    const { cache, segment, call, content, source } = start();
    const twofold: Segment = { ...segment(0), id: segment(7).id, alternates: [segment(0).id as never] };
    using lease = cache.get(twofold, playhead);
    const read = lease.ready(SIZE);
    await settle();
    call(0).fail(new ArticleError("ARTICLE_CORRUPT", "bad"));
    await settle();
    call(1).finish();
    expect((await read).equals(content(0))).toBe(true);
    expect(source.calls.map(({ id }) => id)).toEqual([segment(7).id, segment(0).id]);
  });

  test("the least recently used segment makes room, and one that is being read never does", async () => {
    const { cache, segment, source } = start({ slots: 3 });
    source.isOpen = true;
    const reading = cache.get(segment(0), playhead);
    const bytes = Buffer.from(await reading.ready(SIZE));
    for (const index of [1, 2, 3, 4, 5]) {
      using lease = cache.get(segment(index), playhead);
      await lease.ready(SIZE);
    }
    expect((await reading.ready(SIZE)).equals(bytes)).toBe(true);
    expect(cache.stats()).toMatchObject({ entries: 3, evictions: 3 });
    expect(cache.stats().allocatedBytes).toBeLessThanOrEqual(cache.stats().budgetBytes);
    using five = cache.get(segment(5), playhead);
    await five.ready(1);
    expect(source.calls).toHaveLength(6);
  });

  test("a lease taken before the article arrived still shows it after it was evicted", async () => {
    const { cache, segment, call, content, source } = start({ slots: 2 });
    const lease = cache.get(segment(0), playhead);
    await settle();
    call(0).finish();
    await settle();
    source.isOpen = true;
    for (const index of [1, 2, 3]) {
      using other = cache.get(segment(index), playhead);
      await other.ready(SIZE);
    }
    expect((await lease.ready(SIZE)).equals(content(0))).toBe(true);
  });

  test("warming starts a fetch, withdrawing stops it, and a reader makes it urgent", async () => {
    const { cache, segment, call, source, content } = start();
    const wish = cache.warm(segment(0), { lane: "readahead" });
    cache.warm(segment(1), { lane: "readahead" })[Symbol.dispose]();
    await settle();
    expect(source.aborted).toEqual([]);
    expect(call(0).options.urgency.lane).toBe("readahead");
    let raised = 0;
    call(0).options.urgency.watch?.(() => {
      raised += 1;
    });
    using lease = cache.get(segment(0), playhead);
    expect(call(0).options.urgency.lane).toBe("playhead");
    expect(raised).toBe(1);
    wish[Symbol.dispose]();
    wish[Symbol.dispose]();
    call(0).finish();
    expect((await lease.ready(SIZE)).equals(content(0))).toBe(true);
  });

  test("closing cancels what is under way and forgets the rest", async () => {
    const { cache, segment, source } = start();
    const lease = cache.get(segment(0), playhead);
    const read = lease.ready(1);
    read.catch(() => {});
    await settle();
    cache[Symbol.dispose]();
    await expect(read).rejects.toThrow("nobody waits");
    expect(source.running).toBe(0);
    expect(cache.stats()).toMatchObject({ flights: 0, entries: 0 });
  });
});

describe("who has had what it wanted", () => {
  test("I9: leaves the rest of the article to the next one, however little of it is here", async () => {
    const { cache, source, segment, call } = start();
    for (const index of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const lease = cache.get(segment(index), playhead);
      await settle();
      call(index).progress(1_000);
      await lease.ready(500);
      lease.done();
      lease[Symbol.dispose]();
    }
    for (const index of [0, 1, 2, 3, 4, 5, 6, 7]) {
      using again = cache.get(segment(index), playhead);
      call(index).finish();
      await again.ready(SIZE);
    }
    expect([...source.fetched.values()]).toEqual(Array(8).fill(1));
    expect(source.aborted).toEqual([]);
  });

  test("and who leaves before that takes its fetch along", async () => {
    const { cache, source, segment, call } = start();
    const lease = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(1_000);
    await lease.ready(500);
    lease[Symbol.dispose]();
    expect(source.aborted).toHaveLength(1);
  });
});
