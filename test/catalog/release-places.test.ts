import { describe, expect, test } from "@jest/globals";
import type { Job } from "../../src/catalog/jobs.ts";
import type { SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import { RELEASE_QUERIES } from "../../src/catalog/release-places.ts";
import { fileOf, idOf, jobOf, library, openRows, plansOf, purgeAll, put, releaseOf, wholePost } from "./fixture.ts";

/** A release of two files, one of them in a folder. */
function pair() {
  const release = releaseOf();
  return { ...release, files: ["a.mkv", "sub/b.mkv"].map((path) => fileOf(path, [wholePost(release.posts, 0)])) };
}

function imported(catalog: SqliteCatalog): Job {
  const { job } = catalog.jobs.add(jobOf());
  catalog.jobs.claim();
  catalog.addRelease({ ...pair(), job: job.id });
  return job;
}

describe("a release is there", () => {
  test.each<[string, (catalog: SqliteCatalog) => void, string]>([
    ["when its folder was renamed", (c) => c.move("movies/Film", "movies/Renamed"), "movies/Renamed"],
    ["when its category was moved", (c) => c.move("movies", "films"), "films/Film"],
    ["when its folder lies deep elsewhere", (c) => deep(c), "x/y/z/Film"],
    ["when one of its files is left in its folder", (c) => c.remove("movies/Film/a.mkv"), "movies/Film"],
    ["when only a copy is left", (c) => copyAway(c), "copy/a.mkv"],
    ["when its files were moved out of their folder", (c) => moveOut(c), "movies/b.mkv"],
    ["when one was moved out and one stayed", (c) => c.move("movies/Film/a.mkv", "a.mkv"), "movies/Film"],
    ["when its files stand in another folder and its own is in the trash", (c) => renest(c), "movies/Other/a.mkv"],
  ])("%s, and a second import is told where", (_, change, path) => {
    using shelf = library();
    const catalog = shelf.open();
    const job = imported(catalog);
    const release = catalog.jobs.get(job.id)?.release;
    change(catalog);
    const before = catalog.stats();
    expect(catalog.jobs.add(jobOf())).toMatchObject({ isNew: false, job: { id: job.id } });
    expect(catalog.addRelease(pair())).toEqual({ id: release, path, isNew: false });
    expect(catalog.stats()).toEqual(before);
  });

  function deep(catalog: SqliteCatalog): void {
    for (const path of ["x", "x/y", "x/y/z"]) catalog.makeFolder(path);
    catalog.move("movies/Film", "x/y/z/Film");
  }

  function copyAway(catalog: SqliteCatalog): void {
    catalog.copy("movies/Film", "copy", "infinity");
    catalog.remove("movies/Film");
    purgeAll(catalog);
  }

  function moveOut(catalog: SqliteCatalog): void {
    catalog.move("movies/Film/sub/b.mkv", "movies/b.mkv");
    catalog.remove("movies/Film/a.mkv");
  }

  function renest(catalog: SqliteCatalog): void {
    catalog.makeFolder("movies/Other");
    catalog.move("movies/Film/a.mkv", "movies/Other/a.mkv");
    catalog.remove("movies/Film");
  }
});

describe("a release is not there", () => {
  test.each<[string, (catalog: SqliteCatalog) => void]>([
    ["when its folder is in the trash", (c) => c.remove("movies/Film")],
    ["when its category is in the trash", (c) => c.remove("movies")],
    [
      "when all of its files are in the trash and its folder stands empty",
      (c) => ["a.mkv", "sub/b.mkv"].map((name) => c.remove(`movies/Film/${name}`)),
    ],
    [
      "when it was purged",
      (c) => {
        c.remove("movies/Film");
        purgeAll(c);
      },
    ],
    [
      "when one of its files is purged and the other in the trash",
      (c) => {
        c.remove("movies/Film/a.mkv");
        purgeAll(c);
        c.remove("movies/Film");
      },
    ],
  ])("%s: the same post is imported anew", (_, change) => {
    using shelf = library();
    const catalog = shelf.open();
    const job = imported(catalog);
    change(catalog);
    const { job: second, isNew } = catalog.jobs.add(jobOf());
    expect(isNew).toBe(true);
    expect(second.id).not.toBe(job.id);
    expect(catalog.jobs.add(jobOf())).toMatchObject({ isNew: false, job: { id: second.id } });
    expect(catalog.jobs.get(job.id)?.state).toBe("completed");
    catalog.jobs.claim();
    const added = catalog.addRelease({ ...pair(), job: second.id });
    expect(added.isNew).toBe(true);
    expect(catalog.find(`${added.path}/sub/b.mkv`)).toBeDefined();
    expect(catalog.jobs.add(jobOf())).toMatchObject({ isNew: false, job: { id: second.id, release: added.id } });
  });

  test("twice over, and what comes back from the trash stands beside what was imported meanwhile", () => {
    using shelf = library();
    const catalog = shelf.open();
    const first = catalog.addRelease(pair());
    catalog.remove("movies/Film");
    const second = catalog.addRelease(pair());
    const [item] = catalog.trash.list({ limit: 1 });
    expect(catalog.trash.restore(item?.id as never)).toBe("movies/Film (2)");
    expect(catalog.releaseFiles(first.id).map(({ path }) => path)).toEqual([
      "movies/Film (2)/a.mkv",
      "movies/Film (2)/sub/b.mkv",
    ]);
    catalog.remove("movies/Film");
    expect(catalog.addRelease(pair())).toEqual({ id: first.id, path: "movies/Film (2)", isNew: false });
    catalog.remove("movies/Film (2)");
    expect(catalog.addRelease(pair()).isNew).toBe(true);
    purgeAll(catalog);
    expect(catalog.stats()).toMatchObject({ releases: 1, files: 2 });
    expect(second.id).not.toBe(first.id);
  });

  test("for a job of another category either, but that one's own history stays", () => {
    using shelf = library();
    const catalog = shelf.open();
    const job = imported(catalog);
    const { job: other } = catalog.jobs.add(jobOf({ category: "tv" }));
    catalog.jobs.claim();
    catalog.addRelease({ ...pair(), category: "tv", job: other.id });
    catalog.remove("movies/Film");
    for (const category of ["movies", "tv"]) expect(catalog.jobs.add(jobOf({ category })).isNew).toBe(true);
    const completed = catalog.jobs.list({ states: ["completed"], limit: 10 }).map(({ id }) => id);
    expect(completed).toEqual([other.id, job.id]);
    expect(catalog.jobs.counts()).toMatchObject({ completed: 2, queued: 2 });
  });
});

test("the files of a release are those in the library, wherever they are", () => {
  using shelf = library();
  const catalog = shelf.open();
  const { id } = catalog.addRelease(pair());
  const { size } = catalog.find("movies/Film/a.mkv") ?? {};
  catalog.move("movies/Film/a.mkv", "a.mkv");
  expect(catalog.releaseFiles(id)).toEqual([
    { path: "a.mkv", size },
    { path: "movies/Film/sub/b.mkv", size },
  ]);
  catalog.remove("movies");
  expect(catalog.releaseFiles(id)).toEqual([{ path: "a.mkv", size }]);
  expect(catalog.file(idOf(catalog, "a.mkv"))).toEqual({ path: "a.mkv", size });
});

test("small files in the folder of a release are among its files, at any depth, while that folder is in the library", () => {
  using shelf = library();
  const catalog = shelf.open();
  const { id } = catalog.addRelease(pair());
  const pathsOf = () => catalog.releaseFiles(id).map(({ path }) => path);
  put(catalog, "movies/Film/sub/b.srt", "text");
  put(catalog, "movies/other.nfo", "text");
  expect(pathsOf()).toEqual(["movies/Film/a.mkv", "movies/Film/sub/b.mkv", "movies/Film/sub/b.srt"]);
  catalog.move("movies/Film/a.mkv", "a.mkv");
  catalog.remove("movies/Film");
  expect(pathsOf()).toEqual(["a.mkv"]);
});

describe("a release of nothing but small unpacked files", () => {
  const book = () => {
    const content = Buffer.from("a whole book");
    return releaseOf({ name: "Book", files: [{ path: "book.epub", runs: [], content, modifiedAt: 0 }] });
  };

  test("is there while there is anything in its folder", () => {
    using shelf = library();
    const catalog = shelf.open();
    const { job } = catalog.jobs.add(jobOf());
    catalog.jobs.claim();
    const { id } = catalog.addRelease({ ...book(), job: job.id });
    catalog.move("movies", "books");
    expect(catalog.addRelease(book())).toEqual({ id, path: "books/Book", isNew: false });
    expect(catalog.jobs.add(jobOf()).isNew).toBe(false);
    catalog.remove("books/Book/book.epub");
    expect(catalog.jobs.add(jobOf()).isNew).toBe(true);
    expect(catalog.addRelease(book())).toMatchObject({ path: "movies/Book", isNew: true });
  });

  test("is not there while its folder is in the trash, and nobody's once that is emptied", () => {
    using shelf = library();
    const catalog = shelf.open();
    const { id } = catalog.addRelease(book());
    catalog.remove("movies/Book");
    expect(catalog.addRelease(book())).toMatchObject({ path: "movies/Book", isNew: true });
    expect(catalog.stats().releases).toBe(2);
    purgeAll(catalog);
    expect(catalog.stats()).toMatchObject({ releases: 1, files: 1, segments: 3 });
    expect(catalog.releaseFiles(id)).toEqual([]);
  });
});

test("every search for a release is one in an index", () => {
  using shelf = library();
  using rows = openRows(shelf);
  const plans = plansOf(rows.db, RELEASE_QUERIES).filter((step) => /(entry|release)\b/.test(step));
  expect(plans.length).toBeGreaterThan(5);
  for (const step of plans) expect(step).toMatch(/^(SEARCH (entry|release)( EXISTS)? USING )/);
});

test("every reference between tables can be followed backwards in an index", () => {
  using shelf = library();
  using rows = openRows(shelf);
  const { db } = rows;
  const tables = db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  const references = tables.flatMap((table) =>
    (db.pragma(`foreign_key_list(${table})`) as { from: string }[]).map(({ from }) => ({ table, from })),
  );
  expect(references.length).toBeGreaterThan(10);
  for (const { table, from } of references) {
    const [step] = plansOf(db, { children: `SELECT 1 FROM ${table} WHERE ${from} = ?` });
    expect(step).toMatch(/^SEARCH/);
  }
});
