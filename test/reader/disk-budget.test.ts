import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { nameOf } from "../../src/reader/disk-files.ts";
import { until } from "../until.ts";
import { CHARGE, diskFixture, FileGate, get, keys, put, relink, SIZE, ticks } from "./disk-fixture.ts";

describe("the budget", () => {
  test("evicts what was used least recently, at each write, and is never exceeded", async () => {
    await using disk = diskFixture();
    const tier = await disk.open({ budgetBytes: 3 * CHARGE });
    for (const key of ["a", "b", "c"]) await put(tier, key);
    await get(tier, "a");
    await put(tier, "d");
    expect(["a", "b", "c", "d"].map((key) => tier.has(key))).toEqual([true, false, true, true]);
    expect(tier.stats()).toMatchObject({ evictions: 1, bytes: 3 * CHARGE });
    expect(disk.diskBytes()).toBe(3 * CHARGE);
  });

  test("counts whole blocks, as the disk does", async () => {
    await using disk = diskFixture();
    const tier = await disk.open();
    for (const [n, size] of [1, 4096, 4097, 12_288, 70_001].entries()) await put(tier, `${n}`, size);
    expect(tier.stats().bytes).toBe((1 + 1 + 2 + 3 + 18) * 4096);
    expect(disk.diskBytes()).toBe(tier.stats().bytes);
  });

  test("bounds the number of segments too, since each takes memory", async () => {
    await using disk = diskFixture();
    const tier = await disk.open({ maxEntries: 3 });
    for (const key of keys(0, 8)) await put(tier, key, 10);
    expect(tier.stats()).toMatchObject({ entries: 3, evictions: 5, bytes: 3 * 4096 });
    expect(disk.files()).toHaveLength(3);
  });

  test("that was lowered holds before anything new is written", async () => {
    await using disk = diskFixture();
    for (const key of keys(0, 10)) await put(await disk.open(), key);
    const tier = await disk.open({ budgetBytes: 4 * CHARGE });
    expect(disk.diskBytes()).toBe(4 * CHARGE);
    expect(keys(0, 10).filter((key) => tier.has(key))).toEqual(keys(6, 10));
  });

  test("writes the file of what goes again, in place, for what comes, when they are as large", async () => {
    await using disk = diskFixture();
    const removed: string[] = [];
    const tier = await disk.open({
      budgetBytes: 2 * CHARGE,
      wrapFiles: (files) => ({
        ...files,
        async remove(name) {
          removed.push(name);
          await files.remove(name);
        },
      }),
    });
    for (const key of ["a", "b"]) await put(tier, key);
    mkdirSync(dirname(disk.pathOf("c")), { recursive: true });
    await put(tier, "c", SIZE - 500);
    expect([removed, existsSync(disk.pathOf("a"))]).toEqual([[], false]);
    expect(await get(tier, "c", SIZE - 500)).toBe(true);
    expect(disk.files().sort()).toEqual(["b", "c"].map(nameOf).sort());
    expect(tier.stats()).toMatchObject({ evictions: 1, entries: 2, bytes: 2 * CHARGE });
  });

  test.each<[string, (path: string, precious: string) => void]>([
    ["deleted", (path) => rmSync(path)],
    ["made longer", (path) => appendFileSync(path, "x".repeat(300))],
    ["cut short", (path) => truncateSync(path, 10)],
    ["replaced by a link", (path, precious) => relink(path, precious)],
  ])("does so only with a file that is its own: what goes was %s by hand", async (_what, spoil) => {
    await using disk = diskFixture();
    const precious = join(disk.folder, "precious");
    writeFileSync(precious, "mine");
    const tier = await disk.open({ budgetBytes: 2 * CHARGE });
    for (const key of ["a", "b"]) await put(tier, key);
    spoil(disk.pathOf("a"), precious);
    mkdirSync(dirname(disk.pathOf("c")), { recursive: true });
    await put(tier, "c");
    expect(await get(tier, "c")).toBe(true);
    expect([disk.files().length, disk.diskBytes()]).toEqual([2, 2 * CHARGE]);
    expect(readFileSync(precious, "utf8")).toBe("mine");
  });

  test("never takes a file from under a reader", async () => {
    await using disk = diskFixture();
    const gate = new FileGate();
    const tier = await disk.open({ budgetBytes: 2 * CHARGE, wrapFiles: gate.wrap("read") });
    await put(tier, "a");
    await put(tier, "b");
    const reading = get(tier, "a");
    await until(() => gate.waiting.length === 1);
    await put(tier, "c");
    expect(["a", "b", "c"].map((key) => tier.has(key))).toEqual([true, false, true]);
    gate.open();
    expect(await reading).toBe(true);
  });

  test("leaves a segment out when everything that could go is being read", async () => {
    await using disk = diskFixture();
    const gate = new FileGate();
    const tier = await disk.open({ budgetBytes: CHARGE, wrapFiles: gate.wrap("read") });
    await put(tier, "a");
    const reading = get(tier, "a");
    await until(() => gate.waiting.length === 1);
    await put(tier, "b");
    expect(tier.stats()).toMatchObject({ skipped: 1, entries: 1, bytes: CHARGE });
    gate.open();
    expect(await reading).toBe(true);
  });
});

describe("the order of use", () => {
  test("is still known after a restart", async () => {
    await using disk = diskFixture();
    const first = await disk.open({ budgetBytes: 4 * CHARGE });
    for (const key of ["a", "b", "c", "d"]) await put(first, key);
    for (const key of ["b", "a"]) await get(first, key);
    const second = await disk.open({ budgetBytes: 4 * CHARGE });
    for (const key of ["e", "f"]) await put(second, key);
    expect(["a", "b", "c", "d"].map((key) => second.has(key))).toEqual([true, true, false, false]);
  });

  test("costs no write per hit: hits of a second are written together", async () => {
    await using disk = diskFixture();
    const tier = await disk.open();
    for (const key of keys(0, 10)) await put(tier, key);
    const log = () => statSync(`${disk.index}-wal`).size;
    const atStart = log();
    disk.clock.advance(1_000);
    await until(() => log() > atStart);
    const before = log();
    for (let round = 0; round < 10; round += 1) for (const key of keys(0, 10)) await get(tier, key);
    await ticks();
    expect(log()).toBe(before);
    expect(disk.clock.timers).toBe(1);
    disk.clock.advance(1_000);
    await until(() => log() > before);
  });

  test("keeps no timer when nothing happens", async () => {
    await using disk = diskFixture();
    const tier = await disk.open();
    await put(tier, "a");
    await get(tier, "a");
    disk.clock.advance(1_000);
    await ticks();
    expect(disk.clock.timers).toBe(0);
  });
});
