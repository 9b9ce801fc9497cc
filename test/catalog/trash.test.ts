import { describe, expect, test } from "@jest/globals";
import type { EntryId } from "../../src/catalog/catalog.ts";
import { TRASH_QUERIES } from "../../src/catalog/trash-store.ts";
import {
  bytesOf,
  countOf,
  evenPost,
  fileOf,
  idOf,
  library,
  openRows,
  plansOf,
  purgeAll,
  put,
  releaseOf,
  seeded,
  thrownBy,
  wholePost,
} from "./fixture.ts";

describe("what is removed from the library", () => {
  test("is in the trash with its place and time, the latest first, page by page", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.makeFolder("a");
    const names = ["1", "2", "3", "4", "5"];
    for (const name of names) put(catalog, `a/${name}`, name.repeat(Number(name)));
    const ids = names.map((name) => catalog.find(`a/${name}`)?.id);
    const removed = names.map((name, index) => {
      // Two and three go at the same moment.
      if (index !== 2) shelf.clock.advance(1000);
      catalog.remove(`a/${name}`);
      return { id: ids[index], kind: "file", path: `a/${name}`, size: Number(name), removedAt: shelf.clock.wall() };
    });
    shelf.clock.advance(1000);
    catalog.remove("a");
    const [folder, ...rest] = catalog.trash.list({ limit: 100 });
    expect(folder).toMatchObject({ kind: "folder", path: "a", size: 0, removedAt: shelf.clock.wall() });
    expect(rest).toEqual(removed.toReversed());
    for (const limit of [1, 2, 4]) {
      const seen = [...catalog.trash.list({ limit })];
      for (;;) {
        const after = seen.at(-1);
        const page = catalog.trash.list({ ...(after && { after }), limit });
        if (page.length === 0) break;
        expect(page.length).toBeLessThanOrEqual(limit);
        seen.push(...page);
      }
      expect(seen).toEqual([folder, ...rest]);
    }
    expect(catalog.trash.list({ limit: 0 })).toEqual([]);
    expect(catalog.trash.list({ limit: -1 })).toEqual([]);
  });

  test("stays there over a restart", () => {
    using shelf = library();
    const first = shelf.open();
    put(first, "f", "bytes");
    first.remove("f");
    const items = first.trash.list({ limit: 10 });
    const second = shelf.reopen();
    expect(second.trash.list({ limit: 10 })).toEqual(items);
    expect(second.find("f")).toBeUndefined();
    expect(second.trash.restore(items[0]?.id as EntryId)).toBe("f");
    expect(bytesOf(second, "f").toString()).toBe("bytes");
  });

  test("does not get into the way of anything with the same name", () => {
    using shelf = library();
    const catalog = shelf.open();
    for (const text of ["one", "two", "three"]) {
      put(catalog, "f", text);
      catalog.remove("f");
    }
    expect(catalog.trash.list({ limit: 10 }).map(({ path }) => path)).toEqual(["f", "f", "f"]);
    expect(catalog.list("", undefined, 10)).toEqual([]);
  });

  test("is remembered by the name it had, however its successor's was spelled", () => {
    using shelf = library();
    const catalog = shelf.open();
    put(catalog, "\u00e9", "old");
    put(catalog, "f", "new");
    catalog.move("f", "e\u0301");
    const [item] = catalog.trash.list({ limit: 1 });
    expect(item?.path).toBe("\u00e9");
    expect(catalog.trash.restore(item?.id as EntryId)).toBe("\u00e9 (2)");
    expect(bytesOf(catalog, "\u00e9 (2)").toString()).toBe("old");
  });

  test("is counted until it is gone for good", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(releaseOf());
    put(catalog, "movies/Film/film.nfo", "text");
    const before = catalog.stats();
    catalog.remove("movies");
    expect(catalog.stats()).toEqual(before);
    purgeAll(catalog);
    expect(catalog.stats()).toEqual({ files: 0, releases: 0, segments: 0, bytes: 0 });
  });
});

describe("restore", () => {
  test("puts an item back with all that is in it, as it was", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(releaseOf({ files: [fileOf("sub/film.mkv", [{ post: 0, start: 0, end: 9 }])] }));
    put(catalog, "movies/Film/film.nfo", "text");
    catalog.setProperties("movies/Film", "p");
    const paths = ["movies/Film", "movies/Film/sub", "movies/Film/sub/film.mkv", "movies/Film/film.nfo"];
    const before = paths.map((path) => catalog.find(path));
    shelf.clock.advance(1000);
    catalog.remove("movies/Film");
    expect(paths.map((path) => catalog.find(path))).toEqual(paths.map(() => undefined));
    shelf.clock.advance(1000);
    const [item] = catalog.trash.list({ limit: 10 });
    expect(catalog.trash.restore(item?.id as EntryId)).toBe("movies/Film");
    expect(paths.map((path) => catalog.find(path))).toEqual(before);
    expect(catalog.find("movies")?.modifiedAt).toBe(shelf.clock.wall());
    expect(catalog.trash.list({ limit: 10 })).toEqual([]);
    expect(thrownBy(() => catalog.trash.restore(item?.id as EntryId)).code).toBe("PATH_MISSING");
  });

  test("makes folders that are gone, once for all that come back into them", () => {
    using shelf = library();
    const catalog = shelf.open();
    for (const path of ["a", "a/b", "a/b/c"]) catalog.makeFolder(path);
    for (const name of ["x", "y"]) put(catalog, `a/b/c/${name}`, name);
    for (const path of ["a/b/c/x", "a/b/c/y", "a"]) {
      catalog.remove(path);
      shelf.clock.advance(1000);
    }
    const ids = catalog.trash.list({ limit: 10 }).map(({ id }) => id);
    expect(ids.toReversed().map((id) => catalog.trash.restore(id))).toEqual(["a/b/c/x", "a/b/c/y", "a (2)"]);
    expect(catalog.find("a (2)/b/c")).toBeDefined();
  });

  test("takes another name where its own is taken, or where a file stands in place of its folder", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.makeFolder("a.d");
    for (const path of ["a.d/f.nfo", "a.d/g"]) put(catalog, path, path);
    catalog.makeFolder("a.d/sub.d");
    for (const path of ["a.d/f.nfo", "a.d/g", "a.d/sub.d"]) catalog.remove(path);
    const [sub, g, f] = catalog.trash.list({ limit: 10 }).map(({ id }) => id);
    put(catalog, "a.d/f.nfo", "other");
    put(catalog, "a.d/f (2).nfo", "other");
    put(catalog, "a.d/sub.d", "other");
    expect(catalog.trash.restore(f as EntryId)).toBe("a.d/f (3).nfo");
    expect(catalog.trash.restore(sub as EntryId)).toBe("a.d/sub.d (2)");
    catalog.remove("a.d");
    put(catalog, "a.d", "a file");
    expect(catalog.trash.restore(g as EntryId)).toBe("a.d (2)/g");
    const [again] = catalog.trash.list({ limit: 1 });
    expect(catalog.trash.restore(again?.id as EntryId)).toBe("a.d (3)");
  });

  test("knows only what is in the trash", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.makeFolder("a");
    catalog.makeFolder("a/b");
    catalog.drops.makeFolder("d");
    const inside = catalog.find("a/b")?.id;
    catalog.remove("a");
    catalog.makeFolder("c");
    const others = [inside, catalog.find("c")?.id, catalog.drops.find("d")?.id, 1, -1, -2, 999];
    for (const id of others) expect(thrownBy(() => catalog.trash.restore(id as EntryId)).code).toBe("PATH_MISSING");
    for (const id of others) expect(catalog.trash.purge(id as never, 100)).toBe(false);
    expect(catalog.find("c")).toBeDefined();
    expect(catalog.drops.find("d")).toBeDefined();
    expect(catalog.trash.list({ limit: 10 })).toHaveLength(1);
  });
});

describe("purge", () => {
  test("deletes everything of an item, never more rows in one step than it may", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { catalog, db } = rows;
    const posts = [evenPost(seeded(1), 5000), evenPost(seeded(2), 2000)];
    const files = Array.from({ length: 60 }, (_, n) => fileOf(`${n % 7}/${n}.bin`, [wholePost(posts, n % 2)]));
    catalog.addRelease(releaseOf({ posts, files }));
    put(catalog, "movies/Film/a.bin", Buffer.alloc(1_000_000));
    catalog.copy("movies/Film/a.bin", "movies/kept.bin", "0");
    put(catalog, "movies/Film/b.bin", Buffer.alloc(1_000_000));
    const tables = ["entry", "release", "post", "segment_chunk", "content", "content_chunk"];
    const counts = () => tables.map((table) => countOf(db, table));
    expect(counts()).toEqual([3 + 2 + 7 + 60 + 3, 1, 2, 7, 2, 32]);
    const id = idOf(catalog, "movies/Film");
    catalog.remove("movies/Film");
    const before = counts();
    let steps = 0;
    for (let isMore = true; isMore; steps++) {
      const sum = (list: number[]) => list.reduce((a, b) => a + b);
      const rowsBefore = sum(counts());
      isMore = catalog.trash.purge(id, 10);
      const deleted = rowsBefore - sum(counts());
      expect([isMore, deleted]).toEqual([isMore, isMore ? 10 : expect.any(Number)]);
      expect(deleted).toBeLessThanOrEqual(10);
    }
    expect(before).toEqual([75, 1, 2, 7, 2, 32]);
    expect(counts()).toEqual([5, 0, 0, 0, 1, 16]);
    expect(steps).toBe(1 + Math.floor((70 + 1 + 2 + 7 + 1 + 16) / 10));
    expect(bytesOf(catalog, "movies/kept.bin")).toHaveLength(1_000_000);
    expect(catalog.stats()).toEqual({ files: 1, releases: 0, segments: 0, bytes: 1_000_000 });
    expect(catalog.trash.purge(id, 10)).toBe(false);
  });

  test("once begun cannot be undone or seen, and is what is oldest, also for the next process", () => {
    using shelf = library();
    const catalog = shelf.open();
    put(catalog, "old", "o");
    catalog.remove("old");
    shelf.clock.advance(1000);
    catalog.makeFolder("a");
    for (let n = 0; n < 10; n++) put(catalog, `a/${n}`, "x");
    const id = idOf(catalog, "a");
    catalog.remove("a");
    expect(catalog.trash.purge(id, 3)).toBe(true);
    expect(catalog.trash.list({ limit: 10 }).map(({ path }) => path)).toEqual(["old"]);
    expect(thrownBy(() => catalog.trash.restore(id)).code).toBe("PATH_MISSING");
    const next = shelf.reopen();
    expect(next.trash.oldest(1)?.id).toBe(id);
    while (next.trash.purge(id, 3));
    expect(next.trash.oldest(1)).toBeUndefined();
    expect(next.trash.oldest(Infinity)?.path).toBe("old");
    expect(next.stats().files).toBe(1);
  });

  test("takes time in proportion to what is there, not to its square", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { catalog, db } = rows;
    catalog.makeFolder("a");
    const id = idOf(catalog, "a");
    db.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
       INSERT INTO entry (parent, name, kind, created_at, modified_at) SELECT ?, i, 'folder', 0, 0 FROM n`,
    ).run(id);
    catalog.remove("a");
    let steps = 0;
    while (catalog.trash.purge(id, 1000)) steps++;
    expect(steps).toBe(20);
    expect(countOf(db, "entry")).toBe(3);
  });

  test("leaves posts alone that a file outside the trash still needs", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { catalog, db } = rows;
    const { id } = catalog.addRelease(releaseOf());
    catalog.copy("movies/Film/film.mkv", "copy.mkv", "0");
    catalog.remove("movies/Film");
    purgeAll(catalog);
    const copy = catalog.find("copy.mkv");
    expect(catalog.extents(idOf(catalog, "copy.mkv")).at(0).segment.id).toBeDefined();
    expect(catalog.releaseFiles(id)).toEqual([{ path: "copy.mkv", size: copy?.size }]);
    expect(db.prepare("SELECT folder FROM release").pluck().get()).toBeNull();
    catalog.remove("copy.mkv");
    purgeAll(catalog);
    expect(["release", "post", "segment_chunk"].map((table) => countOf(db, table))).toEqual([0, 0, 0]);
  });

  test("forgets the damage of files with them", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(releaseOf());
    const id = idOf(catalog, "movies/Film/film.mkv");
    catalog.damage.record(id, { start: 0, end: 5, messageId: undefined, kind: "missing" });
    catalog.remove("movies/Film/film.mkv");
    expect(catalog.damage.totals().missing).toEqual({ holes: 1, bytes: 5 });
    purgeAll(catalog);
    expect(catalog.damage.totals().missing).toEqual({ holes: 0, bytes: 0 });
  });
});

describe("oldest", () => {
  test("is the first that was removed before a time, and nothing that was removed then or later", () => {
    using shelf = library();
    const catalog = shelf.open();
    const start = shelf.clock.wall();
    for (const name of ["a", "b"]) {
      catalog.makeFolder(name);
      catalog.remove(name);
      shelf.clock.advance(1000);
    }
    expect(catalog.trash.oldest(start)).toBeUndefined();
    expect(catalog.trash.oldest(start + 1)).toMatchObject({ path: "a", removedAt: start });
    expect(catalog.trash.oldest(Infinity)?.path).toBe("a");
  });
});

test("every search in the trash is one in an index", () => {
  using shelf = library();
  using rows = openRows(shelf);
  const { one, ...byTime } = TRASH_QUERIES;
  const item = "SEARCH entry USING INTEGER PRIMARY KEY (rowid=?)";
  expect(plansOf(rows.db, { one })).toEqual(["SEARCH trash USING INTEGER PRIMARY KEY (rowid=?)", item]);
  const plans = plansOf(rows.db, byTime).filter((step) => step !== item);
  expect(plans).toHaveLength(3);
  for (const step of plans) expect(step).toMatch(/^SEARCH trash USING INDEX trash_removed \(/);
});
