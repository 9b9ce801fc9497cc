import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { loadSqlite } from "../../src/catalog/sqlite.ts";
import { nameOf } from "../../src/reader/disk-files.ts";
import type { FileSystemFacts } from "../../src/reader/disk-place.ts";
import { until } from "../until.ts";
import { CHARGE, contentOf, type DiskFixture, diskFixture, get, put } from "./disk-fixture.ts";

const KEYS = ["a", "b", "c", "d", "e"];

function edit(path: string, sql: string): void {
  const db = new (loadSqlite())(path);
  db.exec(sql);
  db.close();
}

/** A folder with five segments, closed. */
async function filled(disk: DiskFixture): Promise<void> {
  const tier = await disk.open();
  for (const key of KEYS) await put(tier, key);
  await tier[Symbol.asyncDispose]();
}

describe("a folder that cannot be used", () => {
  test.each([
    ["NFS", 0x6969],
    ["FUSE", 0x65735546],
    ["CIFS", 0xff534d42],
  ])("because it is on %s leaves the product without a disk cache, with a reason and advice", async (kind, type) => {
    await using disk = diskFixture();
    const statfs = async (): Promise<FileSystemFacts> => ({ type, bsize: 4096, blocks: 1000, bavail: 1000 });
    expect(await disk.tryOpen({ statfs })).toBeUndefined();
    expect(disk.lines).toEqual([
      {
        level: "warn",
        message: "the disk cache is not used",
        fields: {
          folder: disk.folder,
          reason: expect.stringContaining(`is on ${kind}`),
          hint: expect.stringContaining("choose a folder on a disk of this machine"),
        },
      },
    ]);
    expect(readdirSync(disk.folder)).toEqual([]);
  });

  test("because it is no folder is told, too", async () => {
    await using disk = diskFixture();
    const folder = join(disk.folder, "file");
    writeFileSync(folder, "mine");
    expect(await disk.tryOpen({ folder })).toBeUndefined();
    expect(await disk.tryOpen({ folder: join(folder, "beneath") })).toBeUndefined();
    expect(disk.lines.map(({ level, message }) => `${level} ${message}`)).toEqual(
      Array(2).fill("warn the disk cache is not used"),
    );
    expect(readFileSync(folder, "utf8")).toBe("mine");
  });

  test("because another server has it is left to that one, until it closes", async () => {
    await using disk = diskFixture();
    const owner = await disk.open();
    await put(owner, "a");
    await using other = diskFixture(disk.folder);
    expect(await other.tryOpen()).toBeUndefined();
    expect(other.lines.at(-1)?.fields).toMatchObject({
      reason: expect.stringContaining("another process uses"),
      hint: expect.stringContaining("a folder of its own"),
    });
    expect(await get(owner, "a")).toBe(true);
    await owner[Symbol.asyncDispose]();
    expect(await get(await other.open(), "a")).toBe(true);
  });

  test("because a database of another program lies there is not touched", async () => {
    await using disk = diskFixture();
    edit(disk.index, "CREATE TABLE precious (thing TEXT); INSERT INTO precious VALUES ('mine')");
    const before = readFileSync(disk.index);
    expect(await disk.tryOpen()).toBeUndefined();
    expect(readFileSync(disk.index).equals(before)).toBe(true);
    expect(disk.lines.at(-1)?.fields["reason"]).toContain("a database of another program");
  });
});

describe("an index that cannot be used", () => {
  const harm: readonly (readonly [string, (path: string) => void])[] = [
    ["garbage", (path) => writeFileSync(path, contentOf("garbage", 12_288))],
    ["cut in the middle", (path) => truncateSync(path, 4096)],
    ["of another version", (path) => edit(path, "PRAGMA user_version = 99")],
    ["with another table", (path) => edit(path, "DROP TABLE segment; CREATE TABLE segment (row INTEGER PRIMARY KEY)")],
    ["with a size that cannot be", (path) => edit(path, "UPDATE segment SET size = -5 WHERE row = 3")],
    ["with a name that cannot be", (path) => edit(path, "UPDATE segment SET name = x'2e2e2f' WHERE row = 3")],
  ];

  test.each(harm)(
    "(%s) is dropped with all files, with a line in the log, and the cache starts empty",
    async (_, spoil) => {
      await using disk = diskFixture();
      await filled(disk);
      spoil(disk.index);
      const tier = await disk.open();
      expect(tier.stats()).toMatchObject({ entries: 0, bytes: 0 });
      expect(disk.files()).toEqual([]);
      expect(disk.lines.filter(({ level }) => level === "warn").map(({ message }) => message)).toEqual([
        "the disk cache starts empty: its index is unusable",
      ]);
      await put(tier, "a");
      expect(await get(await disk.open(), "a")).toBe(true);
    },
  );

  test.each([
    ["of zero bytes, as a power cut may leave it,", (path: string) => truncateSync(path, 0)],
    ["without a table", (path: string) => edit(path, "DROP TABLE segment")],
  ])("%s is a new one", async (_, spoil) => {
    await using disk = diskFixture();
    await filled(disk);
    spoil(disk.index);
    expect((await disk.open()).stats()).toMatchObject({ entries: 0, bytes: 0 });
    expect(disk.files()).toEqual([]);
  });

  test("because it is gone leaves nothing behind that would take space for ever", async () => {
    await using disk = diskFixture();
    await filled(disk);
    rmSync(disk.index);
    expect((await disk.open()).stats()).toMatchObject({ entries: 0, bytes: 0 });
    expect(disk.files()).toEqual([]);
  });
});

describe("the first sweep", () => {
  test("puts right what a power cut leaves: an index that is older than the files", async () => {
    await using disk = diskFixture();
    await filled(disk);
    copyFileSync(disk.index, `${disk.index}.old`);
    const later = await disk.open({ budgetBytes: 5 * CHARGE });
    for (const key of ["f", "g"]) await put(later, key);
    await later[Symbol.asyncDispose]();
    copyFileSync(`${disk.index}.old`, disk.index);
    const tier = await disk.open();
    expect([...KEYS, "f", "g"].filter((key) => tier.has(key))).toEqual(["c", "d", "e"]);
    for (const key of ["c", "d", "e"]) expect(await get(tier, key)).toBe(true);
    expect(disk.files().sort()).toEqual(["c", "d", "e"].map(nameOf).sort());
    expect([disk.diskBytes(), tier.stats().bytes]).toEqual([3 * CHARGE, 3 * CHARGE]);
  });

  test("removes what it would have made itself, and nothing else", async () => {
    await using disk = diskFixture();
    await filled(disk);
    const root = join(disk.folder, "segments");
    const stray = `ab${"0".repeat(30)}`;
    mkdirSync(join(root, "ab", `ab${"1".repeat(30)}`), { recursive: true });
    mkdirSync(join(root, "films"));
    const others = [
      join(disk.folder, "notes.txt"),
      join(root, stray),
      join(root, "films", "film.mkv"),
      join(root, "ab", "film.mkv"),
      join(root, "ab", `cd${"0".repeat(30)}`),
      join(root, "ab", stray.toUpperCase()),
    ];
    for (const path of [...others, join(root, "ab", stray)]) writeFileSync(path, "something");
    const tier = await disk.open();
    expect(existsSync(join(root, "ab", stray))).toBe(false);
    expect(others.filter((path) => !existsSync(path))).toEqual([]);
    for (const key of KEYS) expect(await get(tier, key)).toBe(true);
    expect(disk.lines.at(-1)).toMatchObject({ level: "info", fields: { segments: 5, strays: 1, missing: 0 } });
  });

  test("goes on behind the opening: segments are served, offers are declined until it is through", async () => {
    await using disk = diskFixture();
    await filled(disk);
    rmSync(disk.pathOf("a"));
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const tier = await disk.tryOpen({
      wrapFiles: (files) => ({
        ...files,
        async *list(folder) {
          await held;
          yield* files.list(folder);
        },
      }),
    });
    if (tier === undefined) throw new Error("it did not open");
    expect([await get(tier, "b"), await get(tier, "a")]).toEqual([true, false]);
    await put(tier, "f");
    expect(tier.stats()).toMatchObject({ skipped: 1, pausedBecause: "its files are being looked through" });
    letGo();
    await until(() => tier.stats().pausedBecause === undefined);
    await put(tier, "f");
    expect(tier.stats()).toMatchObject({ entries: 5, bytes: 5 * CHARGE });
    expect(disk.diskBytes()).toBe(5 * CHARGE);
  });
});
