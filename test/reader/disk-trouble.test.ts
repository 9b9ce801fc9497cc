import { rmSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { nameOf } from "../../src/reader/disk-files.ts";
import type { FileSystemFacts } from "../../src/reader/disk-place.ts";
import { until } from "../until.ts";
import { CHARGE, type DiskFixture, diskFixture, get, put, SIZE, systemError } from "./disk-fixture.ts";
import { smallDisk } from "./disk-small.ts";

const PLENTY: FileSystemFacts = { type: 0xef53, bsize: 4096, blocks: 2 ** 30, bavail: 2 ** 29 };

/** What was said about writing, in order. */
function told({ lines }: DiskFixture): string[] {
  return lines
    .filter(({ message }) => /is written again|nothing is written/.test(message))
    .map(({ level, fields }) => `${level} ${fields["reason"] ?? ""}`.trim());
}

describe("a disk that is full", () => {
  test("costs nobody anything: what is there is served, no torn file stays, and writing is tried again after a minute", async () => {
    using small = smallDisk();
    await using disk = diskFixture(small.folder);
    const tier = await disk.open({ ...small.options, statfs: async () => PLENTY });
    await put(tier, "first");
    small.fillUpTo(3 * CHARGE + 5_000);
    for (const key of ["a", "b", "c", "d", "e"]) await put(tier, key);
    expect(tier.stats()).toMatchObject({ pausedBecause: "the disk is full", skipped: 2, damaged: 0 });
    const kept = ["first", "a", "b", "c"];
    for (const key of kept) expect(await get(tier, key)).toBe(true);
    expect([tier.has("d"), tier.has("e")]).toEqual([false, false]);
    expect(disk.diskBytes()).toBe(4 * CHARGE);
    expect(tier.stats().bytes).toBe(4 * CHARGE);
    small.empty();
    await put(tier, "d");
    expect(tier.has("d")).toBe(false);
    disk.clock.advance(60_000);
    await put(tier, "d");
    expect(tier.stats()).toMatchObject({ pausedBecause: undefined, bytes: 5 * CHARGE });
    expect(told(disk)).toEqual(["warn the disk is full", "info"]);
    const next = await disk.open(small.options);
    for (const key of [...kept, "d"]) expect(await get(next, key)).toBe(true);
  });

  test("so that even the index cannot be written is told of once, and the index catches up later", async () => {
    using small = smallDisk();
    await using disk = diskFixture(small.folder);
    const tier = await disk.open({ ...small.options, statfs: async () => PLENTY });
    small.fillUpTo(2 * CHARGE);
    for (const key of ["a", "b", "c"]) await put(tier, key);
    for (let n = 0; n < 5; n += 1) {
      disk.clock.advance(61_000);
      await put(tier, "c");
    }
    expect(tier.stats().pausedBecause).toBe("the disk is full");
    expect(told(disk)).toEqual(["warn the disk is full"]);
    small.empty();
    disk.clock.advance(61_000);
    await put(tier, "c");
    const next = await disk.open(small.options);
    for (const key of ["a", "b", "c"]) expect(await get(next, key)).toBe(true);
  });

  test("almost is left alone before it is full, and written again when clearly more is free", async () => {
    using small = smallDisk();
    await using disk = diskFixture(small.folder);
    const tier = await disk.open(small.options);
    // The tenth that stays free of one megabyte, and a little.
    small.fillUpTo(104_858 + 2 * CHARGE + 4_096);
    for (const key of ["a", "b", "c", "d"]) await put(tier, key);
    expect(tier.stats()).toMatchObject({ writes: 2, skipped: 2, pausedBecause: "the disk is nearly full" });
    expect(await get(tier, "a")).toBe(true);
    for (let n = 0; n < 3; n += 1) {
      disk.clock.advance(5_000);
      await put(tier, "c");
    }
    small.empty();
    disk.clock.advance(5_000);
    await put(tier, "c");
    expect(tier.stats()).toMatchObject({ writes: 3, skipped: 5, pausedBecause: undefined });
    expect(told(disk)).toEqual(["warn the disk is nearly full", "info"]);
  });
});

describe("a disk that fails", () => {
  test.each([
    ["EIO", "the disk answered with an error"],
    ["EROFS", "the disk may only be read"],
    ["EACCES", "its folder may not be written"],
    ["EDQUOT", "the disk is full"],
    ["EMFILE", "it cannot be written: EMFILE: as the test wants it"],
  ])(
    "at a write (%s) pauses the writing for a minute, tells it once, and goes on when it is over",
    async (code, because) => {
      await using disk = diskFixture();
      let isBroken = false;
      const tier = await disk.open({
        wrapFiles: (files) => ({
          ...files,
          async write(name, bytes) {
            if (!isBroken) return await files.write(name, bytes);
            await files.write(name, bytes.subarray(0, 5_000));
            throw systemError(code);
          },
        }),
      });
      await put(tier, "a");
      isBroken = true;
      for (let n = 0; n < 3; n += 1) {
        await put(tier, "b");
        await put(tier, "c");
        expect(await get(tier, "a")).toBe(true);
        expect(disk.diskBytes()).toBe(CHARGE);
        disk.clock.advance(60_000);
      }
      expect(tier.stats()).toMatchObject({ writes: 1, bytes: CHARGE, pausedBecause: because });
      isBroken = false;
      await put(tier, "b");
      expect(tier.stats()).toMatchObject({ writes: 2, bytes: 2 * CHARGE, pausedBecause: undefined });
      expect(told(disk)).toEqual([`warn ${because}`, "info"]);
    },
  );

  test("to say how much is free pauses the writing as well", async () => {
    await using disk = diskFixture();
    let isBroken = false;
    const statfs = async () => {
      if (isBroken) throw systemError("EIO");
      return PLENTY;
    };
    const tier = await disk.open({ statfs });
    isBroken = true;
    await put(tier, "a");
    expect(tier.stats()).toMatchObject({ writes: 0, pausedBecause: "the disk answered with an error" });
    isBroken = false;
    disk.clock.advance(60_000);
    await put(tier, "a");
    expect(tier.stats()).toMatchObject({ writes: 1, pausedBecause: undefined });
  });

  test("while it writes the file of what went again leaves neither of the two", async () => {
    await using disk = diskFixture();
    let isBroken = false;
    const tier = await disk.open({
      budgetBytes: 2 * CHARGE,
      wrapFiles: (files) => ({
        ...files,
        write: (...args) => (isBroken ? Promise.reject(systemError("EIO")) : files.write(...args)),
        reuse: (...args) =>
          isBroken && args[1] === nameOf("d") ? Promise.reject(systemError("EIO")) : files.reuse(...args),
      }),
    });
    for (const key of ["a", "b"]) await put(tier, key);
    isBroken = true;
    await put(tier, "c");
    expect([tier.stats().bytes, disk.diskBytes(), disk.files()]).toEqual([CHARGE, CHARGE, [nameOf("b")]]);
    isBroken = false;
    disk.clock.advance(60_000);
    await put(tier, "c");
    isBroken = true;
    await put(tier, "d");
    expect([tier.stats().bytes, disk.diskBytes(), disk.files()]).toEqual([CHARGE, CHARGE, [nameOf("c")]]);
  });

  test("to remove a file is not trusted with more until a sweep has found out what it holds", async () => {
    await using disk = diskFixture();
    let isBroken = false;
    const tier = await disk.open({
      budgetBytes: 2 * CHARGE,
      wrapFiles: (files) => ({
        ...files,
        remove: (name) => (isBroken ? Promise.reject(systemError("EPERM")) : files.remove(name)),
      }),
    });
    await put(tier, "a");
    await put(tier, "b");
    isBroken = true;
    for (const key of ["c", "d"]) {
      await put(tier, key, SIZE / 2);
      disk.clock.advance(60_000);
    }
    expect(disk.diskBytes()).toBe(2 * CHARGE);
    expect(tier.stats().pausedBecause).toBe("its folder may not be written");
    isBroken = false;
    await put(tier, "c", SIZE / 2);
    await until(() => disk.diskBytes() === CHARGE);
    await until(() => disk.lines.filter(({ message }) => message.includes("looked through")).length === 2);
    await put(tier, "c", SIZE / 2);
    expect(["a", "b", "c"].map((key) => tier.has(key))).toEqual([false, true, true]);
    expect(tier.stats()).toMatchObject({ bytes: CHARGE + 12_288, pausedBecause: undefined });
  });

  test("to list a folder lets nothing be written, since nobody knows what is there, but is read from", async () => {
    await using disk = diskFixture();
    await put(await disk.open(), "a");
    let isBroken = true;
    const tier = await disk.tryOpen({
      wrapFiles: (files) => ({
        ...files,
        async *list(folder) {
          if (isBroken) throw systemError("EIO");
          yield* files.list(folder);
        },
      }),
    });
    if (tier === undefined) throw new Error("it did not open");
    await until(() => tier.stats().pausedBecause === "the disk answered with an error");
    await put(tier, "b");
    expect([tier.has("b"), await get(tier, "a")]).toEqual([false, true]);
    isBroken = false;
    disk.clock.advance(60_000);
    await put(tier, "b");
    await until(() => disk.lines.filter(({ message }) => message.includes("looked through")).length === 2);
    await put(tier, "b");
    expect(tier.stats()).toMatchObject({ entries: 2, pausedBecause: undefined });
  });
});

describe("somebody who deletes while it runs", () => {
  test("everything in the folder: reads miss, nothing breaks, and it begins again", async () => {
    await using disk = diskFixture();
    const tier = await disk.open();
    for (const key of ["a", "b"]) await put(tier, key);
    for (const name of ["segments", "segments.db", "segments.db-wal"]) {
      rmSync(`${disk.folder}/${name}`, { recursive: true });
    }
    expect(await get(tier, "a")).toBe(false);
    await put(tier, "c");
    await until(() => tier.stats().pausedBecause === undefined);
    expect(tier.stats()).toMatchObject({ entries: 0, bytes: 0, damaged: 0 });
    for (const key of ["a", "c"]) await put(tier, key);
    for (const key of ["a", "c"]) expect(await get(tier, key)).toBe(true);
    const next = await disk.open();
    expect(["a", "b", "c"].map((key) => next.has(key))).toEqual([true, false, true]);
  });

  test("the folder itself is as harmless", async () => {
    await using disk = diskFixture();
    const tier = await disk.open();
    await put(tier, "a");
    rmSync(disk.folder, { recursive: true });
    expect(await get(tier, "a")).toBe(false);
    await put(tier, "b");
    await until(() => tier.stats().pausedBecause === undefined);
    await put(tier, "b");
    expect(await get(tier, "b")).toBe(true);
  });

  test("only files: each is a miss, forgotten, and can be written anew", async () => {
    await using disk = diskFixture();
    const tier = await disk.open();
    for (const key of ["a", "b"]) await put(tier, key);
    rmSync(`${disk.folder}/segments`, { recursive: true });
    expect(await get(tier, "a")).toBe(false);
    await put(tier, "a");
    expect([await get(tier, "a"), await get(tier, "b")]).toEqual([true, false]);
    await until(() => tier.stats().bytes === CHARGE);
    expect(tier.stats()).toMatchObject({ entries: 1, damaged: 0, pausedBecause: undefined });
  });

  test.each([
    ["deleted", () => {}],
    ["replaced by a new one", (path: string) => writeFileSync(path, "")],
  ])(
    "only the index (%s): it is noticed at the next save, and the files go, since nothing vouches for them",
    async (_what, replace) => {
      await using disk = diskFixture();
      const tier = await disk.open();
      await put(tier, "a");
      for (const suffix of ["", "-wal"]) rmSync(disk.index + suffix);
      replace(disk.index);
      disk.clock.advance(1_000);
      await until(() => disk.files().length === 0 && tier.stats().pausedBecause === undefined);
      await put(tier, "b");
      const next = await disk.open();
      expect([next.has("a"), await get(next, "b")]).toEqual([false, true]);
    },
  );
});
