import { describe, expect, test } from "@jest/globals";
import type { MessageId } from "../../src/base/message-id.ts";
import type { EntryId } from "../../src/catalog/catalog.ts";
import { MAX_HOLES_PER_FILE, type NewHole } from "../../src/catalog/damage.ts";
import { DAMAGE_QUERIES } from "../../src/catalog/damage-store.ts";
import { openDatabase } from "../../src/catalog/database.ts";
import type { SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import { fileOf, library, releaseOf } from "./fixture.ts";

const MINUTE = 60_000;

function hole(start: number, change: Partial<NewHole> = {}): NewHole {
  return { start, end: start + 10, messageId: `${start}@example` as MessageId, kind: "missing", ...change };
}

/** A catalog with one release of two files. */
function withFiles(catalog: SqliteCatalog): readonly [EntryId, EntryId] {
  const posts = releaseOf().posts;
  const run = { post: 0, start: 0, end: 100_000 };
  const { path } = catalog.addRelease(releaseOf({ posts, files: [fileOf("a.mkv", [run]), fileOf("b.mkv", [run])] }));
  return [catalog.find(`${path}/a.mkv`)?.id as EntryId, catalog.find(`${path}/b.mkv`)?.id as EntryId];
}

const NONE = { holes: 0, bytes: 0 };

describe("the record of damage", () => {
  test("keeps holes by offset, each once, and knows when it was seen first and last", () => {
    using shelf = library();
    const catalog = shelf.open();
    const [file, other] = withFiles(catalog);
    const since = shelf.clock.wall();
    catalog.damage.record(file, hole(500));
    catalog.damage.record(file, hole(20, { messageId: undefined }));
    shelf.clock.advance(MINUTE);
    catalog.damage.record(file, hole(500));
    expect(catalog.damage.list(file)).toEqual([
      { start: 20, end: 30, messageId: undefined, kind: "missing", since, lastSeen: since },
      { start: 500, end: 510, messageId: "500@example", kind: "missing", since, lastSeen: since + MINUTE },
    ]);
    expect(catalog.damage.list(other)).toEqual([]);
    expect(catalog.damage.totals()).toEqual({ missing: { holes: 2, bytes: 20 }, corrupt: NONE });
  });

  test("a hole may turn out to be of the other kind", () => {
    using shelf = library();
    const catalog = shelf.open();
    const [file] = withFiles(catalog);
    catalog.damage.record(file, hole(0));
    catalog.damage.record(file, hole(0, { kind: "corrupt", end: 7 }));
    expect(catalog.damage.list(file)).toMatchObject([{ start: 0, end: 7, kind: "corrupt" }]);
    expect(catalog.damage.totals()).toEqual({ missing: NONE, corrupt: { holes: 1, bytes: 7 } });
  });

  test("outlives the process", () => {
    using shelf = library();
    const [file] = withFiles(shelf.open());
    shelf.reopen().damage.record(file, hole(30));
    const catalog = shelf.reopen();
    expect(catalog.damage.list(file)).toMatchObject([{ start: 30 }]);
    expect(catalog.damage.totals().missing).toEqual({ holes: 1, bytes: 10 });
  });

  test("forgets the holes that a range touches, or all of one file", () => {
    using shelf = library();
    const catalog = shelf.open();
    const [file, other] = withFiles(catalog);
    for (const start of [0, 10, 20, 30]) catalog.damage.record(file, hole(start));
    catalog.damage.record(other, hole(0));
    expect(catalog.damage.clear(file, { start: 10, end: 21 })).toBe(2);
    expect(catalog.damage.list(file).map(({ start }) => start)).toEqual([0, 30]);
    expect(catalog.damage.clear(file)).toBe(2);
    expect(catalog.damage.clear(file)).toBe(0);
    expect(catalog.damage.list(other)).toHaveLength(1);
    expect(catalog.damage.totals()).toEqual({ missing: { holes: 1, bytes: 10 }, corrupt: NONE });
  });

  test("never grows beyond a bound for each file, and what is known is still kept up to date", () => {
    using shelf = library();
    const catalog = shelf.open();
    const [file, other] = withFiles(catalog);
    for (let index = 0; index < MAX_HOLES_PER_FILE + 5; index++) catalog.damage.record(file, hole(index * 10));
    shelf.clock.advance(MINUTE);
    catalog.damage.record(file, hole(0));
    catalog.damage.record(other, hole(0));
    const holes = catalog.damage.list(file);
    expect(holes).toHaveLength(MAX_HOLES_PER_FILE);
    expect(holes[0]?.lastSeen).toBe(shelf.clock.wall());
    expect(catalog.damage.totals().missing.holes).toBe(MAX_HOLES_PER_FILE + 1);
  });

  test("passes over what is not a file of the library", () => {
    using shelf = library();
    const catalog = shelf.open();
    withFiles(catalog);
    for (const id of [1, 2, 999]) catalog.damage.record(id as EntryId, hole(0));
    expect(catalog.damage.totals().missing).toEqual(NONE);
  });

  test("goes with its file, and is counted down", () => {
    using shelf = library();
    const catalog = shelf.open();
    const [file, other] = withFiles(catalog);
    for (const id of [file, other]) catalog.damage.record(id, hole(0));
    catalog[Symbol.dispose]();
    const db = openDatabase(shelf.path);
    db.prepare("DELETE FROM entry WHERE id = ?").run(file);
    db.close();
    const again = shelf.open();
    expect(again.damage.list(file)).toEqual([]);
    expect(again.damage.totals().missing).toEqual({ holes: 1, bytes: 10 });
  });

  test("is never searched row by row", () => {
    using shelf = library();
    shelf.open()[Symbol.dispose]();
    const db = openDatabase(shelf.path);
    const plans = Object.values(DAMAGE_QUERIES).map((sql) => {
      const blanks = Array.from(sql.matchAll(/\?/g), () => 0);
      return db.prepare<number[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...blanks);
    });
    db.close();
    const details = plans.flat().map(({ detail }) => detail);
    expect(details).toHaveLength(3);
    for (const detail of details) expect(detail).toMatch(/^SEARCH damage USING .*PRIMARY KEY \(entry=\?/);
  });
});

test("a file is found by its id, with its path; a folder is not", () => {
  using shelf = library();
  const catalog = shelf.open();
  const [file] = withFiles(catalog);
  expect(catalog.file(file)).toEqual({ path: "movies/Film/a.mkv", size: 100_000 });
  for (const id of [1, 2, 999]) expect(catalog.file(id as EntryId)).toBeUndefined();
});
