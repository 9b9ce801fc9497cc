import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import type { JobId, JobSource, JobStore, NewFetch } from "../../src/catalog/jobs.ts";
import { jobOf, library, openRows, releaseOf, thrownBy } from "./fixture.ts";

const URL_WITH_KEY = "https://user:pass@indexer.example:8443/getnzb?id=7&apikey=secret";

function fetchOf(change: Partial<NewFetch> = {}): NewFetch {
  return { url: URL_WITH_KEY, name: "indexer.example", category: "tv", passwords: [], ...change };
}

function sourceOf(change: Partial<JobSource> = {}): JobSource {
  return { digest: "d1", nzb: new Uint8Array([31, 139, 8]), bytes: 5000, nzbName: "Film.nzb", ...change };
}

function fetchIn(jobs: JobStore, url: string): JobId {
  return jobs.addFetch(fetchOf({ url })).job.id;
}

describe("a job whose NZB is still to be fetched", () => {
  test("shows scheme and host of where from, and nothing else of the URL", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const { job, isNew } = jobs.addFetch(fetchOf({ priority: "force" }));
    expect(isNew).toBe(true);
    expect(job).toMatchObject({
      state: "queued",
      fetchFrom: "https://indexer.example:8443",
      bytes: 0,
      priority: "force",
    });
    expect(JSON.stringify([job, jobs.list({ limit: 9 }), jobs.queue({ limit: 9 })])).not.toMatch(/secret|pass@|getnzb/);
    expect(jobs.fetch(job.id)).toEqual({ url: URL_WITH_KEY, isNamed: false, whenCompleted: "the same job" });
    expect(shelf.reopen().jobs.fetch(job.id).url).toBe(URL_WITH_KEY);
    expect(thrownBy(() => shelf.reopen().jobs.source(job.id)).code).toBe("NOT_FOUND");
  });

  test("leaves nothing of its URL in the closed file once it has its NZB, or is removed", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const fetches = Array.from({ length: 40 }, (_, at) => fetchIn(jobs, `https://indexer.example/${at}?apikey=secret`));
    fetches.forEach((id, at) => {
      if (at % 2 === 0) jobs.fetched(id, { ...sourceOf({ digest: `d${at}` }), passwords: [] });
      else jobs.remove(id);
    });
    shelf.reopen()[Symbol.dispose]();
    expect(readFileSync(shelf.path).includes("apikey=secret")).toBe(false);
  });

  test("is one job for one URL and category, and for what is no URL none, which the error does not repeat", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const { id } = jobs.addFetch(fetchOf()).job;
    expect(jobs.addFetch(fetchOf({ name: "other" }))).toMatchObject({
      isNew: false,
      job: { id, name: "indexer.example" },
    });
    expect(jobs.addFetch(fetchOf({ category: "movies" })).isNew).toBe(true);
    expect(jobs.addFetch(fetchOf({ url: `${URL_WITH_KEY}&n=2` })).isNew).toBe(true);
    const error = thrownBy(() => jobs.addFetch(fetchOf({ url: "no url with secret" })));
    expect(error.code).toBe("BAD_REQUEST");
    expect(error.message).not.toContain("secret");
    expect(jobs.counts().queued).toBe(3);
  });

  test("is never claimed, nor waited for by who claims", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    fetchIn(jobs, "https://a.example/1");
    jobs.update(fetchIn(jobs, "https://a.example/2"), { state: "waiting", notBefore: 5 });
    expect([jobs.isClaimable(), jobs.nextDue(), jobs.claim()]).toEqual([false, undefined, undefined]);
    const { id } = jobs.add(jobOf()).job;
    expect(jobs.claim()?.id).toBe(id);
  });

  test("can wait, pause, fail and be retried, and keeps its URL", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const id = fetchIn(jobs, URL_WITH_KEY);
    jobs.addPasswords(id, ["one"]);
    for (const state of ["paused", "queued", "waiting", "failed", "queued", "cancelled", "queued"] as const) {
      expect(jobs.update(id, { state }).fetchFrom).toBe("https://indexer.example:8443");
    }
    expect(jobs.fetch(id).url).toBe(URL_WITH_KEY);
    expect(jobs.fetched(id, { ...sourceOf(), passwords: ["two", "one"] }).job.state).toBe("queued");
    expect(jobs.source(id).passwords).toEqual(["one", "two"]);
  });

  test("that is removed takes its URL along", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { jobs } = rows.catalog;
    const id = fetchIn(jobs, URL_WITH_KEY);
    expect(jobs.remove(id)).toBe(true);
    expect(thrownBy(() => jobs.fetch(id)).code).toBe("NOT_FOUND");
    expect(rows.db.prepare("SELECT count(*) FROM job_fetch").pluck().get()).toBe(0);
  });
});

describe("nextFetch", () => {
  test("gives due jobs in the order of the queue, without those that are being fetched", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((path) => fetchIn(jobs, `https://x.example/${path}`)) as [
      JobId,
      JobId,
      JobId,
      JobId,
      JobId,
    ];
    jobs.add(jobOf());
    jobs.update(a, { state: "waiting", notBefore: shelf.clock.wall() + 100 });
    jobs.update(b, { state: "waiting", notBefore: shelf.clock.wall() + 50 });
    jobs.update(c, { state: "paused" });
    jobs.setPriority(e, "high");
    const order = () => {
      const taken = new Set<JobId>();
      for (let job = jobs.nextFetch(taken); job !== undefined; job = jobs.nextFetch(taken)) taken.add(job.id);
      return [...taken];
    };
    expect(order()).toEqual([e, d]);
    expect(jobs.nextFetchDue()).toBe(shelf.clock.wall() + 50);
    shelf.clock.advance(100);
    jobs.isPaused = true;
    expect(order()).toEqual([e, a, b, d]);
    jobs.fetched(e, sourceOf());
    expect(order()).toEqual([a, b, d]);
  });

  test("has nothing to wait for while no fetch waits", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    jobs.update(jobs.add(jobOf()).job.id, { state: "waiting", notBefore: 7 });
    expect([jobs.nextFetch(new Set()), jobs.nextFetchDue(), jobs.nextDue()]).toEqual([undefined, undefined, 7]);
  });
});

describe("fetched", () => {
  test("makes the job claimable under its own id, takes the name that came, and forgets the URL", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { jobs } = rows.catalog;
    const { id, rank } = jobs.addFetch(fetchOf()).job;
    jobs.update(id, { state: "waiting", notBefore: shelf.clock.wall() + 5000 });
    const { job, isNew } = jobs.fetched(id, { ...sourceOf(), name: "Film", category: "movies" });
    expect(isNew).toBe(true);
    const known = { id, rank, state: "queued", name: "Film", category: "movies", digest: "d1", bytes: 5000 };
    expect(job).toMatchObject({ ...known, nzbName: "Film.nzb", fetchFrom: undefined, notBefore: undefined });
    expect(jobs.get(id)).toEqual(job);
    expect(jobs.source(id).nzb).toEqual(Buffer.from([31, 139, 8]));
    expect(rows.db.prepare("SELECT count(*) FROM job_fetch").pluck().get()).toBe(0);
    expect(thrownBy(() => jobs.fetch(id)).code).toBe("NOT_FOUND");
    expect(thrownBy(() => jobs.fetched(id, sourceOf())).code).toBe("NOT_FOUND");
    expect(jobs.claim()?.id).toBe(id);
  });

  test("keeps a name that the request gave, and the pause", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const { id } = jobs.addFetch(fetchOf({ name: "Mine", isNamed: true, isPaused: true })).job;
    expect(jobs.fetch(id).isNamed).toBe(true);
    const { job } = jobs.fetched(id, { ...sourceOf(), name: "Theirs" });
    expect(job).toMatchObject({ name: "Mine", category: "tv", state: "paused" });
    expect(jobs.claim()).toBeUndefined();
  });

  test("of a post that another job imports ends this one, whose NZB stays for a retry", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const other = jobs.add(jobOf({ category: "tv" })).job;
    const { id } = jobs.addFetch(fetchOf()).job;
    expect(jobs.fetched(id, sourceOf())).toEqual({ job: other, isNew: false });
    const ended = jobs.get(id);
    expect(ended).toMatchObject({
      state: "cancelled",
      digest: "d1",
      fetchFrom: undefined,
      endedAt: shelf.clock.wall(),
      mergedInto: other.id,
    });
    expect(ended?.reason).toContain(other.id);
    expect(shelf.reopen().jobs.get(id)).toEqual(ended);
  });

  test("of a post that only dropped files asked for makes that job more than theirs", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const other = jobs.add({ ...jobOf({ category: "tv" }), isDropped: true }).job;
    const { id } = jobs.addFetch(fetchOf()).job;
    expect(jobs.fetched(id, sourceOf()).job).toEqual({ ...other, isDropped: false });
    expect(jobs.get(other.id)?.isDropped).toBe(false);
  });

  test("of a post that another job imports can be retried once that one is gone, and is nobody's part then", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const other = jobs.add(jobOf({ category: "tv" })).job;
    const [id, second] = ["https://a.example/1", "https://a.example/2"].map((url) => fetchIn(jobs, url)) as [
      JobId,
      JobId,
    ];
    for (const one of [id, second]) jobs.fetched(one, sourceOf());
    expect(thrownBy(() => jobs.update(id, { state: "queued" })).code).toBe("CONFLICT");
    expect(jobs.get(id)?.mergedInto).toBe(other.id);
    jobs.update(other.id, { state: "cancelled" });
    expect(jobs.update(id, { state: "queued" }).mergedInto).toBeUndefined();
    expect(jobs.claim()?.id).toBe(id);
    expect(jobs.source(id).nzb).toHaveLength(3);
    expect(jobs.get(second)?.mergedInto).toBe(other.id);
    expect(jobs.remove(other.id)).toBe(true);
    expect(jobs.get(second)).toMatchObject({ state: "cancelled", mergedInto: undefined });
  });

  test.each(["the same job", "a new job"] as const)(
    "of a post that is completed gives %s, as was asked",
    (whenCompleted) => {
      using shelf = library();
      const catalog = shelf.open();
      const { jobs } = catalog;
      const done = jobs.add(jobOf({ category: "tv" })).job;
      jobs.claim();
      catalog.addRelease(releaseOf({ job: done.id }));
      const { id } = jobs.addFetch(fetchOf({ whenCompleted })).job;
      expect(jobs.fetch(id).whenCompleted).toBe(whenCompleted);
      const isNew = whenCompleted === "a new job";
      expect(jobs.fetched(id, sourceOf())).toMatchObject({ isNew, job: { id: isNew ? id : done.id } });
      expect(jobs.get(done.id)?.state).toBe("completed");
    },
  );

  test("comes too late for a job that has ended, and for one that was removed", () => {
    using shelf = library();
    const { jobs } = shelf.open();
    const id = fetchIn(jobs, URL_WITH_KEY);
    jobs.update(id, { state: "cancelled" });
    expect(thrownBy(() => jobs.fetched(id, sourceOf())).code).toBe("CONFLICT");
    expect(jobs.fetch(id).url).toBe(URL_WITH_KEY);
    jobs.remove(id);
    expect(thrownBy(() => jobs.fetched(id, sourceOf())).code).toBe("NOT_FOUND");
    expect(jobs.list({ limit: 9 })).toEqual([]);
  });
});
