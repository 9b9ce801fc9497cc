import { describe, expect, test } from "@jest/globals";
import type { Lane } from "../../src/nntp/lanes.ts";
import { capacityFor, type PinnedSlot, SlotPool } from "../../src/reader/slots.ts";
import { ManualClock } from "../manual-clock.ts";

const SIZE = 100_000;
const CAPACITY = capacityFor(SIZE);
const never = new AbortController().signal;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function start(slots: number, evict: () => boolean = () => false) {
  const clock = new ManualClock();
  const pool = new SlotPool({ budgetBytes: slots * CAPACITY, clock, evict });
  const acquire = (lane: Lane = "playhead", size = SIZE, signal = never) =>
    pool.acquire(size, { urgency: { lane }, signal });
  return { clock, pool, acquire };
}

describe("SlotPool", () => {
  test("a slot has room for the part and for the slack of one read", async () => {
    const { acquire } = start(1);
    expect((await acquire()).bytes.length).toBeGreaterThanOrEqual(SIZE + 64 * 1024);
  });

  test("memory is reused, never allocated afresh", async () => {
    const { pool, acquire } = start(4);
    const seen = new Set<Buffer>();
    for (let n = 0; n < 50; n += 1) {
      const slot = await acquire();
      seen.add(slot.bytes);
      slot.unpin();
    }
    expect(seen.size).toBe(1);
    expect(pool.allocatedBytes).toBe(CAPACITY);
    expect(pool.inUse).toBe(0);
  });

  test("the budget is never exceeded, also by slots of many sizes", async () => {
    const { pool, acquire } = start(6);
    for (let n = 1; n <= 60; n += 1) {
      const slot = await acquire("playhead", (n * 37_000) % 400_000);
      expect(pool.allocatedBytes).toBeLessThanOrEqual(pool.budgetBytes);
      slot.unpin();
    }
    expect(pool.inUse).toBe(0);
  });

  test("a slot with a pin left is not handed out again", async () => {
    const { acquire } = start(1);
    const slot = await acquire();
    slot.pin();
    slot.unpin();
    let second: PinnedSlot | undefined;
    acquire().then((granted) => {
      second = granted;
    });
    await settle();
    expect(second).toBeUndefined();
    slot.unpin();
    await settle();
    expect(second?.bytes).toBe(slot.bytes);
  });

  test("one unpin too many is a defect that shows", async () => {
    const { acquire } = start(1);
    const slot = await acquire();
    slot.unpin();
    expect(() => slot.unpin()).toThrow("unpinned more often");
  });

  test("whoever waits is served by lane, then in order", async () => {
    const { acquire } = start(1);
    const first = await acquire();
    const order: string[] = [];
    const waits = (["health", "readahead", "playhead", "readahead"] as const).map((lane, index) =>
      acquire(lane).then((slot) => {
        order.push(`${lane} ${index}`);
        slot.unpin();
      }),
    );
    first.unpin();
    await Promise.all(waits);
    expect(order).toEqual(["playhead 2", "readahead 1", "readahead 3", "health 0"]);
  });

  test("an eviction that frees memory while others wait serves each of them once", async () => {
    const kept: PinnedSlot[] = [];
    const { pool, acquire } = start(3, () => {
      const slot = kept.pop();
      slot?.unpin();
      return slot !== undefined;
    });
    const held = await Promise.all([acquire(), acquire(), acquire()]);
    const granted: PinnedSlot[] = [];
    for (let n = 0; n < 3; n += 1) acquire().then((slot) => granted.push(slot));
    await settle();
    expect(granted).toHaveLength(0);
    kept.push(...held);
    pool.noteEvictable();
    await settle();
    expect(granted).toHaveLength(3);
    expect(new Set(granted).size).toBe(3);
    expect(pool.inUse).toBe(3);
  });

  test("when one that needs much leaves, those behind it that need little are served", async () => {
    const { acquire } = start(2);
    const held = await acquire();
    const controller = new AbortController();
    const large = acquire("playhead", SIZE + CAPACITY, controller.signal);
    let isServed = false;
    const small = acquire("readahead").then((slot) => {
      isServed = true;
      return slot;
    });
    await settle();
    expect(isServed).toBe(false);
    controller.abort(new Error("left"));
    await expect(large).rejects.toThrow("left");
    await settle();
    expect(isServed).toBe(true);
    (await small).unpin();
    held.unpin();
  });

  test("waiting ends with the signal's reason and leaves nothing behind", async () => {
    const { clock, acquire, pool } = start(1);
    const slot = await acquire();
    const controller = new AbortController();
    const waiting = acquire("playhead", SIZE, controller.signal);
    const reason = new Error("left");
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    slot.unpin();
    expect(pool.inUse).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test("after ten seconds without memory the caller is told to come back", async () => {
    const { clock, acquire } = start(1);
    await acquire();
    const waiting = acquire();
    clock.advance(10_000);
    await expect(waiting).rejects.toMatchObject({ code: "NOT_READY", hint: expect.stringContaining("memoryBytes") });
  });

  test("a segment that could never fit is refused at once", async () => {
    const { acquire } = start(1);
    await expect(acquire("playhead", 10 * CAPACITY)).rejects.toMatchObject({ code: "NOT_READY" });
  });
});
