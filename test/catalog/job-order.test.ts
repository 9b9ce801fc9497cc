import { describe, expect, test } from "@jest/globals";
import type { Job, JobId, JobPriority, JobState, JobStore } from "../../src/catalog/jobs.ts";
import { jobOf, library, openRows, seeded, thrownBy } from "./fixture.ts";

const HOUR_MS = 3_600_000;

function add(jobs: JobStore, digest: string, priority: JobPriority = "normal"): JobId {
  return jobs.add(jobOf({ digest, name: digest, priority })).job.id;
}

function names(jobs: JobStore): string[] {
  return jobs.queue({ limit: 10_000 }).map(({ name }) => name);
}

function claimAll(jobs: JobStore): string[] {
  const claimed: string[] = [];
  for (let job = jobs.claim(); job !== undefined; job = jobs.claim()) claimed.push(job.name);
  return claimed;
}

describe("the queue", () => {
  test("is served in the order of age, even of jobs of one moment", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const all = Array.from({ length: 20 }, (_, index) => `j${index}`);
    for (const name of all) add(jobs, name);
    expect(names(jobs)).toEqual(all);
    expect(claimAll(jobs)).toEqual(all);
  });

  test("gives each step of priority an hour's head start, so that age wins in the end", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    add(jobs, "low", "low");
    add(jobs, "normal");
    shelf.clock.advance(HOUR_MS - 1000);
    add(jobs, "high", "high");
    expect(names(jobs)).toEqual(["high", "normal", "low"]);
    shelf.clock.advance(2000);
    add(jobs, "high too late", "high");
    add(jobs, "normal too late");
    expect(names(jobs)).toEqual(["high", "normal", "high too late", "low", "normal too late"]);
  });

  test("serves force before all others, however late it comes", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const old = add(jobs, "old", "high");
    shelf.clock.advance(10 * 365 * 24 * HOUR_MS);
    add(jobs, "force", "force");
    jobs.moveTo(old, 0);
    expect(names(jobs)).toEqual(["force", "old"]);
    expect(jobs.claim()?.name).toBe("force");
  });

  test("shows first what is being imported", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const [a, b, c] = ["a", "b", "c"].map((name) => add(jobs, name)) as [JobId, JobId, JobId];
    jobs.update(c, { state: "importing" });
    jobs.update(b, { state: "importing" });
    expect(names(jobs)).toEqual(["b", "c", "a"]);
    expect([b, c, a].map(jobs.positionOf)).toEqual([0, 1, 2]);
    expect(jobs.queue({ skip: 1, limit: 1 }).map(({ id }) => id)).toEqual([c]);
    expect(jobs.queue({ skip: 1, limit: 2 }).map(({ id }) => id)).toEqual([c, a]);
    expect(jobs.queue({ skip: 2, limit: 5 }).map(({ id }) => id)).toEqual([a]);
    expect(jobs.queue({ skip: 3, limit: 5 })).toEqual([]);
    jobs.moveTo(a, 0);
    expect(names(jobs)).toEqual(["b", "c", "a"]);
    expect(jobs.moveTo(b, 2)).toEqual(jobs.get(b));
    expect(names(jobs)).toEqual(["b", "c", "a"]);
  });

  test("keeps the place of a job that is paused, fails, waits or is interrupted", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const [a, b] = ["a", "b", "c"].map((name) => add(jobs, name)) as [JobId, JobId, JobId];
    jobs.moveTo(a, 1);
    const { rank } = jobs.get(a) as Job;
    const steps: JobState[] = ["importing", "failed", "queued", "paused", "queued", "waiting", "importing", "queued"];
    for (const state of steps) expect(jobs.update(a, { state }).rank).toBe(rank);
    expect(names(jobs)).toEqual(["b", "a", "c"]);
    expect(jobs.setPriority(a, "high").rank).toBe((jobs.get(b)?.rank ?? 0) - 1 - HOUR_MS);
    expect(names(jobs)).toEqual(["a", "b", "c"]);
  });
});

describe("the queue's pause", () => {
  test("is durable, and lets only jobs of priority force through", () => {
    using shelf = library();
    let { jobs } = shelf.open();
    add(jobs, "a");
    const waiting = add(jobs, "waiting");
    jobs.update(waiting, { state: "waiting", notBefore: shelf.clock.wall() + 10 });
    expect([jobs.isPaused, jobs.isClaimable(), jobs.nextDue()]).toEqual([false, true, shelf.clock.wall() + 10]);
    jobs.isPaused = true;
    ({ jobs } = shelf.reopen());
    expect([jobs.isPaused, jobs.isClaimable(), jobs.nextDue()]).toEqual([true, false, undefined]);
    shelf.clock.advance(10);
    expect(jobs.claim()).toBeUndefined();
    const forced = add(jobs, "forced", "force");
    expect(jobs.isClaimable()).toBe(true);
    jobs.setPriority(waiting, "force");
    expect(jobs.nextDue()).toBe(shelf.clock.wall());
    expect(claimAll(jobs)).toEqual(["waiting", "forced"]);
    jobs.setPriority(forced, "low");
    jobs.update(forced, { state: "queued" });
    expect(jobs.claim()).toBeUndefined();
    jobs.isPaused = false;
    expect(claimAll(jobs)).toEqual(["a", "forced"]);
  });
});

describe("moveTo", () => {
  test("of a job that has ended is CONFLICT, of none NOT_FOUND; it has no position either", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const id = add(jobs, "a");
    jobs.update(id, { state: "cancelled" });
    expect(thrownBy(() => jobs.moveTo(id, 0)).code).toBe("CONFLICT");
    expect(jobs.positionOf(id)).toBeUndefined();
    expect(thrownBy(() => jobs.moveTo("nope" as JobId, 0)).code).toBe("NOT_FOUND");
    expect(jobs.positionOf("nope" as JobId)).toBeUndefined();
  });

  test("changes one row, unless two neighbours leave no room", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { db, catalog } = rows;
    const { jobs } = catalog;
    const ids = Array.from({ length: 200 }, (_, index) => add(jobs, `j${index}`));
    const changes = (work: () => unknown) => {
      const before = db.prepare<[], number>("SELECT total_changes()").pluck().get() ?? 0;
      work();
      return (db.prepare<[], number>("SELECT total_changes()").pluck().get() ?? 0) - before;
    };
    expect(changes(() => jobs.moveTo(ids[150] as JobId, 3))).toBe(1);
    expect(changes(() => jobs.moveTo(ids[150] as JobId, 3))).toBe(0);
    expect(changes(() => jobs.moveTo(ids[150] as JobId, 9999))).toBe(1);
    const moved = Array.from({ length: 300 }, (_, turn) => changes(() => jobs.moveTo(ids[turn % 150] as JobId, 100)));
    expect(moved.filter((rows) => rows <= 1).length).toBeGreaterThan(250);
    // Those on either side are moved apart, and the one itself is placed.
    expect(Math.max(...moved)).toBeGreaterThan(32);
    expect(moved.reduce((sum, rows) => sum + rows, 0)).toBeLessThan(3000);
    expect(names(jobs)).toHaveLength(200);
  });

  test("works among jobs of one rank, and where all the ranks of a library were made equal", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { jobs } = rows.catalog;
    const ids = Array.from({ length: 90 }, (_, index) => add(jobs, `${index}`));
    rows.db.exec("UPDATE job SET rank = 5");
    const model = [...ids];
    const random = seeded(4);
    for (let turn = 0; turn < 100; turn++) {
      const [id, place] = [random.pick(ids), random.below(90)];
      jobs.moveTo(id, place);
      model.splice(model.indexOf(id), 1);
      model.splice(place, 0, id);
      expect(jobs.queue({ limit: 100 }).map((job) => job.id)).toEqual(model);
    }
  });
});

describe("a queue", () => {
  test.each([1, 2, 3])("does what its model does over random operations, seed %i", (seed) => {
    using shelf = library();
    const random = seeded(seed);
    let { jobs } = shelf.open();
    const model = new Model();

    const operations: Readonly<Record<string, () => void>> = {
      add: () => {
        const priority = random.pick(["low", "normal", "normal", "high", "force"] as const);
        const isPaused = random.below(4) === 0;
        const { job } = jobs.add(jobOf({ digest: random.text(10), name: random.text(5), priority, isPaused }));
        model.insert(job);
      },
      moveTo: () => {
        const job = random.pick(model.jobs);
        if (job === undefined) return;
        const position = random.below(model.jobs.length + 3) - 1;
        jobs.moveTo(job.id, position);
        model.moveTo(job, position);
      },
      // The same place again and again, so that ranks come close.
      crowd: () => {
        for (let turn = 0; turn < 20; turn++) {
          const job = random.pick(model.jobs);
          if (job === undefined) return;
          jobs.moveTo(job.id, 5);
          model.moveTo(job, 5);
        }
      },
      setPriority: () => {
        const job = random.pick(model.jobs);
        if (job !== undefined)
          model.replace(job, jobs.setPriority(job.id, random.pick(["low", "normal", "high", "force"])));
      },
      pause: () => {
        jobs.isPaused = !jobs.isPaused;
      },
      claim: () => {
        const now = shelf.clock.wall();
        const claimed = jobs.claim();
        const isDue = (job: Job) => job.state === "queued" || (job.state === "waiting" && (job.notBefore ?? 0) <= now);
        const wanted = model.jobs.find((job) => isDue(job) && (!jobs.isPaused || job.priority === "force"));
        expect(claimed?.id).toBe(wanted?.id);
        if (wanted !== undefined && claimed !== undefined) model.changed(wanted, claimed);
      },
      change: () => {
        const job = random.pick(model.jobs);
        if (job === undefined) return;
        const state = random.pick(["queued", "waiting", "paused", "cancelled"] as const);
        const isLegal = job.state !== "paused" || state !== "waiting";
        if (!isLegal) return;
        const patch = state === "waiting" ? { state, notBefore: shelf.clock.wall() + random.below(50) } : { state };
        model.changed(job, jobs.update(job.id, patch));
      },
      remove: () => {
        const job = random.pick(model.jobs);
        if (job === undefined || random.below(3) > 0) return;
        expect(jobs.remove(job.id)).toBe(true);
        model.jobs.splice(model.jobs.indexOf(job), 1);
      },
      restart: () => {
        if (random.below(5) === 0) ({ jobs } = shelf.reopen());
      },
    };

    for (let job = 0; job < 25; job++) operations["add"]?.();
    for (let step = 0; step < 400; step++) {
      shelf.clock.advance(random.below(3) * random.below(2_000_000));
      random.pick(Object.values(operations))();
      model.refresh(jobs);
      const ids = model.jobs.map(({ id }) => id);
      expect(jobs.queue({ limit: 1000 }).map(({ id }) => id)).toEqual(ids);
      if (ids.length === 0) continue;
      const at = random.below(ids.length);
      expect(jobs.positionOf(ids[at] as JobId)).toBe(at);
      expect(jobs.queue({ skip: at, limit: 3 }).map(({ id }) => id)).toEqual(ids.slice(at, at + 3));
      const ready = model.jobs.filter((job) => job.state === "queued" && (!jobs.isPaused || job.priority === "force"));
      expect(jobs.isClaimable()).toBe(ready.length > 0);
    }
    expect(model.jobs.length).toBeGreaterThan(10);
  });
});

/** The queue as a list: what is imported, then force, then the others. */
class Model {
  readonly jobs: Job[] = [];

  #group(job: Job): number {
    if (job.state === "importing") return 0;
    return job.priority === "force" ? 1 : 2;
  }

  #start(group: number): number {
    return this.jobs.filter((job) => this.#group(job) < group).length;
  }

  /** Ranks are the store's own business: what counts is the order they make. */
  refresh(jobs: JobStore): void {
    for (const [index, { id }] of this.jobs.entries()) this.jobs[index] = jobs.get(id) as Job;
  }

  /** By its rank. */
  insert(job: Job): void {
    const isAfter = (other: Job) =>
      this.#group(other) > this.#group(job) ||
      (this.#group(other) === this.#group(job) &&
        (other.rank > job.rank || (other.rank === job.rank && other.id > job.id)));
    const at = this.jobs.findIndex(isAfter);
    this.jobs.splice(at < 0 ? this.jobs.length : at, 0, job);
  }

  replace(job: Job, by: Job): void {
    this.jobs.splice(this.jobs.indexOf(job), 1);
    this.insert(by);
  }

  changed(job: Job, by: Job): void {
    if (by.state === "cancelled") this.jobs.splice(this.jobs.indexOf(job), 1);
    else if ((by.state === "importing") === (job.state === "importing")) this.jobs[this.jobs.indexOf(job)] = by;
    else this.replace(job, by);
  }

  moveTo(job: Job, position: number): void {
    const group = this.#group(job);
    if (group === 0) return;
    this.jobs.splice(this.jobs.indexOf(job), 1);
    const [start, end] = [this.#start(group), this.#start(group + 1)];
    this.jobs.splice(Math.min(end, Math.max(start, position)), 0, job);
  }
}
