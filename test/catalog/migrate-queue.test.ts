import { expect, test } from "@jest/globals";
import { openDatabase } from "../../src/catalog/database.ts";
import { migrate, readMigrations } from "../../src/catalog/migrations.ts";
import { jobOf, type Library, library } from "./fixture.ts";

const STATES = ["queued", "waiting", "importing", "completed", "failed", "paused", "cancelled"] as const;

/** A queue of before it had an order of its own: one job of each state, and a dropped file that became one. */
function oldQueue(shelf: Library): void {
  const db = openDatabase(shelf.path);
  expect(migrate(db, readMigrations().slice(0, 6))).toBe(6);
  const insert = db.prepare(
    `INSERT INTO job (id, state, name, category, digest, progress, reason, error, hint, attempts, not_before, created_at, updated_at, superseded)
     VALUES (?, ?, ?, 'movies', ?, 0.5, 'r', 'e', 'h', 2, ?, ?, ?, ?)`,
  );
  STATES.forEach((state, index) => {
    const notBefore = state === "waiting" ? 77 : null;
    insert.run(
      `00000000${index}abcdef`,
      state,
      `ÄRGER ${index}`,
      `d${index}`,
      notBefore,
      index,
      1000 + index,
      state === "completed" ? 1 : 0,
    );
    db.prepare("INSERT INTO job_source VALUES (?, ?, '[\"pw\"]')").run(`00000000${index}abcdef`, Buffer.from([index]));
  });
  db.exec("INSERT INTO entry (id, parent, name, kind, created_at, modified_at) VALUES (-2, NULL, '', 'folder', 0, 0)");
  db.exec(
    "INSERT INTO entry (id, parent, name, kind, created_at, modified_at, job) VALUES (9, -2, 'a.nzb', 'file', 1, 1, '000000000abcdef')",
  );
  db.close();
}

test("a queue of before has all its jobs: state, NZB, words and times, in the order of age", () => {
  using shelf = library();
  oldQueue(shelf);
  const catalog = shelf.open();
  const { jobs } = catalog;
  const all = jobs.list({ limit: 99 }).toReversed();
  expect(all.map(({ state }) => state)).toEqual(STATES);
  all.forEach((job, index) => {
    const isOver = ["completed", "failed", "cancelled"].includes(job.state);
    expect(job).toEqual({
      id: `00000000${index}abcdef`,
      state: STATES[index],
      name: `ÄRGER ${index}`,
      nzbName: undefined,
      category: "movies",
      digest: `d${index}`,
      priority: "normal",
      rank: index,
      bytes: 0,
      fetchFrom: undefined,
      progress: 0.5,
      reason: "r",
      error: "e",
      errorCode: undefined,
      hint: "h",
      release: undefined,
      attempts: 2,
      notBefore: job.state === "waiting" ? 77 : undefined,
      createdAt: index,
      updatedAt: 1000 + index,
      startedAt: undefined,
      endedAt: isOver ? 1000 + index : undefined,
      isArchived: false,
      isDropped: index === 0,
      mergedInto: undefined,
    });
    expect(jobs.source(job.id)).toEqual({ nzb: Buffer.from([index]), passwords: ["pw"] });
  });
  expect(jobs.counts()).toEqual(Object.fromEntries(STATES.map((state) => [state, 1])));
  expect(jobs.list({ search: "ärger 3", limit: 9 }).map(({ state }) => state)).toEqual(["completed"]);
  expect(jobs.queue({ limit: 9 }).map(({ state }) => state)).toEqual(["importing", "queued", "waiting", "paused"]);
  expect([jobs.isPaused, jobs.nextDue(), jobs.recentDurations(9)]).toEqual([false, 77, []]);
  expect(catalog.completed.categories()).toEqual([]);
  expect(catalog.drops.find("a.nzb")?.job).toBe("000000000abcdef");
  expect(catalog.drops.hasJob(all[0]?.id as never)).toBe(true);
});

test("a queue of before goes on: old jobs are claimed first, living ones are found, one that was superseded is not", () => {
  using shelf = library();
  oldQueue(shelf);
  const { jobs } = shelf.open();
  expect(jobs.recover()).toBe(1);
  expect(jobs.add(jobOf({ digest: "d0" })).isNew).toBe(false);
  expect(jobs.add(jobOf({ digest: "d3" })).isNew).toBe(true);
  const claimed: unknown[] = [];
  for (let job = jobs.claim(); job !== undefined; job = jobs.claim()) claimed.push(job.digest);
  expect(claimed).toEqual(["d0", "d1", "d2", "d3"]);
});
