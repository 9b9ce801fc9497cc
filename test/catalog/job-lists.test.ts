import { describe, expect, test } from "@jest/globals";
import { LEGAL_MOVES } from "../../src/catalog/job-moves.ts";
import type { EndedJob, Job, JobFilter, JobId, JobState, QueuedJob } from "../../src/catalog/jobs.ts";
import { allOf, joined, rowList, slice } from "../../src/catalog/row-list.ts";
import { jobOf, library, releaseOf, seeded, thrownBy } from "./fixture.ts";

const STATES = Object.keys(LEGAL_MOVES) as readonly JobState[];
const ENDED: readonly JobState[] = ["completed", "failed", "cancelled"];

/** A catalog with jobs of all states, folders that are there, announced, and taken away, and archived jobs. */
function filled(seed: number, count: number) {
  const shelf = library();
  const catalog = shelf.open();
  const { jobs } = catalog;
  const random = seeded(seed);
  for (let index = 0; index < count; index++) {
    const priority = random.pick(["low", "normal", "high", "force"] as const);
    const digest = `d${index}`;
    const more = { category: random.pick(["movies", "tv"]), priority, bytes: 1 + random.below(1e6) };
    const { id } = jobs.add(jobOf({ digest, name: `${random.text(3)} ${index}`, ...more })).job;
    const state = random.pick(STATES);
    if (state === "completed" || state === "importing") jobs.update(id, { state: "importing" });
    if (state === "completed") {
      catalog.addRelease({ ...releaseOf({ digest, job: id }), ...(random.below(3) === 0 && { mustAnnounce: true }) });
      if (random.below(3) === 0) catalog.completed.remove(id);
    } else jobs.update(id, { state, ...(!ENDED.includes(state) && { progress: random.below(100) / 100 }) });
    if (ENDED.includes(state) && random.below(4) === 0) jobs.archive(id);
    shelf.clock.advance(random.below(1000));
  }
  return { shelf, catalog, jobs, random };
}

function aFilter({ below, pick, text }: ReturnType<typeof seeded>): JobFilter {
  return {
    ...(below(2) === 0 && { states: Array.from({ length: 1 + below(4) }, () => pick(STATES)) }),
    ...(below(3) === 0 && { categories: pick([["tv"], ["movies", "tv"], ["none"]]) }),
    ...(below(3) === 0 && { search: text(1) }),
    ...(below(4) === 0 && { priority: pick(["low", "force"] as const) }),
  };
}

function shown({ id, state, name, category, priority, bytes, ...job }: Job): QueuedJob {
  const { fetchFrom, progress, notBefore, createdAt, startedAt } = job;
  return { id, state, name, category, priority, bytes, fetchFrom, progress, notBefore, createdAt, startedAt };
}

describe("the lists of the queue", () => {
  test("are the jobs of `queue`, for any filter and page, with the sums and the last one of all", () => {
    const { shelf, jobs, random } = filled(11, 150);
    using _ = shelf;
    for (let round = 0; round < 200; round++) {
      const filter = aFilter(random);
      const all = jobs.queue({ ...filter, limit: 1000 });
      const page = { skip: random.below(30), limit: random.below(60) };
      expect(allOf(jobs.queued({ ...filter, ...page }))).toEqual(jobs.queue({ ...filter, ...page }).map(shown));
      expect(jobs.queueTotals(filter)).toEqual({
        jobs: all.length,
        bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
        bytesLeft: expect.closeTo(
          all.reduce((sum, { bytes, progress }) => sum + bytes * (1 - progress), 0),
          3,
        ),
      });
      expect(jobs.lastQueued(filter)?.id).toBe(all.findLast(({ state }) => state === "queued")?.id);
    }
  });

  test("have another number after each change, and the same one until then", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const before = jobs.changeCount;
    jobs.queued({ limit: 9 });
    expect(jobs.changeCount).toBe(before);
    const { id } = jobs.add(jobOf({ digest: "a" })).job;
    const added = jobs.changeCount;
    expect(added).toBeGreaterThan(before);
    jobs.remove(id);
    expect(jobs.changeCount).toBeGreaterThan(added);
  });
});

describe("the lists of the history", () => {
  test("have every ended job that clients see in one of them, with its folder", () => {
    const { shelf, catalog, jobs, random } = filled(12, 200);
    using _ = shelf;
    for (let round = 0; round < 100; round++) {
      const filter = aFilter(random);
      const found = jobs.list({ ...filter, limit: 1000 });
      const of = (place: string) => found.filter((job) => placeOf(job) === place).map(row);
      const byEnd = (one: EndedJob, other: EndedJob) => other.endedAt - one.endedAt || (one.id < other.id ? 1 : -1);
      expect(allOf(jobs.pressing({ ...filter, limit: 1000 }))).toEqual([...of("pressing")].sort(byEnd));
      const page = { skip: random.below(5), limit: random.below(30) };
      for (const list of ["taken", "archived"] as const) {
        const wanted = of(list).slice(page.skip, page.skip + page.limit);
        expect([list, allOf(jobs[list]({ ...filter, ...page }))]).toEqual([list, wanted]);
      }
    }

    function placeOf({ id, state, isArchived }: Job): string {
      if (!ENDED.includes(state)) return "nowhere";
      if (isArchived) return "archived";
      if (state !== "completed") return state === "failed" ? "pressing" : "nowhere";
      const folder = catalog.completed.ofJob(id);
      if (folder === undefined) return "taken";
      return folder.isReady ? "pressing" : "nowhere";
    }

    function row({ id, state, name, nzbName, category, bytes, fetchFrom, ...job }: Job): EndedJob {
      const { reason, error, errorCode, hint, createdAt, startedAt, isArchived } = job;
      const found = job.isArchived ? undefined : catalog.completed.ofJob(id);
      return {
        ...{ id, state, name, nzbName, category, bytes, fetchFrom, reason, error, errorCode, hint },
        ...{ createdAt, startedAt, isArchived },
        endedAt: job.endedAt ?? job.updatedAt,
        folder: found && { category: found.category, name: found.name },
      };
    }
  });
});

describe("sorting", () => {
  test("puts each priority's jobs in order, the most urgent first, and none of what is being imported or has ended", () => {
    const { shelf, jobs } = filled(13, 120);
    using _ = shelf;
    const order = ["force", "high", "normal", "low"];
    for (const isDescending of [false, true]) {
      const before = jobs.queue({ states: ["queued", "waiting", "paused"], limit: 1000 });
      const others = jobs.list({ states: ["importing", ...ENDED], limit: 1000 });
      const placed = jobs.sorted("bytes", isDescending);
      jobs.place(placed.slice(0, 10));
      jobs.place(placed.slice(10));
      const sign = isDescending ? -1 : 1;
      const wanted = [...before].sort(
        (a, b) => order.indexOf(a.priority) - order.indexOf(b.priority) || sign * (a.bytes - b.bytes),
      );
      const after = jobs.queue({ states: ["queued", "waiting", "paused"], limit: 1000 });
      expect(after.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
      expect(jobs.list({ states: ["importing", ...ENDED], limit: 1000 })).toEqual(others);
    }
  });

  test("by name leaves their case aside, and keeps the order of those that are alike", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    for (const [index, name] of ["b", "Ärger", "a", "B", "c"].entries()) jobs.add(jobOf({ digest: `${index}`, name }));
    jobs.place(jobs.sorted("name", false));
    expect(jobs.queue({ limit: 9 }).map(({ name }) => name)).toEqual(["a", "b", "B", "c", "Ärger"]);
    jobs.place(jobs.sorted("createdAt", false));
    expect(jobs.queue({ limit: 9 }).map(({ digest }) => digest)).toEqual(["0", "1", "2", "3", "4"]);
  });

  test("leaves a job alone that has gone on meanwhile", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const [id] = ["a", "b"].map((name) => jobs.add(jobOf({ digest: name, name })).job.id) as [JobId];
    const placed = jobs.sorted("name", true);
    const before = jobs.update(id, { state: "failed" });
    jobs.place(placed);
    expect(jobs.get(id)).toEqual(before);
  });
});

describe("a job that is made urgent while the queue is being sorted", () => {
  test("is served first, even while all others are paused", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const ids = ["c", "b", "a"].map((name) => jobs.add(jobOf({ digest: name, name })).job.id) as [JobId, JobId, JobId];
    const placed = jobs.sorted("name", false);
    jobs.place(placed.slice(0, 1));
    jobs.setPriority(ids[0], "force");
    jobs.place(placed.slice(1));
    expect(jobs.queue({ limit: 9 }).map(({ name }) => name)).toEqual(["c", "a", "b"]);
    jobs.isPaused = true;
    expect(jobs.claim()?.id).toBe(ids[0]);
  });
});

describe("another name", () => {
  test("is found by a search, and stays when the NZB comes with one of its own", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const { id } = jobs.addFetch({ url: "https://a.example/x", name: "a.example", category: "tv", passwords: [] }).job;
    expect(jobs.setName(id, "Chosen").name).toBe("Chosen");
    jobs.fetched(id, { digest: "d", nzb: new Uint8Array(1), bytes: 1, name: "Its own" });
    expect(jobs.list({ search: "chosen", limit: 9 })).toMatchObject([{ id, name: "Chosen" }]);
  });

  test("is not for a job that is being imported or has ended", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const { id } = jobs.add(jobOf({ digest: "a", name: "a" })).job;
    for (const state of ["importing", "failed"] as const) {
      jobs.update(id, { state });
      expect(thrownBy(() => jobs.setName(id, "b")).code).toBe("CONFLICT");
    }
    expect(jobs.get(id)?.name).toBe("a");
  });
});

describe("lists of rows", () => {
  test("are joined and cut without making any of them", () => {
    let made = 0;
    const rows = (from: number, length: number) =>
      rowList(
        Array.from({ length }, (_, index) => from + index),
        (value) => {
          made += 1;
          return value;
        },
      );
    const list = slice(joined(rows(0, 3), rows(3, 4)), 2, 3);
    expect([list.length, made]).toEqual([3, 0]);
    expect(allOf(list)).toEqual([2, 3, 4]);
    expect(made).toBe(3);
    expect(slice(rows(0, 3), 5, 9).length).toBe(0);
    expect(() => list.at(3)).toThrow(RangeError);
    expect(() => rows(0, 0).at(0)).toThrow(RangeError);
  });
});
