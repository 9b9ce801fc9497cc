import { describe, expect, test } from "@jest/globals";
import type { NewRelease } from "../../src/catalog/catalog.ts";
import { openDatabase } from "../../src/catalog/database.ts";
import { findAtAnyDepth, LIBRARY, LIST } from "../../src/catalog/entry-tree.ts";
import { fileOf, library, releaseOf, thrownBy, wholePost } from "./fixture.ts";

/** A release whose files, all with the same bytes, have these paths. */
function withPaths(paths: readonly string[], change: Partial<NewRelease> = {}): NewRelease {
  const release = releaseOf(change);
  return { ...release, files: paths.map((path) => fileOf(path, [wholePost(release.posts, 0)])) };
}

describe("find", () => {
  test("resolves folders and files at any depth, and nothing else", () => {
    using shelf = library();
    const catalog = shelf.open();
    const deep = Array.from({ length: 90 }, (_, index) => `d${index}`).join("/");
    catalog.addRelease(withPaths(["film.mkv", `${deep}/end.txt`]));
    expect(catalog.find("movies")).toMatchObject({ kind: "folder", name: "movies", size: 0, contentTag: "" });
    expect(catalog.find("movies/Film")).toMatchObject({ kind: "folder", name: "Film" });
    expect(catalog.find("movies/Film/film.mkv")).toMatchObject({
      kind: "file",
      name: "film.mkv",
      modifiedAt: 1_650_000_000_000,
    });
    expect(catalog.find(`movies/Film/${deep}/end.txt`)).toMatchObject({ kind: "file", name: "end.txt" });
    for (const path of [
      "Movies",
      "movies/film",
      "movies/Film/film.mkv/more",
      "/movies",
      "movies/",
      "movies//Film",
      "/",
      "film.mkv",
      "movies/Film/%",
      "movies/Film/film.mkv\0",
      "movies/Film/film.mkv\0.txt",
      ".",
      "movies/..",
      "x/".repeat(5000),
    ]) {
      expect([path, catalog.find(path)]).toEqual([path, undefined]);
    }
  });

  test("tells names apart by case and by every code point", () => {
    using shelf = library();
    const catalog = shelf.open();
    const names = [
      "a.mkv",
      "A.mkv",
      "ä.mkv",
      "a\u0301\u0327.mkv",
      "日本.mkv",
      "😀.mkv",
      "'quoted'.mkv",
      "100%.mkv",
      "a_b.mkv",
      "a\\b.mkv",
    ];
    catalog.addRelease(withPaths(names));
    for (const name of names) {
      const stored = name.normalize("NFC");
      expect(catalog.find(`movies/Film/${stored}`)?.name).toBe(stored);
    }
    expect(catalog.list("movies/Film", undefined, 100)).toHaveLength(names.length);
  });

  test("is one search in the index for each name, never a scan", () => {
    using shelf = library();
    shelf.open()[Symbol.dispose]();
    const db = openDatabase(shelf.path);
    const plan = (sql: string, ...values: unknown[]) =>
      (db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[]).map(({ detail }) => detail);
    const find = plan(findAtAnyDepth(LIBRARY), "a/b/");
    expect(find.filter((step) => step.includes("entry"))).toEqual([
      "SEARCH entry USING COVERING INDEX sqlite_autoindex_entry_1 (parent=? AND name=?)",
      "SEARCH entry USING INTEGER PRIMARY KEY (rowid=?)",
    ]);
    expect(plan(LIST, 1, "", 10)).toEqual(["SEARCH entry USING INDEX sqlite_autoindex_entry_1 (parent=? AND name>?)"]);
    db.close();
  });
});

describe("list", () => {
  test("pages through a folder in the order of its bytes, each entry once", () => {
    using shelf = library();
    const catalog = shelf.open();
    const names = ["b", "a", "B", "10", "9", "ä", "z", "😀", "\uffee", "日本", "a b", "a.b"].map(
      (name) => `${name}.bin`,
    );
    catalog.addRelease(withPaths(names));
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const limit of [1, 5, 12, 100]) {
      const seen: string[] = [];
      for (;;) {
        const page = catalog.list("movies/Film", seen.at(-1), limit);
        expect(page.length).toBeLessThanOrEqual(limit);
        seen.push(...page.map(({ name }) => name));
        if (page.length < limit) break;
      }
      expect(seen).toEqual(sorted);
    }
  });

  test("goes on after a name that is no longer there", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(withPaths(["a", "c"]));
    expect(catalog.list("movies/Film", "b", 10).map(({ name }) => name)).toEqual(["c"]);
  });

  test("is empty for a file, for nothing, and for no entries wanted", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(withPaths(["a"]));
    expect(catalog.list("movies/Film/a", undefined, 10)).toEqual([]);
    expect(catalog.list("nowhere", undefined, 10)).toEqual([]);
    expect(catalog.list("movies", undefined, 0)).toEqual([]);
    expect(catalog.list("movies", undefined, -1)).toEqual([]);
  });

  test("holds what find finds", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(withPaths(["a", "b/c"]));
    expect(catalog.list("movies/Film", undefined, 10)).toEqual([
      catalog.find("movies/Film/a"),
      catalog.find("movies/Film/b"),
    ]);
  });
});

describe("the time of a folder", () => {
  test("changes when its content does", () => {
    using shelf = library();
    const catalog = shelf.open();
    const times = () => ["", "movies", "movies/Film"].map((path) => catalog.find(path)?.modifiedAt);
    const start = shelf.clock.wall();
    catalog.addRelease(releaseOf());
    expect(times()).toEqual([start, start, start]);
    shelf.clock.advance(1000);
    catalog.addRelease(releaseOf({ name: "Other", digest: "d2" }));
    expect(times()).toEqual([start, start + 1000, start]);
    shelf.clock.advance(1000);
    catalog.addRelease(releaseOf({ category: "tv", digest: "d3" }));
    expect(times()).toEqual([start + 2000, start + 1000, start]);
    expect(catalog.find("movies")?.createdAt).toBe(start);
  });
});

describe("names that collide", () => {
  test("of releases get a number", () => {
    using shelf = library();
    const catalog = shelf.open();
    const add = (name: string, digest: string, category = "movies") =>
      catalog.addRelease(releaseOf({ name, digest, category })).path;
    expect([
      add("Film (2)", "1"),
      add("Film", "2"),
      add("Film", "3"),
      add("Film", "4"),
      add("Film", "5", "tv"),
    ]).toEqual(["movies/Film (2)", "movies/Film", "movies/Film (3)", "movies/Film (4)", "tv/Film"]);
    expect(add("Mr. Robot", "6")).toBe("movies/Mr. Robot");
    expect(add("Mr. Robot", "7")).toBe("movies/Mr. Robot (2)");
    expect(add("v1.5", "8")).toBe("movies/v1.5");
    expect(add("v1.5", "9")).toBe("movies/v1.5 (2)");
  });

  test("of files get one before the extension", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(
      withPaths([
        "a.mkv",
        "a.mkv",
        "a.mkv",
        "a (2).mkv",
        ".nfo",
        ".nfo",
        "plain",
        "plain",
        "Mr. Robot",
        "Mr. Robot",
        "x.tar.gz",
        "x.tar.gz",
      ]),
    );
    expect(catalog.list("movies/Film", undefined, 100).map(({ name }) => name)).toEqual([
      ".nfo",
      ".nfo (2)",
      "Mr. Robot",
      "Mr. Robot (2)",
      "a (2) (2).mkv",
      "a (2).mkv",
      "a (3).mkv",
      "a.mkv",
      "plain",
      "plain (2)",
      "x.tar (2).gz",
      "x.tar.gz",
    ]);
  });

  test("of a file and a folder get one too, and all files of that folder stay together", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(withPaths(["disc", "disc/a", "disc/b", "disc/sub/c", "extra/a", "extra"]));
    expect(catalog.releaseFiles(1 as never).map(({ path }) => path)).toEqual([
      "movies/Film/disc",
      "movies/Film/disc (2)/a",
      "movies/Film/disc (2)/b",
      "movies/Film/disc (2)/sub/c",
      "movies/Film/extra (2)",
      "movies/Film/extra/a",
    ]);
  });

  test("only in their composed form collide as well", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(withPaths(["e\u0301.mkv", "\u00e9.mkv", "e\u0301/x", "\u00e9/y"]));
    expect(catalog.releaseFiles(1 as never).map(({ path }) => path)).toEqual([
      "movies/Film/\u00e9 (2).mkv",
      "movies/Film/\u00e9.mkv",
      "movies/Film/\u00e9/x",
      "movies/Film/\u00e9/y",
    ]);
  });

  test("ten thousand times over stay affordable and distinct", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(withPaths(Array.from({ length: 10_000 }, () => "same.mkv")));
    expect(catalog.list("movies/Film", undefined, 20_000)).toHaveLength(10_000);
    expect(catalog.find("movies/Film/same (10000).mkv")).toBeDefined();
  });
});

describe("a name that no path could lead to", () => {
  const impossible = ["", ".", "..", "a\0b", "a\nb", "\u007f", "\ud800", "x".repeat(1025)];

  test.each([...impossible, "a/b"].map((name) => [JSON.stringify(name.slice(0, 9)), name]))(
    "%s is refused for a release and a category",
    (_, name) => {
      using shelf = library();
      const catalog = shelf.open();
      expect(thrownBy(() => catalog.addRelease(releaseOf({ name }))).code).toBe("BAD_PATH");
      expect(thrownBy(() => catalog.addRelease(releaseOf({ category: name }))).code).toBe("BAD_PATH");
      expect(catalog.list("", undefined, 10)).toEqual([]);
    },
  );

  test.each(
    [...impossible, "/a", "a/", "a//b", "a/../b", `${"d/".repeat(100)}a`].map((path) => [
      JSON.stringify(path.slice(0, 9)),
      path,
    ]),
  )("%s is refused for a file, and nothing of its release remains", (_, path) => {
    using shelf = library();
    const catalog = shelf.open();
    expect(thrownBy(() => catalog.addRelease(withPaths(["good", path]))).code).toBe("BAD_PATH");
    expect(catalog.list("", undefined, 10)).toEqual([]);
    expect(catalog.stats().releases).toBe(0);
  });
});
