import { describe, expect, test } from "@jest/globals";
import { LEGAL_MOVES } from "../../src/catalog/job-moves.ts";
import type { JobId, JobState } from "../../src/catalog/jobs.ts";
import { jobIn, jobOf, library, noJobs, put, releaseOf, thrownBy } from "./fixture.ts";

const STATES = Object.keys(LEGAL_MOVES) as JobState[];

describe("remove", () => {
  test("leaves nothing of a job but its release, and another one may import its post", () => {
    using shelf = library();
    const catalog = shelf.open();
    const { jobs } = catalog;
    const id = jobIn(jobs, "importing", "d1");
    const { path } = catalog.addRelease(releaseOf({ job: id }));
    expect(catalog.completed.ofJob(id)).toBeDefined();
    expect([jobs.remove(id), jobs.remove(id)]).toEqual([true, false]);
    expect(jobs.get(id)).toBeUndefined();
    expect(thrownBy(() => jobs.source(id)).code).toBe("NOT_FOUND");
    expect(catalog.completed.ofJob(id)).toBeUndefined();
    expect(catalog.completed.files(id)).toEqual([]);
    expect(catalog.find(path)).toBeDefined();
    expect(jobs.counts()).toEqual(noJobs());
    expect(jobs.add(jobOf()).isNew).toBe(true);
  });

  test("of a job that a dropped file became is seen by who looks at that file next", () => {
    using shelf = library();
    const catalog = shelf.open();
    const id = jobIn(catalog.jobs, "queued", "d1");
    const other = jobIn(catalog.jobs, "queued", "d2");
    put(catalog, "film.nzb", "<nzb/>", catalog.drops);
    catalog.drops.setJob("film.nzb", id);
    expect(catalog.drops.find("film.nzb")?.job).toBe(id);
    expect([catalog.drops.hasJob(id), catalog.drops.hasJob(other), catalog.hasJob(id)]).toEqual([true, false, false]);
    catalog.jobs.remove(id);
    expect(catalog.drops.find("film.nzb")).toMatchObject({ size: 6, job: undefined });
    expect(catalog.drops.list("", undefined, 9)).toMatchObject([{ name: "film.nzb", job: undefined }]);
    expect(catalog.drops.hasJob(id)).toBe(false);
  });
});

describe("archive", () => {
  test.each(STATES)("of a job that is %s is refused unless it has ended", (state) => {
    using shelf = library();
    const { jobs } = shelf.open();
    const id = jobIn(jobs, state, "d1");
    if (["completed", "failed", "cancelled"].includes(state)) {
      expect([jobs.archive(id), jobs.archive(id)]).toEqual([true, true]);
      expect(jobs.get(id)).toMatchObject({ state, isArchived: true });
      expect(jobs.list({ withoutArchived: true, limit: 9 })).toEqual([]);
      expect(jobs.list({ limit: 9 }).map((job) => job.id)).toEqual([id]);
    } else {
      expect(thrownBy(() => jobs.archive(id)).code).toBe("CONFLICT");
      expect(jobs.get(id)?.isArchived).toBe(false);
    }
  });

  test("takes the folder of completed files away, and leaves the library alone", () => {
    using shelf = library();
    const catalog = shelf.open();
    const id = jobIn(catalog.jobs, "importing", "d1");
    const { path } = catalog.addRelease(releaseOf({ job: id }));
    expect(catalog.jobs.archive(id)).toBe(true);
    expect(catalog.completed.ofJob(id)).toBeUndefined();
    expect(catalog.find(path)).toBeDefined();
    expect(catalog.jobs.archive("nope" as JobId)).toBe(false);
  });
});

describe("passwords", () => {
  test("that are added are tried before those that were there, each once", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const { id } = jobs.add(jobOf({ passwords: ["a", "b"] })).job;
    jobs.addPasswords(id, ["c", "b"]);
    expect(jobs.source(id).passwords).toEqual(["c", "b", "a"]);
    expect(thrownBy(() => jobs.addPasswords("nope" as JobId, ["x"])).code).toBe("NOT_FOUND");
  });
});

describe("a category", () => {
  test("can be changed until the job has ended, but not to one in which the same post is imported", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const id = jobIn(jobs, "queued", "d1");
    expect(jobs.setCategory(id, "tv").category).toBe("tv");
    jobs.add(jobOf());
    expect(thrownBy(() => jobs.setCategory(id, "movies")).code).toBe("CONFLICT");
    expect(jobs.get(id)?.category).toBe("tv");
    jobs.update(id, { state: "failed" });
    expect(thrownBy(() => jobs.setCategory(id, "music")).code).toBe("CONFLICT");
  });
});

describe("changed", () => {
  test("pages through jobs in the order of their last change, up to a time that is not in it", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const start = shelf.clock.wall();
    const ids = ["a", "b", "c", "d", "e"].map((digest) => jobIn(jobs, "queued", digest));
    shelf.clock.advance(10);
    for (const index of [3, 0]) jobs.update(ids[index] as JobId, { state: "importing" });
    shelf.clock.advance(10);
    jobs.update(ids[4] as JobId, { state: "importing" });
    const seen: string[] = [];
    for (let after = { updatedAt: start, id: "" }; ; ) {
      const page = jobs.changed(after, { before: start + 20, limit: 2 });
      seen.push(...page.map(({ id }) => id));
      const last = page.at(-1);
      if (last === undefined) break;
      after = { updatedAt: last.updatedAt, id: last.id };
    }
    expect(seen).toEqual([1, 2, 0, 3].map((index) => ids[index]));
    expect(jobs.changed({ updatedAt: start + 20, id: "" }, { before: Infinity, limit: 9 }).map(({ id }) => id)).toEqual(
      [ids[4]],
    );
  });
});

describe("recentDurations", () => {
  test("are those of the latest completed imports, from their last claim on", () => {
    using shelf = library();
    const catalog = shelf.open();
    for (const [digest, ms] of [
      ["a", 100],
      ["b", 200],
      ["c", 300],
    ] as const) {
      const id = jobIn(catalog.jobs, "importing", digest);
      shelf.clock.advance(1000);
      catalog.jobs.update(id, { state: "queued" });
      catalog.jobs.claim();
      shelf.clock.advance(ms);
      catalog.addRelease(releaseOf({ digest, job: id }));
    }
    catalog.jobs.update(jobIn(catalog.jobs, "importing", "d"), { state: "failed" });
    expect(catalog.jobs.recentDurations(2)).toEqual([300, 200]);
    expect(catalog.jobs.recentDurations(9)).toEqual([300, 200, 100]);
    expect(catalog.jobs.recentDurations(0)).toEqual([]);
  });
});
