import { describe, expect, test } from "@jest/globals";
import { KeptSegments } from "../../src/reader/kept-segments.ts";
import { capacityFor, type PinnedSlot, SlotPool } from "../../src/reader/slots.ts";
import { ManualClock } from "../manual-clock.ts";
import { seededRandom } from "../random.ts";

const SIZE = 100_000;
const CAPACITY = capacityFor(SIZE);

/** Segments in slots of a pool that evicts what is kept, as the cache wires them. */
function start(slots = 16) {
  const budget = slots * CAPACITY;
  const kept = new KeptSegments(budget);
  const pool = new SlotPool({ budgetBytes: budget, clock: new ManualClock(), evict: () => kept.evict() });
  const take = () => pool.takeNow(SIZE) as PinnedSlot;
  const add = (...keys: readonly string[]) => {
    for (const key of keys) kept.add(key, { slot: take(), size: SIZE });
  };
  const addProbe = (...keys: readonly string[]) => {
    for (const key of keys) kept.addProbe(key, { slot: take(), size: SIZE });
  };
  /** Gives up one after another until there is none, and says in which order. */
  const order = () => {
    const keys: string[] = [];
    let left = all().filter((key) => kept.has(key));
    while (kept.evict()) {
      const after = left.filter((key) => kept.has(key));
      keys.push(...left.filter((key) => !after.includes(key)));
      left = after;
    }
    return keys;
  };
  const named: string[] = [];
  const all = () => named;
  const names = (...keys: readonly string[]) => {
    named.push(...keys);
    return keys;
  };
  return {
    kept,
    pool,
    order,
    add: (...keys: readonly string[]) => add(...names(...keys)),
    addProbe: (...keys: readonly string[]) => addProbe(...names(...keys)),
  };
}

describe("what makes room first", () => {
  test("the least recently used", () => {
    const { kept, add, order } = start();
    add("a", "b", "c");
    kept.get("a");
    expect(order()).toEqual(["b", "c", "a"]);
    expect(kept.evictions).toBe(3);
  });

  test("what a copy has left behind goes before everything else, oldest first", () => {
    const { kept, add, order } = start();
    add("old", "a", "b", "c");
    kept.spent("c");
    kept.spent("b");
    expect(order()).toEqual(["c", "b", "old", "a"]);
  });

  test("what is wanted again after it was spent is no longer spent", () => {
    const { kept, add, order } = start();
    add("a", "b");
    kept.spent("b");
    kept.get("b");
    expect(order()).toEqual(["a", "b"]);
  });

  test("what is not there cannot be spent, nor is it when it comes later", () => {
    const { kept, add, order } = start();
    kept.spent("b");
    add("a", "b");
    expect(order()).toEqual(["a", "b"]);
  });

  test("the ends of new files go last, also when a copy has passed over them", () => {
    const { kept, add, addProbe, order } = start();
    addProbe("probe");
    add("a", "b");
    kept.spent("probe");
    expect(order()).toEqual(["a", "b", "probe"]);
  });

  test("no more than an eighth of the memory is protected so: older ends are then as all others", () => {
    const { addProbe, add, order } = start(16);
    addProbe("p1", "p2", "p3", "p4");
    add("a");
    expect(order()).toEqual(["p1", "p2", "a", "p3", "p4"]);
  });

  test("an end that was given up leaves its protection to others", () => {
    const { kept, addProbe, add, order } = start(16);
    addProbe("p1", "p2");
    expect(kept.evictProbe()).toBe(true);
    addProbe("p3");
    add("a");
    expect(order()).toEqual(["a", "p2", "p3"]);
  });

  test("what somebody reads is never given up, and goes in its turn when it has been read", () => {
    const { kept, add, addProbe, order } = start();
    add("a", "b");
    addProbe("probe");
    kept.spent("a");
    const pinned = ["a", "probe"].map((key) => kept.get(key)?.slot as PinnedSlot);
    for (const slot of pinned) slot.pin();
    expect(order()).toEqual(["b"]);
    expect(kept.evict()).toBe(false);
    expect(kept.evictProbe()).toBe(false);
    for (const slot of pinned) slot.unpin();
    expect(order()).toEqual(["a", "probe"]);
  });
});

describe("slots", () => {
  test("are given back once: when given up, when replaced, when all is forgotten", () => {
    const { kept, pool, add, addProbe } = start();
    add("a", "b");
    addProbe("p");
    expect(pool.inUse).toBe(3);
    add("a");
    expect(pool.inUse).toBe(3);
    addProbe("b");
    expect(pool.inUse).toBe(3);
    kept.evict();
    expect(pool.inUse).toBe(2);
    kept.clear();
    expect([pool.inUse, kept.size]).toEqual([0, 0]);
    expect(kept.evict()).toBe(false);
  });

  test("are all accounted for after any sequence of events, and the books of protected ends hold", () => {
    const random = seededRandom(5);
    const { kept, pool, add, addProbe } = start(24);
    const key = () => `k${Math.floor(random() * 40)}`;
    const pinned: PinnedSlot[] = [];
    for (let step = 0; step < 20_000; step += 1) {
      const dice = random();
      if (pool.inUse - kept.size > 4 || dice < 0.1) pinned.shift()?.unpin();
      else if (dice < 0.4) add(key());
      else if (dice < 0.55) addProbe(key());
      else if (dice < 0.7) kept.spent(key());
      else if (dice < 0.9) kept.get(key());
      else {
        const slot = kept.get(key())?.slot;
        slot?.pin();
        if (slot !== undefined) pinned.push(slot);
      }
      expect(pool.allocatedBytes).toBeLessThanOrEqual(pool.budgetBytes);
    }
    for (const slot of pinned) slot.unpin();
    expect(pool.inUse).toBe(kept.size);
    // An eighth of 24 is three: no more than three ends outlive everything else.
    let plain = 0;
    while (kept.size > 0) {
      const before = kept.size;
      expect(kept.evict()).toBe(true);
      expect(kept.size).toBe(before - 1);
      plain += 1;
    }
    expect(plain).toBeGreaterThan(0);
    expect(pool.inUse).toBe(0);
  });
});
