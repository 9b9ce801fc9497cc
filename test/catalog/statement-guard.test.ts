import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import type { Logger } from "../../src/base/logger.ts";
import { openDatabase } from "../../src/catalog/database.ts";
import { catalogOver, type SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import { guardStatements } from "../../src/catalog/statement-guard.ts";
import { jobOf, library, put, releaseOf, thrownBy } from "./fixture.ts";

/** Fills the page at the root of a table or index with rubbish. */
function spoil(path: string, name: string): void {
  const db = openDatabase(path);
  const page = Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").pluck().get(name));
  const size = Number(db.pragma("page_size", { simple: true }));
  db.close();
  expect(page).toBeGreaterThan(1);
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0xee, (page - 1) * size, page * size));
}

test.each<[string, string, (catalog: SqliteCatalog) => unknown]>([
  ["the next fetch", "job_fetchable", ({ jobs }) => jobs.nextFetch(new Set())],
  [
    "the files of a completed job",
    "completed_entry",
    ({ jobs, completed }) => completed.entries(jobs.list({ limit: 1 })[0]?.id as never, "", undefined, 10),
  ],
  ["what nobody refers to any more", "content_unowned", ({ drops }) => drops.remove("f")],
])("damage that is met while rows are read one by one is CATALOG_UNUSABLE, logged once: %s", (_, table, read) => {
  using shelf = library();
  const sound = shelf.open();
  const { job } = sound.jobs.add(jobOf());
  sound.jobs.claim();
  sound.addRelease(releaseOf({ job: job.id }));
  sound.jobs.addFetch({ url: "https://a.example/1", name: "a", category: "tv", passwords: [] });
  put(sound, "f", "f", sound.drops);
  sound[Symbol.dispose]();
  spoil(shelf.path, table);

  const logged: string[] = [];
  const log = { error: (_: unknown, message: string) => logged.push(message) } as unknown as Logger;
  const db = openDatabase(shelf.path);
  guardStatements(db, log);
  using catalog = catalogOver(db, shelf);
  for (let times = 0; times < 2; times += 1) {
    const error = thrownBy(() => read(catalog));
    expect(error).toMatchObject({ code: "CATALOG_UNUSABLE", message: expect.stringContaining("the file is damaged") });
    expect(error.hint).toContain("restore a backup");
  }
  expect(logged).toEqual([expect.stringContaining("the file is damaged")]);
  expect(thrownBy(() => catalog.jobs.add(jobOf({ digest: "d2" }))).code).toBe("CATALOG_UNUSABLE");
});
