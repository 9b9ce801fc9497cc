import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { openDatabase } from "../../src/catalog/database.ts";
import { migrate, readMigrations } from "../../src/catalog/migrations.ts";
import { library, thrownBy } from "./fixture.ts";

const FIRST = { version: 1, sql: "CREATE TABLE a (id INTEGER PRIMARY KEY); INSERT INTO a VALUES (1);" };

describe("migrations", () => {
  test("run once, in order, and leave their number as user_version", () => {
    using shelf = library();
    const db = openDatabase(shelf.path);
    const second = { version: 2, sql: "CREATE TABLE b (a INTEGER REFERENCES a (id)); INSERT INTO b VALUES (1);" };
    expect(migrate(db, [FIRST])).toBe(1);
    expect(db.pragma("user_version", { simple: true })).toBe(1);
    expect(migrate(db, [FIRST, second])).toBe(1);
    expect(migrate(db, [FIRST, second])).toBe(0);
    expect(db.pragma("user_version", { simple: true })).toBe(2);
    expect(db.pragma("foreign_keys", { simple: true })).toBe(1);
    db.close();
  });

  test.each([
    ["fails half-way", "CREATE TABLE b (c); INSERT INTO nowhere VALUES (1);"],
    ["leaves a reference to nothing", "CREATE TABLE b (a INTEGER REFERENCES a (id)); INSERT INTO b VALUES (7);"],
  ])("one that %s leaves the version before it", (_, sql) => {
    using shelf = library();
    const db = openDatabase(shelf.path);
    expect(() => migrate(db, [FIRST, { version: 2, sql }])).toThrow();
    expect(db.pragma("user_version", { simple: true })).toBe(1);
    expect(db.prepare("SELECT name FROM sqlite_schema").pluck().all()).toEqual(["a"]);
    expect(db.pragma("foreign_keys", { simple: true })).toBe(1);
    db.close();
  });

  test("come from a folder without gaps", () => {
    using shelf = library();
    const folder = join(shelf.folder, "migrations");
    const url = pathToFileURL(`${folder}/`);
    expect(thrownBy(() => readMigrations(url)).code).toBe("INSTALL_INCOMPLETE");
    mkdirSync(folder);
    expect(thrownBy(() => readMigrations(url)).code).toBe("INSTALL_INCOMPLETE");
    writeFileSync(join(folder, "0001-first.sql"), "SELECT 1;");
    writeFileSync(join(folder, "0003-third.sql"), "SELECT 3;");
    writeFileSync(join(folder, "README.md"), "not a step");
    expect(thrownBy(() => readMigrations(url)).code).toBe("INSTALL_INCOMPLETE");
    writeFileSync(join(folder, "0002-second.sql"), "SELECT 2;");
    expect(readMigrations(url).map(({ version, sql }) => [version, sql])).toEqual([
      [1, "SELECT 1;"],
      [2, "SELECT 2;"],
      [3, "SELECT 3;"],
    ]);
  });
});
