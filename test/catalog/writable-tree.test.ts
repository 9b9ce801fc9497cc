import { describe, expect, test } from "@jest/globals";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { REMOVAL_QUERIES } from "../../src/catalog/entry-removal.ts";
import type { SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import type { Database } from "../../src/catalog/sqlite.ts";
import { COPY_QUERIES } from "../../src/catalog/tree-copy.ts";
import { MAX_COPIED, type WritableTree } from "../../src/catalog/writable-tree.ts";
import {
  bytesOf,
  countOf,
  fileOf,
  jobOf,
  type Library,
  library,
  openRows,
  plansOf,
  put,
  releaseOf,
  thrownBy,
} from "./fixture.ts";

const TREES: readonly (readonly [string, (catalog: Catalog) => WritableTree])[] = [
  ["the library", (catalog) => catalog],
  ["dropped files", ({ drops }) => drops],
];

/** Every path of a tree, folders with a slash at the end. */
function pathsOf(tree: WritableTree, folder = ""): string[] {
  return tree.list(folder, undefined, 100_000).flatMap(({ kind, name }) => {
    const path = folder === "" ? name : `${folder}/${name}`;
    return kind === "file" ? [path] : [`${path}/`, ...pathsOf(tree, path)];
  });
}

/** Rows that a call inserts, updates or deletes, triggers included. */
function changesOf(db: Database, call: () => void): number {
  const total = db.prepare<[], number>("SELECT total_changes()").pluck();
  const before = total.get() as number;
  call();
  return (total.get() as number) - before;
}

describe.each(TREES)("%s", (_, treeOf) => {
  function opened(shelf: Library): { readonly catalog: SqliteCatalog; readonly tree: WritableTree } {
    const catalog = shelf.open();
    return { catalog, tree: treeOf(catalog) };
  }

  test("takes folders and files, and keeps them over a restart", () => {
    using shelf = library();
    const { catalog, tree } = opened(shelf);
    tree.makeFolder("a");
    tree.makeFolder("a/b");
    expect(put(catalog, "a/b/x.nfo", "hello", tree)).toBe("created");
    expect(put(catalog, "top.txt", "", tree)).toBe("created");
    const reopened = shelf.reopen();
    const again = treeOf(reopened);
    expect(pathsOf(again)).toEqual(["a/", "a/b/", "a/b/x.nfo", "top.txt"]);
    expect(again.find("a/b/x.nfo")).toEqual({
      id: expect.any(Number),
      kind: "file",
      name: "x.nfo",
      size: 5,
      createdAt: shelf.clock.wall(),
      modifiedAt: shelf.clock.wall(),
      contentTag: expect.stringMatching(/^[\w-]{20}$/),
      isSidecar: true,
      properties: undefined,
      job: undefined,
    });
    expect(again.find("a")).toMatchObject({ kind: "folder", isSidecar: false, contentTag: "" });
    expect(bytesOf(reopened, "a/b/x.nfo", again).toString()).toBe("hello");
    expect(bytesOf(reopened, "top.txt", again)).toHaveLength(0);
  });

  test("refuses what has no place, what is taken, and its own root, each by its code", () => {
    using shelf = library();
    const { catalog, tree } = opened(shelf);
    tree.makeFolder("a");
    tree.makeFolder("a/b");
    put(catalog, "f", "1", tree);
    const before = pathsOf(tree);
    const refusals: readonly (readonly [string, () => unknown])[] = [
      ["FORBIDDEN", () => tree.makeFolder("")],
      ["PATH_TAKEN", () => tree.makeFolder("a")],
      ["PATH_TAKEN", () => tree.makeFolder("f")],
      ["PARENT_MISSING", () => tree.makeFolder("x/y")],
      ["PARENT_MISSING", () => tree.makeFolder("f/y")],
      ["FORBIDDEN", () => put(catalog, "", "", tree)],
      ["PATH_TAKEN", () => put(catalog, "a", "", tree)],
      ["PARENT_MISSING", () => put(catalog, "x/y", "", tree)],
      ["FORBIDDEN", () => tree.move("", "b")],
      ["FORBIDDEN", () => tree.move("f", "")],
      ["PATH_MISSING", () => tree.move("x", "b")],
      ["PATH_MISSING", () => tree.move("f/x", "b")],
      ["PARENT_MISSING", () => tree.move("f", "x/y")],
      ["FORBIDDEN", () => tree.move("a", "a")],
      ["FORBIDDEN", () => tree.move("a", "a/b/c")],
      ["FORBIDDEN", () => tree.move("a/b", "a")],
      ["FORBIDDEN", () => tree.copy("", "b", "infinity")],
      ["FORBIDDEN", () => tree.copy("f", "", "0")],
      ["PATH_MISSING", () => tree.copy("x", "b", "infinity")],
      ["PARENT_MISSING", () => tree.copy("f", "x/y", "infinity")],
      ["FORBIDDEN", () => tree.copy("a", "a", "infinity")],
      ["FORBIDDEN", () => tree.copy("a", "a/c", "infinity")],
      ["FORBIDDEN", () => tree.copy("a/b", "a", "0")],
      ["FORBIDDEN", () => tree.remove("")],
      ["PATH_MISSING", () => tree.remove("x")],
      ["PATH_MISSING", () => tree.remove("a/")],
      ["PATH_MISSING", () => tree.remove("f\0")],
      ["FORBIDDEN", () => tree.setProperties("", "p")],
      ["PATH_MISSING", () => tree.setProperties("a/x", "p")],
      ["PATH_MISSING", () => tree.setJob("a", catalog.jobs.add(jobOf()).job.id)],
    ];
    const codes = refusals.map(([code, call]) => [code, call.toString(), thrownBy(call).code]);
    expect(codes).toEqual(codes.map(([code, call]) => [code, call, code]));
    expect(pathsOf(tree)).toEqual(before);
  });

  const impossible = ["", ".", "..", "a\0b", "a\nb", "\ud800", "x".repeat(1025), "d/".repeat(101)];
  test.each(impossible.map((name) => [JSON.stringify(name.slice(0, 9)), name]))(
    "refuses the name %s, whatever would bring it in",
    (_, name) => {
      using shelf = library();
      const { catalog, tree } = opened(shelf);
      tree.makeFolder("a");
      put(catalog, "f", "1", tree);
      const calls = [
        () => tree.makeFolder(`a/${name}`),
        () => put(catalog, `a/${name}`, "", tree),
        () => tree.move("f", `a/${name}`),
        () => tree.copy("f", `a/${name}`, "0"),
      ];
      expect(calls.map((call) => thrownBy(call).code)).toEqual(calls.map(() => "BAD_PATH"));
      expect(pathsOf(tree)).toEqual(["a/", "f"]);
    },
  );

  test("a sidecar written anew keeps its id, creation and properties, and gets a tag it never had", () => {
    using shelf = library();
    const { catalog, tree } = opened(shelf);
    put(catalog, "f", "one", tree);
    tree.setProperties("f", "<p/>");
    const first = tree.find("f");
    const folderTime = tree.find("")?.modifiedAt;
    const tags = new Set([first?.contentTag]);
    for (const bytes of ["three", "one", ""]) {
      shelf.clock.advance(1000);
      expect(put(catalog, "f", bytes, tree)).toBe("replaced");
      const { contentTag, ...entry } = tree.find("f") ?? { contentTag: "" };
      expect({ ...entry, contentTag: "" }).toEqual({
        ...first,
        contentTag: "",
        size: bytes.length,
        modifiedAt: shelf.clock.wall(),
      });
      expect(bytesOf(catalog, "f", tree).toString()).toBe(bytes);
      expect(tags.has(contentTag)).toBe(false);
      tags.add(contentTag);
    }
    expect(tree.find("")?.modifiedAt).toBe(folderTime);
    expect(catalog.stats()).toMatchObject({ files: 1, bytes: 0 });
  });

  test("a folder's time changes when a name comes or goes, in both folders of a move, and never otherwise", () => {
    using shelf = library();
    const { catalog, tree } = opened(shelf);
    for (const path of ["a", "a/in", "b", "c"]) tree.makeFolder(path);
    put(catalog, "a/in/f", "1", tree);
    const changed = (call: () => void) => {
      shelf.clock.advance(1000);
      call();
      return ["", "a", "a/in", "b", "c"].filter((path) => tree.find(path)?.modifiedAt === shelf.clock.wall());
    };
    expect(changed(() => put(catalog, "a/in/f", "2", tree))).toEqual([]);
    expect(changed(() => tree.setProperties("a/in/f", "p"))).toEqual([]);
    expect(changed(() => tree.setProperties("a", "p"))).toEqual([]);
    expect(changed(() => put(catalog, "a/in/g", "2", tree))).toEqual(["a/in"]);
    expect(changed(() => tree.move("a/in/f", "b/f"))).toEqual(["a/in", "b"]);
    expect(changed(() => tree.move("b/f", "b/g"))).toEqual(["b"]);
    expect(changed(() => tree.copy("b/g", "c/g", "0"))).toEqual(["c"]);
    expect(changed(() => tree.move("c/g", "b/g"))).toEqual(["b", "c"]);
    expect(changed(() => tree.remove("b/g"))).toEqual(["b"]);
    expect(changed(() => tree.move("a/in", "b/in"))).toEqual(["a", "b"]);
    expect(changed(() => tree.remove("b"))).toEqual([""]);
    expect(tree.find("a")?.createdAt).toBeLessThan(tree.find("a")?.modifiedAt as number);
  });

  test("a move keeps id, times, tag, properties and import, and takes what is below along", () => {
    using shelf = library();
    const { catalog, tree } = opened(shelf);
    const { job } = catalog.jobs.add(jobOf());
    for (const path of ["a", "a/sub", "b"]) tree.makeFolder(path);
    put(catalog, "a/sub/f", "1", tree);
    tree.setProperties("a/sub", "p");
    tree.setJob("a/sub/f", job.id);
    const [folder, file] = [tree.find("a/sub"), tree.find("a/sub/f")];
    expect(file?.job).toBe(job.id);
    shelf.clock.advance(1000);
    tree.move("a/sub", "b/e\u0301");
    expect(tree.find("b/\u00e9")).toEqual({ ...folder, name: "\u00e9" });
    expect(tree.find("b/\u00e9/f")).toEqual(file);
    expect(pathsOf(tree)).toEqual(["a/", "b/", "b/\u00e9/", "b/\u00e9/f"]);
    expect(thrownBy(() => tree.move("b/\u00e9", "b/e\u0301")).code).toBe("FORBIDDEN");
    tree.move("b/\u00e9", "b/\u00c9");
    expect(pathsOf(tree)).toEqual(["a/", "b/", "b/\u00c9/", "b/\u00c9/f"]);
  });

  test("what was found before is found as it is now, wherever a change came from, and as it was when a change failed", () => {
    using shelf = library();
    const { catalog, tree } = opened(shelf);
    for (const path of ["a", "a/in"]) tree.makeFolder(path);
    put(catalog, "a/in/f", "1", tree);
    const before = tree.find("a/in/f");
    expect(thrownBy(() => tree.move("a/in", "a/in/deeper")).code).toBe("FORBIDDEN");
    expect(tree.find("a/in/f")).toEqual(before);
    tree.move("a", "b");
    expect(tree.find("a/in/f")).toBeUndefined();
    expect(tree.find("b/in/f")).toEqual(before);
    tree.setProperties("b/in/f", "p".repeat(5000));
    expect(tree.find("b/in/f")?.properties).toHaveLength(5000);
    tree.remove("b");
    expect(tree.find("b/in/f")).toBeUndefined();
  });

  test("a copy stands apart from its original, with the same bytes, tag, time and properties, but no import", () => {
    using shelf = library();
    const { catalog, tree } = opened(shelf);
    const { job } = catalog.jobs.add(jobOf());
    for (const path of ["a", "a/sub", "a/sub/deep"]) tree.makeFolder(path);
    put(catalog, "a/f", "old", tree);
    put(catalog, "a/sub/g", "g", tree);
    tree.setProperties("a", "pa");
    tree.setProperties("a/f", "pf");
    tree.setJob("a/f", job.id);
    const made = shelf.clock.wall();
    shelf.clock.advance(1000);
    tree.copy("a", "b", "infinity");
    tree.copy("a", "alone", "0");
    const at = shelf.clock.wall();
    expect(pathsOf(tree)).toEqual([
      ...["a/", "a/f", "a/sub/", "a/sub/deep/", "a/sub/g"],
      "alone/",
      ...["b/", "b/f", "b/sub/", "b/sub/deep/", "b/sub/g"],
    ]);
    expect(tree.find("b")).toMatchObject({ createdAt: at, modifiedAt: at, properties: "pa" });
    const original = tree.find("a/f");
    expect(original?.job).toBe(job.id);
    const copy = { ...original, id: tree.find("b/f")?.id, createdAt: at, modifiedAt: made, job: undefined };
    expect(tree.find("b/f")).toEqual(copy);
    expect(copy.id).not.toBe(original?.id);
    put(catalog, "a/f", "changed", tree);
    tree.remove("a/sub");
    expect(tree.find("b/f")).toEqual(copy);
    expect(bytesOf(catalog, "b/f", tree).toString()).toBe("old");
    expect(bytesOf(catalog, "b/sub/g", tree).toString()).toBe("g");
  });

  test("what stands at the target of a move or copy is replaced, never merged with", () => {
    using shelf = library();
    const { catalog, tree } = opened(shelf);
    for (const path of ["a", "b", "b/old", "c"]) tree.makeFolder(path);
    put(catalog, "a/new", "n", tree);
    put(catalog, "c/f", "f", tree);
    tree.copy("a", "b", "infinity");
    expect(pathsOf(tree)).toEqual(["a/", "a/new", "b/", "b/new", "c/", "c/f"]);
    tree.move("a/new", "c/f");
    expect(pathsOf(tree)).toEqual(["a/", "b/", "b/new", "c/", "c/f"]);
    expect(bytesOf(catalog, "c/f", tree).toString()).toBe("n");
    tree.move("c", "b/new");
    expect(pathsOf(tree)).toEqual(["a/", "b/", "b/new/", "b/new/f"]);
  });

  test("names are data, whatever they look like", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { db, catalog } = rows;
    const tree = treeOf(catalog);
    const names = [
      "'; DROP TABLE entry; --marker",
      '" OR marker=1 --',
      "%_marker?",
      "@marker :marker $marker",
      "marker) UNION",
    ];
    const seen: string[] = [];
    const prepare = db.prepare.bind(db);
    db.prepare = ((sql: string) => {
      seen.push(sql);
      return prepare(sql);
    }) as typeof db.prepare;
    for (const name of names) {
      tree.makeFolder(name);
      put(catalog, `${name}/${name}`, name, tree);
      tree.copy(`${name}/${name}`, `${name}/${name}2`, "0");
      tree.move(`${name}/${name}2`, `${name}/${name}3`);
      tree.setProperties(`${name}/${name}`, name);
      tree.remove(`${name}/${name}3`);
    }
    expect(pathsOf(tree)).toEqual(names.toSorted().flatMap((name) => [`${name}/`, `${name}/${name}`]));
    for (const name of names) {
      expect(tree.find(`${name}/${name}`)?.properties).toBe(name);
      tree.remove(name);
    }
    for (const { id } of catalog.trash.list({ limit: 100 })) catalog.trash.restore(id);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((sql) => sql.includes("marker"))).toEqual([]);
  });

  test("a folder of 20 000 entries is moved by as few rows as an empty one", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { db, catalog } = rows;
    const tree = treeOf(catalog);
    for (const path of ["empty", "full", "to"]) tree.makeFolder(path);
    const parent = tree.find("full")?.id;
    db.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
       INSERT INTO entry (parent, name, kind, created_at, modified_at) SELECT ?, 'f' || i, 'folder', 0, 0 FROM n`,
    ).run(parent);
    // The entry itself, and the times of both folders.
    expect(changesOf(db, () => tree.move("empty", "to/empty"))).toBe(3);
    expect(changesOf(db, () => tree.move("full", "to/full"))).toBe(3);
    expect(tree.list("to/full", undefined, 100_000)).toHaveLength(20_000);
  });
});

describe("the library", () => {
  test("never lets a sidecar take the place of a posted file, but lets posted files move, be copied and go", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(releaseOf());
    const film = catalog.find("movies/Film/film.mkv");
    expect(film).toMatchObject({ isSidecar: false });
    expect(thrownBy(() => put(catalog, "movies/Film/film.mkv", "x")).code).toBe("PATH_TAKEN");
    catalog.move("movies/Film/film.mkv", "movies/renamed.mkv");
    expect(catalog.find("movies/renamed.mkv")).toEqual({ ...film, name: "renamed.mkv" });
    catalog.copy("movies/renamed.mkv", "movies/Film/copy.mkv", "0");
    const copy = catalog.find("movies/Film/copy.mkv");
    expect(copy).toMatchObject({ size: film?.size, contentTag: film?.contentTag, isSidecar: false });
    if (film === undefined || copy === undefined) throw new Error("no film");
    catalog.remove("movies/renamed.mkv");
    expect(catalog.extents(copy.id).at(0).segment.id).toBe(catalog.extents(film.id).at(0).segment.id);
    expect(catalog.file(film.id)).toBeUndefined();
    expect(catalog.file(copy.id)).toEqual({ path: "movies/Film/copy.mkv", size: film.size });
  });

  test("removes a folder of 20 000 files by as few rows as an empty one", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { db, catalog } = rows;
    const run = { post: 0, start: 0, end: 10 };
    catalog.addRelease(releaseOf({ files: Array.from({ length: 20_000 }, (_, n) => fileOf(`${n}.bin`, [run])) }));
    catalog.makeFolder("movies/empty");
    // The entry itself, its folder's time, and its row in the trash.
    expect(changesOf(db, () => catalog.remove("movies/empty"))).toBe(3);
    expect(changesOf(db, () => catalog.remove("movies/Film"))).toBe(3);
    expect(pathsOf(catalog)).toEqual(["movies/"]);
    expect(catalog.trash.list({ limit: 10 })).toHaveLength(2);
  });

  test("has no maps of sidecars and folders, and no path for what is elsewhere", () => {
    using shelf = library();
    const catalog = shelf.open();
    put(catalog, "f", "1");
    put(catalog, "d", "1", catalog.drops);
    catalog.makeFolder("a");
    const [file, dropped] = [catalog.find("f")?.id, catalog.drops.find("d")?.id];
    for (const id of [file, dropped, catalog.find("a")?.id, 1, -1, -2, 0, 999]) {
      expect(thrownBy(() => catalog.extents(id as never)).code).toBe("PATH_MISSING");
    }
    expect(catalog.file(file as never)).toEqual({ path: "f", size: 1 });
    for (const id of [dropped, 1, -1, -2, 0, 999]) expect(catalog.file(id as never)).toBeUndefined();
  });
});

describe("dropped files", () => {
  test("are apart from the library, and gone at once when they are removed, bytes and all", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { db, catalog } = rows;
    const { drops } = catalog;
    for (const path of ["movies", "movies/sub"]) drops.makeFolder(path);
    for (let n = 0; n < 20; n++) put(catalog, `movies/sub/${n}.nzb`, `${n}`, drops);
    put(catalog, "kept.nzb", "k", drops);
    expect(catalog.list("", undefined, 10)).toEqual([]);
    expect(catalog.find("movies")).toBeUndefined();
    drops.remove("movies");
    expect(pathsOf(drops)).toEqual(["kept.nzb"]);
    expect(catalog.trash.list({ limit: 10 })).toEqual([]);
    expect(["entry", "content", "content_chunk", "trash"].map((table) => countOf(db, table))).toEqual([4, 1, 1, 0]);
    expect(catalog.stats()).toMatchObject({ files: 1, bytes: 1 });
    put(catalog, "other.nzb", "o", drops);
    drops.move("other.nzb", "kept.nzb");
    expect(bytesOf(catalog, "kept.nzb", drops).toString()).toBe("o");
    expect(["entry", "content", "content_chunk", "trash"].map((table) => countOf(db, table))).toEqual([4, 1, 1, 0]);
  });
});

describe("a copy", () => {
  test(`of more than ${MAX_COPIED} entries is refused, wherever the last one lies, and leaves nothing`, () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { db, catalog } = rows;
    for (const path of ["files", "folders", "fits"]) catalog.makeFolder(path);
    const fill = (path: string, kind: string, count: number) =>
      db
        .prepare(
          `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
           INSERT INTO entry (parent, name, kind, created_at, modified_at) SELECT ?, i, ?, 0, 0 FROM n`,
        )
        .run(count, catalog.find(path)?.id, kind);
    fill("files", "file", MAX_COPIED);
    fill("folders", "folder", MAX_COPIED);
    fill("fits", "file", MAX_COPIED - 1);
    const before = countOf(db, "entry");
    for (const path of ["files", "folders"]) {
      expect(thrownBy(() => catalog.copy(path, "to", "infinity"))).toMatchObject({ code: "FORBIDDEN" });
    }
    expect(countOf(db, "entry")).toBe(before);
    expect(catalog.find("to")).toBeUndefined();
    catalog.copy("fits", "to", "infinity");
    expect(countOf(db, "entry")).toBe(before + MAX_COPIED);
    catalog.copy("files", "alone", "0");
    expect(countOf(db, "entry")).toBe(before + MAX_COPIED + 1);
  });

  test("searches an index for every step, and so does a removal", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const plans = plansOf(rows.db, { ...COPY_QUERIES, ...REMOVAL_QUERIES });
    expect(plans.filter((step) => !/^(SEARCH|LIST SUBQUERY)/.test(step))).toEqual([]);
  });
});
