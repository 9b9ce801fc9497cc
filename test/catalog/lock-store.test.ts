import { describe, expect, test } from "@jest/globals";
import type { StoredLock } from "../../src/catalog/lock-store.ts";
import { LockTable } from "../../src/webdav/lock-table.ts";
import { library } from "./fixture.ts";

const LOCK: StoredLock = {
  token: "urn:uuid:1",
  path: ["library", "movies", "Zoë — 日本語 #1 100% & <x>"],
  depth: "infinity",
  scope: "shared",
  owner: '<D:owner xmlns:D="DAV:">Zoë &amp; co</D:owner>',
  user: "anna",
  timeoutS: 600,
  expiresAt: 1_767_225_600_000,
};

describe("stored locks", () => {
  test("are there after the catalog was closed and opened again, whatever they hold", () => {
    using lib = library();
    const root: StoredLock = { ...LOCK, token: "urn:uuid:2", path: [], depth: "0", scope: "exclusive", owner: "" };
    const { locks } = lib.open();
    locks.save(LOCK);
    locks.save(root);
    expect(lib.reopen().locks.load()).toEqual([LOCK, root]);
  });

  test("are replaced by a lock with the same token", () => {
    using lib = library();
    lib.open().locks.save(LOCK);
    const refreshed = { ...LOCK, timeoutS: 60, expiresAt: LOCK.expiresAt + 60_000 };
    const { locks } = lib.reopen();
    locks.save(refreshed);
    expect(locks.load()).toEqual([refreshed]);
  });

  test("are deleted by their tokens, one or many, and no others", () => {
    using lib = library();
    const { locks } = lib.open();
    for (const token of ["a", "b", "c"]) locks.save({ ...LOCK, token });
    locks.delete(["a", "c", "none"]);
    locks.delete([]);
    expect(lib.reopen().locks.load()).toEqual([{ ...LOCK, token: "b" }]);
  });

  test("are what a table of locks begins with, though the clock gives fractions of milliseconds", () => {
    using lib = library();
    const wish = { path: ["a", "b"], depth: "0", scope: "exclusive", owner: "", user: "anna", timeoutS: 600 } as const;
    lib.clock.advance(0.25);
    const outcome = new LockTable(lib.open().locks, lib.clock).grant(wish);
    const table = new LockTable(lib.reopen().locks, lib.clock);
    expect(table.covering(["a", "b"]).map(({ token }) => token)).toEqual([
      outcome.kind === "granted" ? outcome.lock.token : "none",
    ]);
    lib.clock.advance(601_000);
    expect(new LockTable(lib.reopen().locks, lib.clock).covering(["a", "b"])).toEqual([]);
  });
});
