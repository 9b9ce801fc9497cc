import { describe, expect, test } from "@jest/globals";
import { LEGAL_MOVES } from "../../src/catalog/job-moves.ts";
import type { Job, JobFilter, JobId, JobState, JobStore } from "../../src/catalog/jobs.ts";
import { jobOf, library, releaseOf, seeded } from "./fixture.ts";

const STATES = Object.keys(LEGAL_MOVES) as readonly JobState[];
const ENDED: readonly JobState[] = ["completed", "failed", "cancelled"];

function named(jobs: JobStore, name: string): JobId {
  return jobs.add(jobOf({ digest: name, name })).job.id;
}

describe("a search", () => {
  test("finds what a name holds, whatever the case of either, beyond ASCII too", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const names = ["Some.Film.2024", "ÄRGER im Büro", "100% fun_ny", "100 fun-ny", "Привет Мир", "cafe\u0301"];
    const ids = new Map(names.map((name) => [name, named(jobs, name)]));
    const found = (search: string) => jobs.list({ search, limit: 99 }).map(({ id }) => id);
    for (const [search, ...wanted] of [
      ["film.2", names[0]],
      ["ärger IM büRO", names[1]],
      ["0%", names[2]],
      ["n_n", names[2]],
      ["\\", undefined],
      ["100", names[3], names[2]],
      ["МИР", names[4]],
      ["Caf\u00e9", names[5]],
      ["", ...names.toReversed()],
    ] as const) {
      const expected = wanted.flatMap((name) => ids.get(name as string) ?? []);
      expect([search, found(search)]).toEqual([search, expected]);
      expect(jobs.count({ search })).toBe(expected.length);
      expect(new Set(jobs.queue({ search, limit: 99 }).map(({ id }) => id))).toEqual(new Set(expected));
    }
    expect(jobs.list({ search: "f", limit: 1 })).toHaveLength(1);
  });

  test("goes on finding a job by its name that came with its NZB", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const { id } = jobs.addFetch({ url: "https://a.example/x", name: "a.example", category: "tv", passwords: [] }).job;
    jobs.fetched(id, { digest: "d", nzb: new Uint8Array(1), bytes: 1, name: "The Real NAME" });
    expect(jobs.list({ search: "real name", limit: 9 })).toMatchObject([{ id, name: "The Real NAME" }]);
    expect(jobs.count({ search: "a.example" })).toBe(0);
  });
});

describe("any filter", () => {
  test("lets through what a look at each job would, in list, queue and count, page by page", () => {
    using shelf = library();
    const catalog = shelf.open();
    const { jobs } = catalog;
    const random = seeded(7);
    for (let index = 0; index < 150; index++) fill(index);
    function fill(index: number): void {
      const priority = random.pick(["low", "normal", "high", "force"] as const);
      const category = random.pick(["movies", "tv", "Übriges"]);
      const digest = `d${index}`;
      const { id } = jobs.add(jobOf({ digest, name: `${random.text(3)} ${random.text(2)}`, category, priority })).job;
      const state = random.pick(STATES);
      if (state === "completed") {
        jobs.update(id, { state: "importing" });
        catalog.addRelease(releaseOf({ digest, job: id }));
      } else jobs.update(id, { state });
      if (ENDED.includes(state) && random.below(2) === 0) jobs.archive(id);
    }

    const all = jobs.list({ limit: 1000 });
    const served = jobs.queue({ limit: 1000 });
    expect([all.length, served.length]).toEqual([150, all.filter(({ state }) => !ENDED.includes(state)).length]);
    for (let round = 0; round < 200; round++) {
      const filter: JobFilter = {
        ...(random.below(2) === 0 && { states: Array.from({ length: random.below(5) }, () => random.pick(STATES)) }),
        ...(random.below(3) === 0 && { categories: random.pick([[], ["tv"], ["movies", "Übriges"], ["tv", "none"]]) }),
        ...(random.below(3) === 0 && { search: random.text(1) }),
        ...(random.below(4) === 0 && { priority: random.pick(["low", "force"] as const) }),
        ...(random.below(2) === 0 && { withoutArchived: true as const }),
      };
      const wanted = all.filter((job) => passes(job, filter));
      expect(jobs.count(filter)).toBe(wanted.length);
      const limit = 1 + random.below(40);
      const pages: Job[] = [];
      for (let page = jobs.list({ ...filter, limit }); page.length > 0; ) {
        expect(page.length).toBeLessThanOrEqual(limit);
        pages.push(...page);
        page = jobs.list({ ...filter, limit, after: page.at(-1)?.id as string });
      }
      expect(pages).toEqual(wanted);
      const inOrder = served.filter((job) => passes(job, filter));
      const skip = random.below(10);
      expect(jobs.queue({ ...filter, skip, limit })).toEqual(inOrder.slice(skip, skip + limit));
      expect(jobs.queue({ ...filter, limit: Number.POSITIVE_INFINITY })).toEqual(inOrder);
    }
  });

  test("of no rows, or fewer, gives none", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    named(jobs, "a");
    for (const limit of [0, -1]) {
      expect(jobs.list({ limit })).toEqual([]);
      expect(jobs.queue({ limit })).toEqual([]);
    }
    expect(jobs.queue({ skip: -5, limit: 9 })).toHaveLength(1);
  });
});

function passes(job: Job, { states, categories, search, priority, withoutArchived }: JobFilter): boolean {
  return (
    (states?.includes(job.state) ?? true) &&
    (categories?.includes(job.category) ?? true) &&
    job.name.toLowerCase().includes((search ?? "").toLowerCase()) &&
    (priority === undefined || job.priority === priority) &&
    !(withoutArchived && job.isArchived)
  );
}
