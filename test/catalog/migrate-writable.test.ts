import { describe, expect, test } from "@jest/globals";
import { openDatabase } from "../../src/catalog/database.ts";
import { migrate, readMigrations } from "../../src/catalog/migrations.ts";
import { postWriter } from "../../src/catalog/post-writer.ts";
import { packRuns } from "../../src/catalog/run-list.ts";
import type { Database } from "../../src/catalog/sqlite.ts";
import {
  bytesOf,
  evenPost,
  fileOf,
  idOf,
  jobOf,
  type Library,
  library,
  plainExtents,
  purgeAll,
  put,
  releaseOf,
  seeded,
  walk,
  wholePost,
} from "./fixture.ts";

const POSTS = [evenPost(seeded(1), 3000), evenPost(seeded(2), 3)];
const FILES = [fileOf("a.mkv", [wholePost(POSTS, 0)]), fileOf("b.mkv", [wholePost(POSTS, 1)])];

/** A library as it was before it had more than one tree: ids with gaps, two releases, jobs, damage. */
function fillOld(db: Database): void {
  const entry = db.prepare(
    `INSERT INTO entry (id, parent, name, kind, size, created_at, modified_at, content_tag, release, runs)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const folder = (id: number, parent: number | null, name: string) =>
    entry.run(id, parent, name, "folder", 0, id * 10, id * 100, "", null, null);
  db.pragma("foreign_keys = OFF");
  folder(1, null, "");
  folder(2, 1, "movies");
  folder(3, 2, "Film");
  folder(5, 2, "Empty");
  const addPost = postWriter(db);
  const release = db.prepare("INSERT INTO release (id, digest, folder, created_at) VALUES (?, ?, ?, ?)");
  release.run(4, "d1", 3, 1234);
  release.run(6, "d2", 5, 5678);
  FILES.forEach(({ path, modifiedAt }, index) => {
    const post = POSTS[index] as (typeof POSTS)[0];
    const runs = packRuns([{ post: addPost(4, post), start: 0, end: post.size }]);
    entry.run(8 + index, 3, path, "file", post.size, 80, modifiedAt, `tag-${index}`, 4, runs);
  });
  // One was there and is gone; its id is never used again.
  entry.run(50, 3, "gone", "file", 1, 1, 1, "", 4, packRuns([]));
  db.exec("DELETE FROM entry WHERE id = 50");
  db.exec(`INSERT INTO job (id, state, name, category, digest, progress, release, attempts, created_at, updated_at)
    VALUES ('a1', 'completed', 'Film', 'movies', 'd1', 1, 4, 1, 1, 2), ('a2', 'failed', 'Film', 'movies', 'd1', 0, NULL, 1, 3, 4),
      ('a3', 'queued', 'Other', 'movies', 'd3', 0, NULL, 0, 5, 6)`);
  db.exec("INSERT INTO job_source VALUES ('a3', x'1f8b', '[]')");
  db.exec("INSERT INTO damage VALUES (9, 10, 20, 'm@x', 'missing', 7, 8)");
  db.pragma("foreign_keys = ON");
  expect(db.pragma("foreign_key_check")).toEqual([]);
}

function oldLibrary(shelf: Library): void {
  const db = openDatabase(shelf.path);
  expect(migrate(db, readMigrations().slice(0, 2))).toBe(2);
  fillOld(db);
  db.close();
}

describe("a library of before", () => {
  test("has all that it had: entries with their ids, bytes, releases, jobs, damage, totals", () => {
    using shelf = library();
    oldLibrary(shelf);
    const catalog = shelf.open();
    expect(catalog.list("movies/Film", undefined, 10)).toEqual(
      FILES.map(({ path, modifiedAt }, index) => ({
        id: 8 + index,
        kind: "file",
        name: path,
        size: POSTS[index]?.size,
        createdAt: 80,
        modifiedAt,
        contentTag: `tag-${index}`,
        isSidecar: false,
        properties: undefined,
        job: undefined,
      })),
    );
    expect(catalog.list("movies", undefined, 10)).toMatchObject([
      { id: 5, name: "Empty", createdAt: 50, modifiedAt: 500 },
      { id: 3, name: "Film", createdAt: 30, modifiedAt: 300 },
    ]);
    for (const file of FILES) {
      expect(walk(catalog.extents(idOf(catalog, `movies/Film/${file.path}`)))).toEqual(plainExtents(POSTS, file));
    }
    const bytes = POSTS.reduce((sum, { size }) => sum + size, 0);
    expect(catalog.stats()).toEqual({ files: 2, releases: 2, segments: 3003, bytes });
    expect(catalog.addRelease(releaseOf())).toEqual({ id: 4, path: "movies/Film", isNew: false });
    expect(catalog.jobs.list({ limit: 10 }).map(({ id, state, release }) => [id, state, release])).toEqual([
      ["a3", "queued", undefined],
      ["a2", "failed", undefined],
      ["a1", "completed", 4],
    ]);
    expect(catalog.jobs.add(jobOf())).toMatchObject({ isNew: false, job: { id: "a1" } });
    expect(catalog.jobs.source("a3" as never).nzb).toEqual(Buffer.from([0x1f, 0x8b]));
    expect(catalog.damage.list(9 as never)).toMatchObject([{ start: 10, end: 20, messageId: "m@x" }]);
    expect(catalog.damage.totals().missing).toEqual({ holes: 1, bytes: 10 });
  });

  test("goes on with ids that were never used, and with counts that stay right", () => {
    using shelf = library();
    oldLibrary(shelf);
    const catalog = shelf.open();
    catalog.makeFolder("new");
    expect(idOf(catalog, "new")).toBe(51);
    expect(catalog.addRelease(releaseOf({ digest: "d4" })).id).toBe(7);
    put(catalog, "movies/Film/film.nfo", "text");
    expect(bytesOf(catalog, "movies/Film/film.nfo").toString()).toBe("text");
    catalog.remove("movies");
    purgeAll(catalog);
    expect(catalog.stats()).toEqual({ files: 0, releases: 0, segments: 0, bytes: 0 });
    expect(catalog.damage.totals().missing).toEqual({ holes: 0, bytes: 0 });
    expect(catalog.jobs.get("a1")?.release).toBeUndefined();
  });

  test("becomes what a new one is: the same tables, indexes and triggers, sound in every way", () => {
    using shelf = library();
    using fresh = library();
    oldLibrary(shelf);
    const schemas = [shelf, fresh].map((one) => {
      one.open()[Symbol.dispose]();
      const db = openDatabase(one.path);
      expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
      expect(db.pragma("foreign_key_check")).toEqual([]);
      const schema = db.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").all();
      const roots = db.prepare("SELECT id, name, kind FROM entry WHERE parent IS NULL ORDER BY id").all();
      db.close();
      expect(roots).toEqual([-2, -1, 1].map((id) => ({ id, name: "", kind: "folder" })));
      return schema;
    });
    expect(schemas[0]).toEqual(schemas[1]);
    expect(JSON.stringify(schemas[0])).not.toContain("new_");
  });

  test("stays what it was when the change fails half-way", () => {
    using shelf = library();
    oldLibrary(shelf);
    const db = openDatabase(shelf.path);
    const state = () => ({
      schema: db.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").all(),
      rows: ["entry", "release", "job", "damage", "totals", "sqlite_sequence"].map((table) =>
        db.prepare(`SELECT * FROM ${table}`).all(),
      ),
    });
    const before = state();
    const [first, second, third] = readMigrations();
    if (first === undefined || second === undefined || third === undefined) throw new Error("a migration is missing");
    const broken = { version: 3, sql: `${third.sql}; INSERT INTO nowhere VALUES (1);` };
    expect(() => migrate(db, [first, second, broken])).toThrow("nowhere");
    expect(state()).toEqual(before);
    expect(db.pragma("user_version", { simple: true })).toBe(2);
    db.close();
    expect(idOf(shelf.open(), "movies/Film")).toBe(3);
  });

  test("with more than one root, or a root of another id, cannot be written", () => {
    using shelf = library();
    shelf.open()[Symbol.dispose]();
    const db = openDatabase(shelf.path);
    const insert = (id: number, parent: number | null) =>
      db
        .prepare(
          "INSERT INTO entry (id, parent, name, kind, created_at, modified_at) VALUES (?, ?, 'x', 'folder', 0, 0)",
        )
        .run(id, parent);
    expect(() => insert(7, null)).toThrow("CHECK");
    expect(() => insert(-3, null)).toThrow("CHECK");
    expect(() => db.exec("UPDATE entry SET parent = 1, name = 'trash' WHERE id = -1")).toThrow("CHECK");
    expect(insert(7, -1).changes).toBe(1);
    db.close();
  });
});
