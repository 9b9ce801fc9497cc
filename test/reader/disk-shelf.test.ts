import { existsSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { silentLogger } from "../../src/base/logger.ts";
import { diskFiles, nameOf } from "../../src/reader/disk-files.ts";
import { DamagedIndex, type DiskIndex } from "../../src/reader/disk-index.ts";
import { DiskLedger } from "../../src/reader/disk-ledger.ts";
import { restoreLedger } from "../../src/reader/disk-restore.ts";
import { AnotherDisk, DiskShelf } from "../../src/reader/disk-shelf.ts";
import { contentOf, diskFixture, systemError } from "./disk-fixture.ts";

/** A shelf whose index throws what the test wants, and which thinks that its disk has another number. */
async function start(folder: string, { device = 0n, failure }: { device?: bigint; failure?: () => unknown } = {}) {
  const path = `${folder}/segments.db`;
  const ledger = new DiskLedger(4096);
  const restore = () => restoreLedger(ledger, { path, lockWaitMs: 0, log: silentLogger });
  const real = await restore();
  const index: DiskIndex = {
    ...real,
    change(deleted, added) {
      const error = failure?.();
      if (error !== undefined) throw error;
      real.change(deleted, added);
    },
  };
  const shelf = new DiskShelf({
    folder,
    budgetBytes: 2 ** 20,
    maxEntries: 10,
    files: diskFiles(`${folder}/segments`),
    log: silentLogger,
    device,
    ledger,
    index,
    restore,
  });
  return { path, ledger, shelf };
}

describe("DiskShelf", () => {
  test("writes nothing where another disk is mounted than at the start", async () => {
    await using disk = diskFixture();
    const { path, shelf } = await start(disk.folder, { failure: () => new DamagedIndex("broken") });
    await shelf.sweep(() => false);
    await shelf.put(nameOf("a"), contentOf("a"), 1);
    await shelf.save();
    expect(shelf.isOpen).toBe(false);
    await expect(shelf.restart()).rejects.toBeInstanceOf(AnotherDisk);
    expect([shelf.isOpen, existsSync(path)]).toEqual([false, false]);
  });

  test("drops an index that turns out to be broken when it is written", async () => {
    await using disk = diskFixture();
    const { shelf } = await start(disk.folder, { failure: () => new DamagedIndex("broken") });
    await shelf.sweep(() => false);
    await shelf.put(nameOf("a"), contentOf("a"), 1);
    await shelf.save();
    expect([shelf.isOpen, shelf.isSwept, existsSync(disk.index)]).toEqual([false, false, false]);
  });

  test("keeps an index that could not be written for now, and what it was to learn", async () => {
    await using disk = diskFixture();
    let failures = 1;
    const failure = () => (failures-- > 0 ? systemError("SQLITE_FULL") : undefined);
    const { shelf, ledger } = await start(disk.folder, { failure });
    await shelf.sweep(() => false);
    await shelf.put(nameOf("a"), contentOf("a"), 1);
    await expect(shelf.save()).rejects.toMatchObject({ code: "SQLITE_FULL" });
    expect([shelf.isOpen, shelf.isSwept, ledger.unsaved]).toEqual([true, true, 1]);
    await shelf.close();
    const next = await start(disk.folder);
    expect(next.ledger.find(nameOf("a"))).toMatchObject({ size: contentOf("a").length, crc32: 1 });
    await next.shelf.close();
  });

  test("saves a few hundred news at a time, and all of them when it closes", async () => {
    await using disk = diskFixture();
    const { shelf, ledger } = await start(disk.folder);
    for (let n = 0; n < 1_000; n += 1) ledger.add(nameOf(`${n}`), { size: 1, crc32: n });
    await shelf.save();
    expect(ledger.unsaved).toBe(1_000 - 256);
    for (let n = 0; n < 500; n += 1) ledger.drop(nameOf(`${n}`));
    await shelf.close();
    const next = await start(disk.folder);
    expect([next.ledger.count, next.ledger.find(nameOf("999"))?.crc32]).toEqual([500, 999]);
    await next.shelf.close();
  });
});
