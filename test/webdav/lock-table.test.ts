import { beforeEach, describe, expect, test } from "@jest/globals";
import {
  type Lock,
  LockTable,
  type LockWish,
  MAX_LOCKS,
  MAX_LOCKS_PER_RESOURCE,
  MAX_LOCKS_PER_USER,
} from "../../src/webdav/lock-table.ts";
import { ManualClock } from "../manual-clock.ts";
import { MapLockStore } from "./map-lock-store.ts";

let clock: ManualClock;
let store: MapLockStore;
let table: LockTable;
beforeEach(() => {
  clock = new ManualClock();
  store = new MapLockStore();
  table = new LockTable(store, clock);
});

const pathOf = (text: string) => text.split("/").filter(Boolean);

function wishFor(path: string, more: Partial<LockWish> = {}): LockWish {
  return { path: pathOf(path), depth: "0", scope: "exclusive", owner: "", user: "anna", timeoutS: 600, ...more };
}

function granted(path: string, more: Partial<LockWish> = {}): Lock {
  const outcome = table.grant(wishFor(path, more));
  if (outcome.kind !== "granted") throw new Error(`${path} is locked already`);
  return outcome.lock;
}

function codeOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

const covering = (path: string) => table.covering(pathOf(path)).map(({ token }) => token);
const below = (path: string) => [...table.below(pathOf(path))].map((lock) => lock.path.join("/")).sort();

describe("a lock", () => {
  test("has a token that nobody can guess, and ends when its timeout is over", () => {
    const [one, two] = [granted("a"), granted("b")];
    for (const { token } of [one, two]) expect(token).toMatch(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(one.token).not.toBe(two.token);
    expect(one.expiresAt).toBe(clock.wall() + 600_000);
  });

  test("of depth 0 covers its root alone, one of depth infinity everything below too", () => {
    const flat = granted("flat");
    const deep = granted("deep", { depth: "infinity" });
    expect([covering("flat"), covering("flat/x")]).toEqual([[flat.token], []]);
    expect([covering("deep"), covering("deep/x/y")]).toEqual([[deep.token], [deep.token]]);
    expect([covering(""), covering("dee"), covering("deeper"), covering("x/deep")]).toEqual([[], [], [], []]);
  });

  test("on the root covers the whole tree", () => {
    const { token } = granted("", { depth: "infinity" });
    expect([covering(""), covering("a/b")]).toEqual([[token], [token]]);
  });

  test("is found below every collection that its root lies in, and not below itself", () => {
    for (const path of ["a/b/c", "a/b", "a/x", "z"]) granted(path);
    expect(below("a")).toEqual(["a/b", "a/b/c", "a/x"]);
    expect(below("a/b")).toEqual(["a/b/c"]);
    expect(below("")).toEqual(["a/b", "a/b/c", "a/x", "z"]);
    expect([below("z"), below("none")]).toEqual([[], []]);
  });
});

describe("a second lock", () => {
  test.each([
    // present, wished for: scope and depth at `a/b`, then at the other path
    ["exclusive 0 a/b", "exclusive 0 a/b", "conflict"],
    ["exclusive 0 a/b", "shared 0 a/b", "conflict"],
    ["shared 0 a/b", "exclusive 0 a/b", "conflict"],
    ["shared 0 a/b", "shared infinity a/b", "granted"],
    ["exclusive infinity a", "exclusive 0 a/b", "conflict"],
    ["exclusive infinity a", "shared 0 a/b/c", "conflict"],
    ["shared infinity a", "shared 0 a/b", "granted"],
    ["shared infinity a", "exclusive 0 a/b", "conflict"],
    ["exclusive 0 a", "exclusive infinity a/b", "granted"],
    ["exclusive 0 a/b", "exclusive infinity a", "conflict"],
    ["exclusive 0 a/b/c", "shared infinity a", "conflict"],
    ["shared 0 a/b", "shared infinity a", "granted"],
    ["shared 0 a/b", "exclusive infinity a", "conflict"],
    ["exclusive 0 a/b", "exclusive 0 a", "granted"],
    ["exclusive 0 a/b", "exclusive 0 a/c", "granted"],
  ])("where there is %s, for %s, is: %3$s", (present, wished, kind) => {
    const wish = (text: string) => {
      const [scope, depth, path = ""] = text.split(" ");
      return wishFor(path, { scope: scope as LockWish["scope"], depth: depth as LockWish["depth"] });
    };
    const first = table.grant(wish(present));
    const second = table.grant({ ...wish(wished), user: "bob" });
    expect([first.kind, second.kind]).toEqual(["granted", kind]);
    if (second.kind === "conflict") expect(second.locks).toEqual([(first as { lock: Lock }).lock]);
  });
});

describe("the end of a lock", () => {
  test("is its expiry, without a timer", () => {
    granted("a", { timeoutS: 10 });
    clock.advance(9_999);
    expect(covering("a")).toHaveLength(1);
    clock.advance(1);
    expect([covering("a"), below(""), table.stats().locks, clock.timers]).toEqual([[], [], 0, 0]);
    expect(table.grant(wishFor("a")).kind).toBe("granted");
  });

  test("by expiry is stored with the next lock that is given, and costs the lookups before nothing", () => {
    granted("a", { timeoutS: 10 });
    clock.advance(10_000);
    covering("a");
    expect(store.changes).toBe(1);
    const { token } = granted("b");
    expect([...store.locks.keys()]).toEqual([token]);
  });

  test("is put off by a refresh, which may change the timeout", () => {
    const lock = granted("a", { timeoutS: 10 });
    clock.advance(9_000);
    const refreshed = table.refresh(lock, 20);
    expect(refreshed).toEqual({ ...lock, timeoutS: 20, expiresAt: clock.wall() + 20_000 });
    clock.advance(19_999);
    expect(covering("a")).toEqual([lock.token]);
    clock.advance(1);
    expect(covering("a")).toEqual([]);
  });

  test("is its release", () => {
    const lock = granted("a/b");
    granted("a/c");
    table.release(lock);
    expect([covering("a/b"), below("a"), table.stats().locks]).toEqual([[], ["a/c"], 1]);
    expect([...store.locks.values()].map(({ path }) => path)).toEqual([["a", "c"]]);
  });

  test("is the end of what it was on, and of what that was in", () => {
    for (const path of ["a", "a/b", "a/b/c", "ab", "x"]) granted(path);
    table.forget(["a"]);
    expect([below(""), store.locks.size]).toEqual([["ab", "x"], 2]);
    table.forget(["none"]);
    expect(table.stats().locks).toBe(2);
  });

  test("is not that something else comes to stand where it is, unless it was below", () => {
    for (const path of ["a", "a/b", "a/b/c"]) granted(path);
    table.forgetBelow(["a"]);
    expect([below(""), store.locks.size]).toEqual([["a"], 1]);
  });
});

describe("a new table over the same store", () => {
  test("knows every lock, and for how long", () => {
    const deep = granted("a", { depth: "infinity", timeoutS: 100, owner: "<o/>" });
    clock.advance(40_000);
    table = new LockTable(store, clock);
    expect(table.covering(["a", "b"])).toEqual([deep]);
    clock.advance(60_000);
    expect(covering("a")).toEqual([]);
  });

  test("drops those that are over, and forgets them with the next one", () => {
    granted("a", { timeoutS: 10 });
    clock.advance(10_000);
    table = new LockTable(store, clock);
    expect(table.stats().locks).toBe(0);
    granted("b");
    expect([...store.locks.values()].map(({ path }) => path)).toEqual([["b"]]);
  });

  test("lets none last longer than its timeout, though the clock was set back", () => {
    granted("a", { timeoutS: 100 });
    const earlier = new ManualClock(clock.wall() - 86_400_000);
    table = new LockTable(store, earlier);
    earlier.advance(100_000);
    expect(covering("a")).toEqual([]);
  });
});

describe("a store that fails", () => {
  test("leaves everything as it was", () => {
    const lock = granted("a");
    store.failure = new Error("disk full");
    expect(() => granted("b")).toThrow("disk full");
    expect(() => table.refresh(lock, 1)).toThrow("disk full");
    expect(() => table.release(lock)).toThrow("disk full");
    expect(() => table.forget(["a"])).toThrow("disk full");
    expect(table.covering(["a"])).toEqual([lock]);
    expect(table.stats().locks).toBe(1);
  });
});

describe("bounds", () => {
  test("keep a user from taking all, until some of that user's are over", () => {
    for (let n = 0; n < MAX_LOCKS_PER_USER; n += 1) granted(`anna/${n}`, { timeoutS: n === 0 ? 1 : 600 });
    expect(codeOf(() => granted("one more"))).toBe("NOT_READY");
    expect(granted("of another", { user: "bob" }).user).toBe("bob");
    clock.advance(1_000);
    granted("one more");
    expect(codeOf(() => granted("and another"))).toBe("NOT_READY");
  });

  test("keep the number of shared locks on one resource small, from above and from below", () => {
    const shared = { scope: "shared", depth: "infinity" } as const;
    for (let n = 0; n < MAX_LOCKS_PER_RESOURCE; n += 1) granted("a/b/c", shared);
    expect(codeOf(() => granted("a/b/c", shared))).toBe("NOT_READY");
    expect(codeOf(() => granted("a/b/c/d", shared))).toBe("NOT_READY");
    expect(codeOf(() => granted("a", shared))).toBe("NOT_READY");
    granted("a", { scope: "shared" });
    expect(covering("a/b/c/d")).toHaveLength(MAX_LOCKS_PER_RESOURCE);
  });

  test("hold for all together, and a lookup among so many costs what its path is long", () => {
    for (let n = 0; n < MAX_LOCKS; n += 1) granted(`d${n % 100}/f${n}`, { user: `user ${n % 20}` });
    expect(codeOf(() => granted("one more", { user: "somebody else" }))).toBe("NOT_READY");
    const visitsOf = (lookup: () => unknown) => {
      const before = table.stats().visits;
      lookup();
      return table.stats().visits - before;
    };
    expect(visitsOf(() => covering("d1/f101"))).toBe(3);
    expect(visitsOf(() => covering("d1/none/of/these/is/there"))).toBe(2);
    expect(visitsOf(() => below("d1"))).toBe(100);
    expect(visitsOf(() => below("d1/f101"))).toBe(0);
    table.forget([]);
    expect([table.stats().locks, store.locks.size]).toEqual([0, 0]);
    expect(visitsOf(() => covering("d1/f101"))).toBe(0);
  });

  test("leave nothing behind of locks that are over", () => {
    const lock = granted("a/b/c/d");
    table.release(lock);
    granted("z");
    const before = table.stats().visits;
    covering("a/b/c/d");
    expect(table.stats().visits - before).toBe(1);
  });
});
