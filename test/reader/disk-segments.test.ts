import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { until } from "../until.ts";
import {
  CHARGE,
  contentOf,
  diskFixture,
  FileGate,
  get,
  keys,
  never,
  put,
  relink,
  SIZE,
  systemError,
  ticks,
} from "./disk-fixture.ts";

function halfZeroed(path: string): void {
  truncateSync(path, SIZE / 2);
  truncateSync(path, SIZE);
}

function linked(path: string): void {
  writeFileSync(`${path}x`, contentOf("a"));
  relink(path, `${path}x`);
}

describe("a segment", () => {
  test("that was offered is read back, and one that was not is a miss", async () => {
    await using disk = diskFixture();
    const tier = await disk.open();
    await put(tier, "a");
    expect([tier.has("a"), tier.has("b")]).toEqual([true, false]);
    expect([await get(tier, "a"), await get(tier, "b")]).toEqual([true, false]);
    expect(tier.stats()).toMatchObject({ hits: 1, misses: 1, writes: 1, skipped: 0, entries: 1, bytes: CHARGE });
  });

  test("is there after a restart", async () => {
    await using disk = diskFixture();
    for (const key of keys(0, 5)) await put(await disk.open(), key);
    const tier = await disk.open();
    expect(await Promise.all(keys(0, 5).map((key) => get(tier, key)))).toEqual([true, true, true, true, true]);
    expect(tier.stats()).toMatchObject({ entries: 5, bytes: 5 * CHARGE, damaged: 0 });
  });

  test("is written once, also when it is offered again while it is being written", async () => {
    await using disk = diskFixture();
    const tier = await disk.open();
    await Promise.all([put(tier, "a"), put(tier, "a"), put(tier, "a")]);
    await put(tier, "a");
    expect(tier.stats()).toMatchObject({ writes: 1, skipped: 0, entries: 1 });
  });

  test("of another size than was asked for, or larger than the buffer, is a miss and stays", async () => {
    await using disk = diskFixture();
    const tier = await disk.open();
    await put(tier, "a");
    expect(await tier.read("a", Buffer.alloc(SIZE), SIZE - 1, never)).toBe(false);
    expect(await tier.read("a", Buffer.alloc(SIZE - 1), SIZE, never)).toBe(false);
    expect(await get(tier, "a")).toBe(true);
  });

  test("without bytes, or larger than the budget, is not taken", async () => {
    await using disk = diskFixture();
    const tier = await disk.open({ budgetBytes: CHARGE });
    await put(tier, "empty", 0);
    await put(tier, "large", CHARGE + 1);
    expect(tier.stats()).toMatchObject({ writes: 0, skipped: 2, bytes: 0 });
    await put(tier, "just right", CHARGE);
    expect(tier.stats()).toMatchObject({ writes: 1, bytes: CHARGE });
  });

  test("can be read by its owner only", async () => {
    await using disk = diskFixture();
    await put(await disk.open(), "a");
    expect([statSync(disk.pathOf("a")).mode & 0o777, statSync(disk.index).mode & 0o777]).toEqual([0o600, 0o600]);
  });
});

describe("a file that is not what was written", () => {
  const harm: readonly (readonly [string, (path: string) => void])[] = [
    ["one bit is wrong", (path) => flip(path)],
    ["it is cut short", (path) => truncateSync(path, SIZE - 1)],
    ["it is empty", (path) => truncateSync(path, 0)],
    ["it is longer", (path) => appendFileSync(path, "x")],
    ["it is filled with zeros from the middle on", halfZeroed],
    ["it is another segment's", (path) => writeFileSync(path, contentOf("other"))],
    ["it is a link to a right one", linked],
  ];

  test.each(harm)("is dropped, counted and can be written anew: %s", async (_what, spoil) => {
    await using disk = diskFixture();
    const tier = await disk.open();
    await put(tier, "a");
    spoil(disk.pathOf("a"));
    expect(await get(tier, "a")).toBe(false);
    expect(tier.stats()).toMatchObject({ misses: 1, damaged: 1, hits: 0 });
    expect(tier.has("a")).toBe(false);
    await until(() => tier.stats().bytes === 0);
    expect([existsSync(disk.pathOf("a")), tier.stats().entries]).toEqual([false, 0]);
    await put(tier, "a");
    expect(await get(tier, "a")).toBe(true);
  });

  test("is not there after a restart either, and is told of once", async () => {
    await using disk = diskFixture();
    const first = await disk.open();
    for (const key of keys(0, 3)) await put(first, key);
    for (const key of keys(0, 2)) flip(disk.pathOf(key));
    for (const key of keys(0, 2)) expect(await get(first, key)).toBe(false);
    expect(disk.lines.filter(({ message }) => message.includes("damaged"))).toHaveLength(1);
    const second = await disk.open();
    expect(keys(0, 3).map((key) => second.has(key))).toEqual([false, false, true]);
    expect(disk.files()).toHaveLength(1);
  });

  test("is kept when only the process is short of something, such as descriptors", async () => {
    await using disk = diskFixture();
    let isShort = true;
    const tier = await disk.open({
      wrapFiles: (files) => ({
        ...files,
        read: (...args) => (isShort ? Promise.reject(systemError("EMFILE")) : files.read(...args)),
      }),
    });
    await put(tier, "a");
    expect(await get(tier, "a")).toBe(false);
    isShort = false;
    expect(await get(tier, "a")).toBe(true);
    expect(tier.stats()).toMatchObject({ damaged: 0, hits: 1, misses: 1 });
  });

  test("because the disk cannot read it any more is dropped like one", async () => {
    await using disk = diskFixture();
    const tier = await disk.open({
      wrapFiles: (files) => ({ ...files, read: () => Promise.reject(systemError("EIO")) }),
    });
    await put(tier, "a");
    expect(await get(tier, "a")).toBe(false);
    expect(tier.stats()).toMatchObject({ damaged: 1, entries: 0 });
  });
});

describe("offers", () => {
  test("beyond the bound are declined at once, by number and by bytes", async () => {
    await using disk = diskFixture();
    const gate = new FileGate();
    const byNumber = await disk.open({ maxOffers: 3, wrapFiles: gate.wrap("write") });
    const done: string[] = [];
    for (const key of keys(0, 5)) byNumber.offer(key, contentOf(key), () => done.push(key));
    expect(done).toEqual(keys(3, 5));
    expect(byNumber.stats().skipped).toBe(2);
    gate.open();
    await until(() => done.length === 5);
    expect(done).toEqual([...keys(3, 5), ...keys(0, 3)]);
    const byBytes = await disk.open({ maxOfferedBytes: 2 * SIZE });
    const at: number[] = [];
    for (const key of keys(10, 13)) byBytes.offer(key, contentOf(key), () => at.push(byBytes.stats().writes));
    expect(at).toEqual([0]);
    await until(() => at.length === 3);
    expect(byBytes.stats()).toMatchObject({ writes: 2, skipped: 1 });
  });

  test("are written one at a time, and their bytes are let go of after that", async () => {
    await using disk = diskFixture();
    let writing = 0;
    let most = 0;
    const tier = await disk.open({
      wrapFiles: (files) => ({
        ...files,
        async write(name, bytes) {
          writing += 1;
          most = Math.max(most, writing);
          await files.write(name, bytes).finally(() => {
            writing -= 1;
          });
        },
      }),
    });
    let wasWriting = false;
    await Promise.all(
      keys(0, 20).map(
        (key) =>
          new Promise<void>((resolve) => {
            const bytes = contentOf(key);
            tier.offer(key, bytes, () => {
              wasWriting ||= writing > 0;
              bytes.fill(0);
              resolve();
            });
          }),
      ),
    );
    expect([most, wasWriting]).toEqual([1, false]);
    for (const key of keys(0, 20)) expect(await get(tier, key)).toBe(true);
  });

  test("that wait are let go of when the disk takes too long, and writing pauses", async () => {
    await using disk = diskFixture();
    const gate = new FileGate();
    const tier = await disk.open({ wrapFiles: gate.wrap("write") });
    const done: string[] = [];
    for (const key of keys(0, 4)) tier.offer(key, contentOf(key), () => done.push(key));
    await until(() => gate.waiting.length === 1);
    disk.clock.advance(2_000);
    expect(done).toEqual(keys(1, 4));
    tier.offer("late", contentOf("late"), () => done.push("late"));
    expect(done.at(-1)).toBe("late");
    expect(tier.stats().pausedBecause).toContain("slow");
    gate.open();
    await until(() => done.includes("article-0@host 1"));
    expect(tier.stats()).toMatchObject({ writes: 1, skipped: 4 });
    disk.clock.advance(10_000);
    await put(tier, "late");
    expect(tier.stats()).toMatchObject({ writes: 2, pausedBecause: undefined });
    const told = disk.lines.filter(({ message }) => message.includes("written")).map(({ level }) => level);
    expect(told).toEqual(["warn", "info"]);
  });
});

describe("reads", () => {
  test("reject with the signal's reason, before and after they have begun, and never otherwise", async () => {
    await using disk = diskFixture();
    const gate = new FileGate();
    const tier = await disk.open({ wrapFiles: gate.wrap("read") });
    await put(tier, "a");
    const reason = new Error("left");
    await expect(tier.read("a", Buffer.alloc(SIZE), SIZE, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const leaver = new AbortController();
    let isSettled = false;
    const reading = tier.read("a", Buffer.alloc(SIZE), SIZE, leaver).finally(() => {
      isSettled = true;
    });
    await until(() => gate.waiting.length === 1);
    leaver.abort(reason);
    await ticks();
    // The disk may still write into the buffer.
    expect(isSettled).toBe(false);
    gate.open();
    await expect(reading).rejects.toBe(reason);
  });

  test("wait for a disk that hangs only two at a time; all others are told to fetch elsewhere, and the waiting may leave", async () => {
    await using disk = diskFixture();
    const gate = new FileGate();
    const tier = await disk.open({ wrapFiles: gate.wrap("read") });
    for (const key of keys(0, 4)) await put(tier, key);
    const stuck = keys(0, 2).map((key) => get(tier, key));
    await until(() => gate.waiting.length === 2);
    const third = get(tier, "article-2@host 1");
    const leaver = new AbortController();
    const fourth = tier.read("article-3@host 1", Buffer.alloc(SIZE), SIZE, leaver);
    leaver.abort(new Error("left"));
    await expect(fourth).rejects.toThrow("left");
    disk.clock.advance(1_001);
    expect(await third).toBe(false);
    expect(tier.has("article-3@host 1")).toBe(false);
    expect(await get(tier, "article-3@host 1")).toBe(false);
    gate.open();
    expect(await Promise.all(stuck)).toEqual([true, true]);
    expect(await get(tier, "article-3@host 1")).toBe(true);
    expect(tier.stats()).toMatchObject({ hits: 3, misses: 2, damaged: 0 });
  });
});

describe("closing", () => {
  test("lets go of what waits, waits for what is being written, and keeps it", async () => {
    await using disk = diskFixture();
    const gate = new FileGate();
    const tier = await disk.open({ wrapFiles: gate.wrap("write") });
    const done: string[] = [];
    for (const key of keys(0, 3)) tier.offer(key, contentOf(key), () => done.push(key));
    await until(() => gate.waiting.length === 1);
    const closing = tier[Symbol.asyncDispose]();
    expect(done).toEqual(keys(1, 3));
    gate.open();
    await closing;
    expect(done).toEqual([...keys(1, 3), ...keys(0, 1)]);
    tier.offer("late", contentOf("late"), () => done.push("late"));
    expect(done.at(-1)).toBe("late");
    expect([tier.has(keys(0, 1)[0] as string), await get(tier, keys(0, 1)[0] as string)]).toEqual([false, false]);
    const next = await disk.open();
    expect(keys(0, 3).map((key) => next.has(key))).toEqual([true, false, false]);
  });

  test("takes nothing more, not even from one whose offer it lets go of", async () => {
    await using disk = diskFixture();
    const gate = new FileGate();
    const tier = await disk.open({ wrapFiles: gate.wrap("write") });
    const done: string[] = [];
    tier.offer("a", contentOf("a"), () => done.push("a"));
    tier.offer("b", contentOf("b"), () => tier.offer("c", contentOf("c"), () => done.push("c")));
    await until(() => gate.waiting.length === 1);
    const closing = tier[Symbol.asyncDispose]();
    expect(done).toEqual(["c"]);
    gate.open();
    await closing;
    expect(done).toEqual(["c", "a"]);
  });

  test("does not wait for ever for a disk that hangs", async () => {
    await using disk = diskFixture();
    const gate = new FileGate();
    const tier = await disk.open({ wrapFiles: gate.wrap("write") });
    gate.isShut = false;
    await put(tier, "a");
    gate.isShut = true;
    let isDone = false;
    tier.offer("b", contentOf("b"), () => {
      isDone = true;
    });
    await until(() => gate.waiting.length === 1);
    const closing = tier[Symbol.asyncDispose]();
    disk.clock.advance(5_000);
    await closing;
    expect([isDone, disk.clock.timers]).toEqual([false, 0]);
    const next = await disk.open();
    expect([next.has("a"), next.has("b")]).toEqual([true, false]);
    gate.open();
    await until(() => isDone);
  });

  test("in the middle of the first sweep ends it", async () => {
    await using disk = diskFixture();
    mkdirSync(join(disk.folder, "segments", "ab"), { recursive: true });
    const strays = Array.from({ length: 50 }, (_, n) => `ab${`${n}`.padStart(30, "0")}`);
    for (const name of strays) writeFileSync(join(disk.folder, "segments", "ab", name), "stray");
    let removed = 0;
    let closing: PromiseLike<void> | undefined;
    const tier = await disk.tryOpen({
      wrapFiles: (files) => ({
        ...files,
        async remove(name) {
          removed += 1;
          if (removed === 10) closing = tier?.[Symbol.asyncDispose]();
          await files.remove(name);
        },
      }),
    });
    await until(() => closing !== undefined);
    await closing;
    expect([removed, disk.files().length]).toEqual([10, 40]);
    await disk.open();
    expect(disk.files()).toEqual([]);
  });
});

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[SIZE / 2] = (bytes[SIZE / 2] as number) ^ 1;
  writeFileSync(path, bytes);
}
