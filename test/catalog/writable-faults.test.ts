import { describe, expect, test } from "@jest/globals";
import type { SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import type { Database } from "../../src/catalog/sqlite.ts";
import { bytesOf, idOf, jobOf, library, openRows, put, releaseOf, thrownBy } from "./fixture.ts";

/** Every row that a reader could come to know of. */
function everything(db: Database): unknown {
  const tables = ["entry", "trash", "release", "post", "segment_chunk", "job", "totals", "damage"];
  return tables.map((table) => db.prepare(`SELECT * FROM ${table}`).all());
}

function filled(catalog: SqliteCatalog): void {
  catalog.addRelease(releaseOf());
  for (const path of ["a", "a/b", "to", "gone"]) catalog.makeFolder(path);
  for (const path of ["a/f", "a/b/g", "to/f", "gone/h"]) put(catalog, path, path);
  for (const path of ["a", "a/b"]) catalog.drops.makeFolder(path);
  for (const path of ["a/f", "a/b/g"]) put(catalog, path, path, catalog.drops);
  catalog.remove("gone");
}

const trashed = (catalog: SqliteCatalog) => catalog.trash.oldest(Infinity)?.id as never;

describe("a change that fails half-way leaves nothing behind", () => {
  test.each<[string, string, (catalog: SqliteCatalog) => unknown]>([
    ["makeFolder", "UPDATE OF modified_at ON entry WHEN OLD.id = 1", (c) => c.makeFolder("x")],
    ["putSidecar", "UPDATE OF is_owned ON content", (c) => put(c, "x", "1")],
    ["putSidecar over another", "UPDATE OF bytes ON totals", (c) => put(c, "a/f", "longer than before")],
    ["move", "UPDATE OF modified_at ON entry WHEN OLD.name = 'to'", (c) => c.move("a/f", "to/x")],
    [
      "move over another",
      "UPDATE OF parent ON entry WHEN OLD.name = 'f' AND NEW.parent > 0",
      (c) => c.move("a/f", "to/f"),
    ],
    ["copy", "INSERT ON entry WHEN NEW.name = 'g'", (c) => c.copy("a", "x", "infinity")],
    ["copy over another", "INSERT ON entry WHEN NEW.name = 'g'", (c) => c.copy("a", "to", "infinity")],
    ["remove", "INSERT ON trash", (c) => c.remove("a")],
    ["remove of dropped files", "DELETE ON entry WHEN OLD.name = 'b'", (c) => c.drops.remove("a")],
    ["move over dropped files", "UPDATE OF parent ON entry", (c) => c.drops.move("a/f", "a/b")],
    ["setProperties", "UPDATE OF properties ON entry", (c) => c.setProperties("a", "p")],
    ["setJob", "UPDATE OF job ON entry", (c) => c.drops.setJob("a/f", c.jobs.list({ limit: 1 })[0]?.id as never)],
    ["restore", "DELETE ON trash", (c) => c.trash.restore(trashed(c))],
    ["restore into a folder made anew", "UPDATE OF parent ON entry", (c) => c.trash.restore(trashed(c))],
    ["purge", "DELETE ON entry WHEN OLD.name <> 'h'", (c) => c.trash.purge(trashed(c), 100)],
    ["addRelease over one in the trash", "INSERT ON segment_chunk", (c) => c.addRelease(releaseOf({ digest: "d2" }))],
  ])("%s", (_, fault, change) => {
    using shelf = library();
    using rows = openRows(shelf);
    const { catalog, db } = rows;
    catalog.jobs.add(jobOf({ digest: "other" }));
    filled(catalog);
    const before = everything(db);
    db.exec(`CREATE TRIGGER fault AFTER ${fault} BEGIN SELECT raise(ABORT, 'fault'); END`);
    shelf.clock.advance(1000);
    expect(thrownBy(() => change(catalog)).message).toBe("fault");
    expect(everything(db)).toEqual(before);
    expect(bytesOf(catalog, "a/f").toString()).toBe("a/f");
    expect(bytesOf(catalog, "a/b/g", catalog.drops).toString()).toBe("a/b/g");
    db.exec("DROP TRIGGER fault");
    change(catalog);
    expect(everything(db)).not.toEqual(before);
    expect(db.pragma("foreign_key_check")).toEqual([]);
  });

  test("whatever was removed before stays found by its id", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { catalog, db } = rows;
    filled(catalog);
    db.exec("CREATE TRIGGER fault AFTER INSERT ON trash BEGIN SELECT raise(ABORT, 'fault'); END");
    const id = idOf(catalog, "movies/Film/film.mkv");
    expect(() => catalog.remove("movies")).toThrow("fault");
    expect(catalog.file(id)?.path).toBe("movies/Film/film.mkv");
  });
});
