import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { jobIds } from "../../src/catalog/job-id.ts";
import { LEGAL_MOVES } from "../../src/catalog/job-moves.ts";
import type { Job, JobId, JobState } from "../../src/catalog/jobs.ts";
import { jobIn, jobOf, library, noJobs, releaseOf, thrownBy } from "./fixture.ts";

const STATES = Object.keys(LEGAL_MOVES) as JobState[];

describe("add", () => {
  test("queues a job durably, its NZB and passwords apart", () => {
    using shelf = library();
    const nzb = gzipSync("<nzb/>".repeat(1000));
    const wish = { nzb, passwords: ["one", "two \u{1f511}"], nzbName: "Film {{x}}.nzb", bytes: 123_456_789_012 };
    const { job, isNew } = shelf.open().jobs.add(jobOf({ ...wish, priority: "high" }));
    expect(isNew).toBe(true);
    expect(job).toEqual({
      id: job.id,
      state: "queued",
      name: "Film",
      nzbName: "Film {{x}}.nzb",
      category: "movies",
      digest: "d1",
      priority: "high",
      rank: shelf.clock.wall() - 3_600_000,
      bytes: 123_456_789_012,
      fetchFrom: undefined,
      progress: 0,
      reason: undefined,
      error: undefined,
      errorCode: undefined,
      hint: undefined,
      release: undefined,
      attempts: 0,
      notBefore: undefined,
      createdAt: shelf.clock.wall(),
      updatedAt: shelf.clock.wall(),
      startedAt: undefined,
      endedAt: undefined,
      isArchived: false,
      isDropped: false,
      mergedInto: undefined,
    });
    const { jobs } = shelf.reopen();
    expect(jobs.get(job.id)).toEqual(job);
    expect(jobs.source(job.id)).toEqual({ nzb, passwords: ["one", "two \u{1f511}"] });
  });

  test("remembers durably that only dropped files ask for a job, until somebody else does", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const dropped = { ...jobOf(), isDropped: true } as const;
    const { job } = jobs.add(dropped);
    expect(job.isDropped).toBe(true);
    expect(jobs.add(dropped)).toEqual({ job, isNew: false });
    expect(shelf.reopen().jobs.get(job.id)).toEqual(job);
    const again = shelf.reopen().jobs;
    expect(again.add(jobOf())).toEqual({ job: { ...job, isDropped: false }, isNew: false });
    expect(again.add(dropped).job.isDropped).toBe(false);
    expect(shelf.reopen().jobs.get(job.id)?.isDropped).toBe(false);
    expect(shelf.reopen().jobs.add(jobOf({ digest: "d2" })).job.isDropped).toBe(false);
  });

  test.each(STATES)("of a post that is %s already gives that job, unless it failed or was cancelled", (state) => {
    using shelf = library();
    const catalog = shelf.open();
    const { jobs } = catalog;
    const first = jobIn(jobs, state === "completed" ? "importing" : state, "d1");
    if (state === "completed") catalog.addRelease(releaseOf({ job: first }));
    const { job, isNew } = jobs.add(jobOf());
    const isOver = state === "failed" || state === "cancelled";
    expect(isNew).toBe(isOver);
    expect(job.id === first).toBe(!isOver);
    expect(job.state).toBe(isOver ? "queued" : state);
    expect(jobs.add(jobOf())).toEqual({ job, isNew: false });
  });

  test("of one post a thousand times is one job", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const { id } = jobs.add(jobOf()).job;
    for (let time = 1; time < 1000; time++) {
      const whenCompleted = time % 2 === 0 ? "a new job" : "the same job";
      expect(jobs.add(jobOf({ whenCompleted }))).toMatchObject({ isNew: false, job: { id } });
    }
    expect(jobs.counts()).toEqual({ ...noJobs(), queued: 1 });
  });

  test("of a completed post gives a new job where that is asked for, and the old one stays in history", () => {
    using shelf = library();
    const catalog = shelf.open();
    const { jobs } = catalog;
    const first = jobIn(jobs, "importing", "d1");
    const { id: release } = catalog.addRelease(releaseOf({ job: first }));
    const second = jobs.add(jobOf({ whenCompleted: "a new job" }));
    expect(second).toMatchObject({ isNew: true, job: { state: "queued" } });
    expect(jobs.add(jobOf())).toMatchObject({ isNew: false, job: { id: second.job.id } });
    jobs.claim();
    expect(catalog.addRelease(releaseOf({ job: second.job.id }))).toMatchObject({ id: release, isNew: false });
    expect(jobs.list({ states: ["completed"], limit: 9 }).map((job) => [job.id, job.release])).toEqual([
      [second.job.id, release],
      [first, release],
    ]);
    expect(jobs.add(jobOf())).toMatchObject({ isNew: false, job: { id: second.job.id } });
  });

  test("of a job that is to wait for somebody makes it paused", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    expect(jobs.add(jobOf({ isPaused: true })).job.state).toBe("paused");
    expect(jobs.claim()).toBeUndefined();
    expect(jobs.counts()).toEqual({ ...noJobs(), paused: 1 });
  });

  test("of the same post for another category is another job", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const first = jobs.add(jobOf());
    const second = jobs.add(jobOf({ category: "tv" }));
    expect(second.isNew).toBe(true);
    expect(second.job.id).not.toBe(first.job.id);
  });
});

describe("job ids", () => {
  test("are short, fit for a URL, and sort by creation even when the clock stands still or goes back", () => {
    using shelf = library();
    let { jobs } = shelf.open();
    const ids: string[] = [];
    for (let index = 0; index < 60; index++) {
      if (index % 7 === 0) shelf.clock.advance(-5000);
      if (index % 11 === 0) shelf.clock.advance(50_000);
      if (index % 20 === 0) jobs = shelf.reopen().jobs;
      ids.push(jobs.add(jobOf({ digest: `d${index}` })).job.id);
    }
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(60);
    for (const id of ids) expect(id).toMatch(/^[0-9a-z]{15}$/);
  });

  test("begin at the time of the first", () => {
    const next = jobIds(undefined);
    expect(Number.parseInt(next(1_700_000_000_123.7).slice(0, 9), 36)).toBe(1_700_000_000_123);
  });
});

describe("moves", () => {
  test.each(STATES.flatMap((from) => STATES.map((to) => [from, to] as const)))(
    "from %s to %s follow the table",
    (from, to) => {
      using shelf = library();
      const { jobs } = shelf.open();
      const id = jobIn(jobs, from, "d1");
      const before = jobs.get(id);
      if (from === to || LEGAL_MOVES[from].includes(to)) {
        expect(jobs.update(id, { state: to }).state).toBe(to);
        expect(jobs.counts()).toEqual({ ...noJobs(), [to]: 1 });
      } else {
        const error = thrownBy(() => jobs.update(id, { state: to }));
        expect(error).toMatchObject({ code: "CONFLICT", message: `job ${id} is ${from} and cannot become ${to}` });
        expect(jobs.get(id)).toEqual(before);
        expect(jobs.counts()).toEqual({ ...noJobs(), [from]: 1 });
      }
    },
  );

  test("back into life are refused while another job imports the same post", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const old = jobIn(jobs, "failed", "d1");
    jobs.add(jobOf());
    expect(thrownBy(() => jobs.update(old, { state: "queued" })).code).toBe("CONFLICT");
    expect(jobs.get(old)?.state).toBe("failed");
    expect(jobs.counts()).toEqual({ ...noJobs(), failed: 1, queued: 1 });
  });

  test("leave behind what only the last state meant", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const id = jobIn(jobs, "importing", "d1");
    jobs.update(id, { progress: 0.5, reason: "probing 3 of 9" });
    shelf.clock.advance(60);
    const error = { error: "articles are missing", errorCode: "ARTICLE_MISSING", hint: "Try another post." };
    const failed = jobs.update(id, { state: "failed", ...error });
    expect(failed).toMatchObject({
      reason: undefined,
      error: "articles are missing",
      errorCode: "ARTICLE_MISSING",
      startedAt: shelf.clock.wall() - 60,
      endedAt: shelf.clock.wall(),
      hint: "Try another post.",
      progress: 0.5,
    });
    jobs.archive(id);
    const queued = jobs.update(id, { state: "queued" });
    const forgotten = {
      error: undefined,
      errorCode: undefined,
      hint: undefined,
      endedAt: undefined,
      isArchived: false,
      isDropped: false,
      mergedInto: undefined,
    };
    expect(queued).toMatchObject({ ...forgotten, progress: 0, attempts: 1, rank: failed.rank });
    expect(queued.startedAt).toBe(failed.startedAt);
  });
});

describe("update", () => {
  test("changes what the patch names, and only that", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const id = jobIn(jobs, "importing", "d1");
    shelf.clock.advance(5000);
    const before = jobs.get(id) as Job;
    const after = jobs.update(id, { progress: 0.25, reason: "mapping archives", notBefore: 5, error: "e", hint: "h" });
    expect(after).toEqual({
      ...before,
      progress: 0.25,
      reason: "mapping archives",
      notBefore: 5,
      error: "e",
      hint: "h",
      updatedAt: shelf.clock.wall(),
    });
    expect(jobs.get(id)).toEqual(after);
    const cleared = jobs.update(id, { reason: null, notBefore: null, error: null, hint: null });
    expect(cleared).toEqual({ ...after, reason: undefined, notBefore: undefined, error: undefined, hint: undefined });
    expect(jobs.get(id)).toEqual(cleared);
  });

  test("keeps progress between nothing and all", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const id = jobIn(jobs, "importing", "d1");
    expect(jobs.update(id, { progress: 1.0001 }).progress).toBe(1);
    expect(jobs.update(id, { progress: -3 }).progress).toBe(0);
  });

  test("of a job that is not there is NOT_FOUND, and so is its source", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    expect(thrownBy(() => jobs.update("nope" as JobId, {})).code).toBe("NOT_FOUND");
    expect(thrownBy(() => jobs.source("nope" as JobId)).code).toBe("NOT_FOUND");
    expect(jobs.get("nope")).toBeUndefined();
  });
});

describe("claim", () => {
  test("of an empty queue gives nothing", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    for (const state of ["importing", "completed", "failed", "paused", "cancelled"] as const) jobIn(jobs, state, state);
    expect(jobs.claim()).toBeUndefined();
    expect(jobs.claim()).toBeUndefined();
  });

  test("takes the oldest job that is queued or whose time has come, once, and counts the attempt", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const [a, b, c, d] = ["a", "b", "c", "d"].map((digest) => jobIn(jobs, "queued", digest)) as [
      JobId,
      JobId,
      JobId,
      JobId,
    ];
    jobs.update(a, { state: "waiting", notBefore: shelf.clock.wall() + 1000, reason: "no provider answers" });
    jobs.update(c, { state: "waiting", notBefore: shelf.clock.wall() });
    expect(jobs.nextDue()).toBe(shelf.clock.wall());
    expect(jobs.claim()).toMatchObject({ id: b, state: "importing", attempts: 1 });
    expect(jobs.claim()).toMatchObject({ id: c, notBefore: undefined });
    shelf.clock.advance(1000);
    expect(jobs.claim()).toMatchObject({ id: a, reason: undefined });
    expect(jobs.claim()).toMatchObject({ id: d });
    expect(jobs.claim()).toBeUndefined();
    jobs.update(b, { state: "queued" });
    expect(jobs.claim()).toMatchObject({ id: b, attempts: 2 });
  });

  test("takes a waiting job that names no time at once", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const id = jobIn(jobs, "waiting", "d1");
    expect(jobs.nextDue()).toBe(0);
    expect(jobs.claim()?.id).toBe(id);
  });
});

describe("nextDue", () => {
  test("is when the earliest waiting job may be claimed", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    expect(jobs.nextDue()).toBeUndefined();
    for (const [digest, notBefore] of [
      ["a", 3000],
      ["b", 1000],
      ["c", 2000],
    ] as const) {
      jobs.update(jobIn(jobs, "queued", digest), { state: "waiting", notBefore });
    }
    expect(jobs.nextDue()).toBe(1000);
  });
});

describe("recover", () => {
  test("queues the jobs that a dead process left importing, attempts kept, and says how many", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const left = [jobIn(jobs, "importing", "a"), jobIn(jobs, "importing", "b")];
    jobs.update(left[0] as JobId, { progress: 0.9, reason: "probing" });
    const others = STATES.filter((state) => state !== "importing").map((state) => jobIn(jobs, state, state));
    const before = others.map((id) => jobs.get(id));
    const restarted = shelf.reopen().jobs;
    expect(restarted.recover()).toBe(2);
    expect(restarted.recover()).toBe(0);
    for (const id of left) {
      expect(restarted.get(id)).toMatchObject({ state: "queued", attempts: 1, progress: 0, reason: undefined });
    }
    expect(others.map((id) => restarted.get(id))).toEqual(before);
  });
});

describe("hasten", () => {
  test("lets waiting jobs go on that would wait beyond a time, whether their NZB is here or not, and nobody else", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const wait = (id: JobId, notBefore: number) => jobs.update(id, { state: "waiting", notBefore }).id;
    const soon = wait(jobIn(jobs, "queued", "soon"), 1_000);
    const late = wait(jobIn(jobs, "queued", "late"), 1_001);
    const url = "https://indexer.example/late.nzb";
    const fetched = wait(jobs.addFetch({ name: "c", category: "tv", passwords: [], url }).job.id, 5_000);
    const failed = jobIn(jobs, "failed", "d");
    const now = Math.round(shelf.clock.wall());
    expect(jobs.hasten(1_000)).toBe(2);
    expect([late, fetched].map((id) => jobs.get(id))).toMatchObject([{ notBefore: now }, { notBefore: now }]);
    expect(jobs.get(soon)?.notBefore).toBe(1_000);
    expect(jobs.get(failed)?.notBefore).toBeUndefined();
    expect(jobs.hasten(now)).toBe(0);
  });
});

describe("list", () => {
  test("pages newest first, of one state or of all, each job once", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const all = Array.from({ length: 35 }, (_, index) => {
      const state = STATES[index % STATES.length] as JobState;
      return { state, id: jobIn(jobs, state, `d${index}`) };
    }).reverse();
    for (const state of [undefined, ...STATES]) {
      const wanted = all.filter((job) => state === undefined || job.state === state).map(({ id }) => id);
      for (const limit of [1, 4, 100]) {
        const seen: string[] = [];
        for (;;) {
          const after = seen.at(-1);
          const page = jobs.list({ ...(state && { states: [state] }), ...(after && { after }), limit });
          expect(page.length).toBeLessThanOrEqual(limit);
          seen.push(...page.map(({ id }) => id));
          if (page.length < limit) break;
        }
        expect(seen).toEqual(wanted);
      }
    }
    expect(jobs.list({ limit: 0 })).toEqual([]);
    expect(jobs.list({ limit: -1 })).toEqual([]);
  });
});

describe("counts", () => {
  test("start at none and follow every job, over a restart", () => {
    using shelf = library();
    let catalog = shelf.open();
    expect(catalog.jobs.counts()).toEqual(noJobs());
    for (const state of STATES) jobIn(catalog.jobs, state, state);
    catalog = shelf.reopen();
    expect(catalog.jobs.counts()).toEqual(Object.fromEntries(STATES.map((state) => [state, 1])));
    const job = catalog.jobs.claim() as Job;
    catalog.addRelease(releaseOf({ job: job.id }));
    expect(catalog.jobs.counts()).toMatchObject({ queued: 0, importing: 1, completed: 2 });
  });
});
