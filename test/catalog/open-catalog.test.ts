import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { openDatabase } from "../../src/catalog/database.ts";
import { migrate, readMigrations } from "../../src/catalog/migrations.ts";
import { catalogOver, openCatalog } from "../../src/catalog/open-catalog.ts";
import { loadSqlite } from "../../src/catalog/sqlite.ts";
import { evenPost, fileOf, jobOf, library, releaseOf, seeded, thrownBy, wholePost } from "./fixture.ts";

const require = createRequire(import.meta.url);

describe("a library's file", () => {
  test("is made on first use, readable by its owner only, and has an empty root", () => {
    using shelf = library();
    const catalog = shelf.open();
    expect(statSync(shelf.path).mode & 0o777).toBe(0o600);
    expect(catalog.find("")).toEqual({
      id: 1,
      kind: "folder",
      name: "",
      size: 0,
      createdAt: shelf.clock.wall(),
      modifiedAt: shelf.clock.wall(),
      contentTag: "",
      isSidecar: false,
      properties: undefined,
      job: undefined,
    });
    expect(catalog.list("", undefined, 10)).toEqual([]);
    expect(catalog.stats()).toEqual({ files: 0, releases: 0, segments: 0, bytes: 0 });
  });

  test("keeps everything over a restart, and passes SQLite's integrity check", () => {
    using shelf = library();
    const first = shelf.open();
    first.addRelease(releaseOf());
    const { job } = first.jobs.add(jobOf({ passwords: ["päss"] }));
    const before = [
      first.find("movies/Film/film.mkv"),
      first.stats(),
      first.jobs.get(job.id),
      first.jobs.source(job.id),
    ];
    shelf.clock.advance(60_000);
    const second = shelf.reopen();
    expect([
      second.find("movies/Film/film.mkv"),
      second.stats(),
      second.jobs.get(job.id),
      second.jobs.source(job.id),
    ]).toEqual(before);
    second[Symbol.dispose]();
    const db = openDatabase(shelf.path);
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(db.pragma("foreign_key_check")).toEqual([]);
    db.close();
  });

  test("may be closed twice", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog[Symbol.dispose]();
    expect(() => catalog[Symbol.dispose]()).not.toThrow();
  });

  test("that a killed process leaves behind holds all it acknowledged, even with a torn log", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(releaseOf());
    const { size } = statSync(`${shelf.path}-wal`);
    catalog.addRelease(releaseOf({ name: "Second", digest: "d2" }));
    const [whole, torn] = [join(shelf.folder, "whole.db"), join(shelf.folder, "torn.db")];
    for (const copy of [whole, torn]) {
      copyFileSync(shelf.path, copy);
      copyFileSync(`${shelf.path}-wal`, `${copy}-wal`);
    }
    truncateSync(`${torn}-wal`, size + 100);
    using afterKill = openCatalog({ path: whole, clock: shelf.clock });
    expect(afterKill.isMigrated()).toBe(true);
    expect(afterKill.list("movies", undefined, 10).map(({ name }) => name)).toEqual(["Film", "Second"]);
    using afterPowerCut = openCatalog({ path: torn, clock: shelf.clock });
    expect(afterPowerCut.list("movies", undefined, 10).map(({ name }) => name)).toEqual(["Film"]);
    expect(afterPowerCut.addRelease(releaseOf({ name: "Second", digest: "d2" })).isNew).toBe(true);
  });

  test("is proved writable by writing", () => {
    using shelf = library();
    const catalog = shelf.open();
    const before = readFileSync(`${shelf.path}-wal`);
    catalog.checkWritable();
    expect(readFileSync(`${shelf.path}-wal`).equals(before)).toBe(false);
    catalog[Symbol.dispose]();
    expect(() => catalog.checkWritable()).toThrow();
  });
});

describe("a file that cannot be used", () => {
  test("because a newer program wrote it is refused in a sentence that names both versions, and left as it was", () => {
    using shelf = library();
    shelf.open()[Symbol.dispose]();
    const db = openDatabase(shelf.path);
    db.pragma("user_version = 99");
    db.close();
    const error = thrownBy(() => shelf.open());
    expect(error.code).toBe("SCHEMA_NEWER");
    expect(error.message).toContain("has schema version 99");
    expect(error.message).toContain(`only versions up to ${readMigrations().length}`);
    expect(error.hint).toMatch(/newer Newsreel|restore/);
    const again = openDatabase(shelf.path);
    expect(again.pragma("user_version", { simple: true })).toBe(99);
    again.close();
  });

  test.each([
    ["is no database", "it is not a database", (path: string) => writeFileSync(path, "not a database. ".repeat(1000))],
    [
      "is damaged",
      "the file is damaged",
      (path: string) => {
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.fill(0xee, 100, 4096));
      },
    ],
    ["was cut short", "the file is damaged", (path: string) => truncateSync(path, 4096 * 2)],
  ])("because it %s is refused with advice, and not changed", (_, sentence, spoil) => {
    using shelf = library();
    shelf.open()[Symbol.dispose]();
    spoil(shelf.path);
    const before = readFileSync(shelf.path);
    const error = thrownBy(() => shelf.open());
    expect(error).toMatchObject({ code: "CONFIG_INVALID", hint: expect.stringContaining("restore a backup") });
    expect(error.message).toBe(`cannot open the catalog ${shelf.path}: ${sentence}`);
    expect(readFileSync(shelf.path).equals(before)).toBe(true);
  });

  test("because it belongs to another program is refused", () => {
    using shelf = library();
    const foreign = new (loadSqlite())(shelf.path);
    foreign.exec("CREATE TABLE theirs (a)");
    foreign.close();
    const error = thrownBy(() => shelf.open());
    expect(error).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("database of another program"),
    });
  });

  test("because its folder is missing, is a file, or the path is a folder says which", () => {
    using shelf = library();
    writeFileSync(join(shelf.folder, "plain"), "");
    const open = (path: string) => thrownBy(() => openCatalog({ path: join(shelf.folder, path), clock: shelf.clock }));
    expect(open("missing/catalog.db")).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("folder does not exist"),
    });
    expect(open("plain/catalog.db")).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("folder does not exist"),
    });
    expect(open(".")).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining("cannot be written") });
  });

  test("because its folder may not be written says so", () => {
    using shelf = library();
    const folder = join(shelf.folder, "locked");
    mkdirSync(folder, { mode: 0o500 });
    chmodSync(shelf.folder, 0o755);
    chmodSync(folder, 0o555);
    const error = asOrdinaryUser(() =>
      thrownBy(() => openCatalog({ path: join(folder, "catalog.db"), clock: shelf.clock })),
    );
    expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining("cannot be written") });
    expect(error.hint).toContain("user that runs Newsreel");
  });

  test("because it may only be read says so", () => {
    using shelf = library();
    shelf.open()[Symbol.dispose]();
    chmodSync(shelf.folder, 0o755);
    chmodSync(shelf.path, 0o444);
    const error = asOrdinaryUser(() => thrownBy(() => shelf.open()));
    expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining("cannot be written") });
  });

  test("because this process has it open is refused, and the first stays usable", () => {
    using shelf = library();
    const first = shelf.open();
    const error = thrownBy(() => openCatalog({ path: shelf.path, clock: shelf.clock }));
    expect(error).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("another process has it open"),
    });
    expect(error.hint).toContain("dataDir");
    expect(first.addRelease(releaseOf()).isNew).toBe(true);
  });

  test("because another process has it open is refused until that process ends", async () => {
    using shelf = library();
    shelf.open()[Symbol.dispose]();
    const script = `
      const db = new (require(process.argv[1]))(process.argv[2]);
      db.pragma("locking_mode = EXCLUSIVE");
      db.exec("BEGIN EXCLUSIVE; COMMIT");
      process.stdout.write("held");
      setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ["-e", script, require.resolve("better-sqlite3"), shelf.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const gone = once(holder, "exit");
    try {
      await once(holder.stdout, "data");
      expect(thrownBy(() => shelf.open()).message).toContain("another process has it open");
    } finally {
      holder.kill("SIGKILL");
      await gone;
    }
    expect(shelf.open().find("")?.id).toBe(1);
  });

  test("keeps other processes out while it is open", async () => {
    using shelf = library();
    shelf.open();
    const script = `
      try { new (require(process.argv[1]))(process.argv[2], { timeout: 0 }).prepare("SELECT * FROM entry").all(); }
      catch (error) { process.stdout.write(error.code); }`;
    const other = spawn(process.execPath, ["-e", script, require.resolve("better-sqlite3"), shelf.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [[answer]] = await Promise.all([once(other.stdout, "data"), once(other, "exit")]);
    expect(String(answer)).toBe("SQLITE_BUSY");
  });
});

describe("a full disk", () => {
  test("is DISK_FULL with advice; nothing of the release remains, and it can be added once there is room", () => {
    using shelf = library();
    const db = openDatabase(shelf.path);
    migrate(db, readMigrations());
    using catalog = catalogOver(db, { clock: shelf.clock });
    const pages = db.pragma("page_count", { simple: true }) as number;
    db.pragma(`max_page_count = ${pages + 20}`);
    const posts = [evenPost(seeded(2), 20_000)];
    const release = releaseOf({ posts, files: [fileOf("film.mkv", [wholePost(posts, 0)])] });
    const error = thrownBy(() => catalog.addRelease(release));
    expect(error).toMatchObject({ code: "DISK_FULL", hint: expect.stringContaining("Make room") });
    expect(catalog.list("", undefined, 10)).toEqual([]);
    expect(catalog.stats()).toEqual({ files: 0, releases: 0, segments: 0, bytes: 0 });
    expect(thrownBy(() => catalog.jobs.add(jobOf({ nzb: new Uint8Array(200_000) }))).code).toBe("DISK_FULL");
    expect(catalog.jobs.counts().queued).toBe(0);
    db.pragma("max_page_count = 1000000");
    expect(catalog.addRelease(release).isNew).toBe(true);
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
  });
});

describe("an incomplete install", () => {
  test("without the native half of better-sqlite3 says what to install", () => {
    using shelf = library();
    const modules = join(shelf.folder, "node_modules");
    const from = dirname(require.resolve("better-sqlite3/package.json"));
    for (const part of ["package.json", "lib"])
      cpSync(join(from, part), join(modules, "better-sqlite3", part), { recursive: true });
    for (const name of ["bindings", "file-uri-to-path"]) symlinkSync(join(from, "..", name), join(modules, name));
    const error = thrownBy(() => loadSqlite(pathToFileURL(join(shelf.folder, "index.js"))));
    expect(error.code).toBe("INSTALL_INCOMPLETE");
    expect(error.hint).toMatch(
      /prebuilt.*python3, make and a C\+\+ compiler.*apt-get install python3 make g\+\+.*npm ci/s,
    );
  });

  test("without better-sqlite3 at all says so too", () => {
    using shelf = library();
    const error = thrownBy(() => loadSqlite(pathToFileURL(join(shelf.folder, "index.js"))));
    expect(error).toMatchObject({
      code: "INSTALL_INCOMPLETE",
      message: expect.stringContaining("cannot load better-sqlite3"),
    });
  });
});

/** Root may write anything, so a test of permissions steps down for as long as it opens. */
function asOrdinaryUser<T>(call: () => T): T {
  if (process.geteuid?.() !== 0) return call();
  process.seteuid?.(65_534);
  try {
    return call();
  } finally {
    process.seteuid?.(0);
  }
}
