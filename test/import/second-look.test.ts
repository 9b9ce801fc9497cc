import { describe, expect, test } from "@jest/globals";
import { ArticleError, CatalogError } from "../../src/base/errors.ts";
import type { JobId } from "../../src/catalog/jobs.ts";
import { until } from "../until.ts";
import { parts, providerDown } from "./fake-usenet.ts";
import { gatedImporter, Office } from "./office.ts";
import { settle } from "./workshop.ts";

const missing = () => new ArticleError("ARTICLE_MISSING", "12 of 12 articles are missing", { hint: "get another" });

async function open(secondLookMs = 30_000) {
  const office = new Office();
  const { importer, runs } = gatedImporter();
  const id = office.add("a");
  const imports = await office.start(importer, secondLookMs);
  await settle();
  return {
    office,
    id,
    runs,
    /** Ends the latest run. */
    async fail(error: unknown) {
      runs.at(-1)?.fail(error);
      await settle();
      return office.job(id);
    },
    async pass(ms: number) {
      office.clock.advance(ms);
      await settle();
    },
    async [Symbol.asyncDispose]() {
      await imports[Symbol.asyncDispose]();
      office[Symbol.dispose]();
    },
  };
}

describe("articles that nobody has", () => {
  test("are looked for once more after the set time, and then the job fails with reason, advice and code", async () => {
    await using here = await open();
    const first = await here.fail(missing());
    expect(first).toMatchObject({
      state: "waiting",
      reason: "12 of 12 articles are missing; looked for once more in 30 s",
      hint: "get another",
      notBefore: here.office.clock.wall() + 30_000,
    });
    expect(here.office.ended).toEqual([]);
    await here.pass(29_999);
    expect(here.runs).toHaveLength(1);
    await here.pass(1);
    expect(here.runs).toHaveLength(2);
    expect(await here.fail(missing())).toMatchObject({
      state: "failed",
      error: "12 of 12 articles are missing",
      errorCode: "ARTICLE_MISSING",
      hint: "get another",
      reason: undefined,
    });
    expect(here.office.ended.map(({ state }) => state)).toEqual(["failed"]);
  });

  test("fail a job at once when nobody wants a second look", async () => {
    await using here = await open(0);
    expect(await here.fail(missing())).toMatchObject({ state: "failed", errorCode: "ARTICLE_MISSING" });
  });

  test("get their second look also after provider trouble, before and in between", async () => {
    await using here = await open();
    expect((await here.fail(providerDown())).state).toBe("waiting");
    await here.pass(10_000);
    expect((await here.fail(missing())).reason).toMatch(/once more in 30 s$/);
    await here.pass(30_000);
    expect((await here.fail(providerDown())).reason).toMatch(/next try in/);
    await here.pass(3_600_000);
    expect((await here.fail(missing())).state).toBe("failed");
  });

  test("get two looks again when a person retries", async () => {
    await using here = await open();
    await here.fail(missing());
    await here.pass(30_000);
    await here.fail(missing());
    here.office.controls.retry(here.id);
    await settle();
    expect((await here.fail(missing())).reason).toMatch(/once more in 30 s$/);
    here.office.controls.resume(here.id);
    await settle();
    expect((await here.fail(missing())).state).toBe("waiting");
  });

  test("that have come by then make the job complete", async () => {
    using office = new Office();
    office.usenet.post({ name: "film.mkv", parts: parts(10, 1000) });
    const gone = missing();
    office.usenet.trouble = () => gone as never;
    const { id } = await office.queue("Film");
    await using _ = await office.start(office.importer, 30_000);
    await until(() => office.job(id).state === "waiting");
    office.usenet.trouble = () => undefined;
    await settle();
    office.clock.advance(30_000);
    await until(() => office.job(id).state === "completed");
    expect(office.job(id)).toMatchObject({ attempts: 2, reason: undefined, hint: undefined });
  });
});

test("the pauses of a job that somebody starts anew begin anew", async () => {
  await using here = await open();
  expect((await here.fail(providerDown())).reason).toMatch(/next try in 10 s$/);
  await here.pass(10_000);
  expect((await here.fail(providerDown())).reason).toMatch(/next try in 30 s$/);
  here.office.controls.resume(here.id);
  await settle();
  expect((await here.fail(providerDown())).reason).toMatch(/next try in 10 s$/);
});

test("corrupt articles and a bad NZB are no matter of time", async () => {
  await using here = await open();
  expect(await here.fail(new ArticleError("ARTICLE_CORRUPT", "broken"))).toMatchObject({
    state: "failed",
    errorCode: "ARTICLE_CORRUPT",
  });
});

test("a catalog that cannot be used for the moment does not fail a job", async () => {
  await using here = await open();
  const error = new CatalogError("CATALOG_UNUSABLE", "the catalog is read-only", { hint: "make it writable" });
  expect(await here.fail(error)).toMatchObject({ state: "waiting", hint: "make it writable" });
});

describe("a queue that nothing can be taken from", () => {
  const unusable = (message: string) => new CatalogError("CATALOG_UNUSABLE", message, { hint: "restore a backup" });

  test.each(["isClaimable", "claim"] as const)(
    "because of %s is an error in the log once, once for each other reason, and once it is over",
    async (method) => {
      await using here = await open();
      const { jobs } = here.office.catalog;
      const { [method]: original } = jobs;
      let trouble: Error | undefined;
      Object.assign(jobs, {
        [method]: () => {
          if (trouble !== undefined) throw trouble;
          return original();
        },
      });
      const lines = () =>
        here.office.lines.splice(0).map(([level, message, { error, hint }]) => [level, message, error, hint]);
      here.office.add("b");
      trouble = unusable("the file is damaged");
      await here.fail(missing());
      const taking = "cannot take a job from the queue";
      const errors = () => lines().filter(([level]) => level === "error");
      expect(errors()).toEqual([["error", taking, "the file is damaged", "restore a backup"]]);
      for (let times = 0; times < 10; times += 1) await here.pass(10_000);
      expect(lines()).toEqual([]);
      trouble = unusable("the disk answered with an error");
      for (let times = 0; times < 3; times += 1) await here.pass(10_000);
      expect(lines()).toEqual([["error", taking, "the disk answered with an error", "restore a backup"]]);
      trouble = undefined;
      for (let times = 0; times < 3; times += 1) await here.pass(10_000);
      expect(lines()).toEqual([["info", "jobs can be taken from the queue again", undefined, undefined]]);
      expect(here.office.ticketsOut).toBe(2);
      trouble = unusable("the disk answered with an error");
      here.office.add("c");
      await here.fail(missing());
      await here.pass(10_000);
      expect(errors()).toEqual([["error", taking, "the disk answered with an error", "restore a backup"]]);
    },
  );
});

describe("what became of a job while the disk is full", () => {
  async function full() {
    const here = await open();
    const { jobs } = here.office.catalog;
    const { update } = jobs;
    let isFull = true;
    Object.assign(jobs, {
      update: (...given: Parameters<typeof update>) => {
        if (isFull) throw new CatalogError("DISK_FULL", "the disk is full");
        return update(...given);
      },
    });
    const makeRoom = () => {
      isFull = false;
    };
    return { here, makeRoom };
  }

  test("is written when there is room again, and said once in the log", async () => {
    const { here, makeRoom } = await full();
    await using _ = here;
    await here.fail(new CatalogError("DISK_FULL", "the disk is full"));
    await here.pass(20_000);
    expect(here.office.job(here.id).state).toBe("importing");
    expect(here.office.ticketsOut).toBe(1);
    makeRoom();
    await here.pass(10_000);
    // It waited meanwhile, so its next run is due.
    expect(here.runs).toHaveLength(2);
    expect(here.office.job(here.id)).toMatchObject({ state: "importing", attempts: 2 });
    expect(here.office.lines.filter(([, message]) => /cannot write to the queue/.test(message))).toHaveLength(1);
  });

  test("is found out at the next start when there is no room before", async () => {
    const { here } = await full();
    await here.fail(missing());
    await here[Symbol.asyncDispose]();
    expect(here.office.clock.timers).toBe(0);
  });
});

test("a job that a killed process left importing is queued again, and completes once", async () => {
  using office = new Office();
  office.usenet.post({ name: "film.mkv", parts: parts(10, 1000) });
  const { id } = await office.queue("Film");
  office.catalog.jobs.claim();
  await using _ = await office.start();
  await until(() => office.ended.length > 0);
  expect(office.job(id as JobId)).toMatchObject({ state: "completed", attempts: 2 });
  expect(office.catalog.stats()).toMatchObject({ releases: 1, files: 1 });
  expect(office.lines.map(([, message]) => message)).toEqual([
    "interrupted imports are queued again",
    "import completed",
  ]);
});
