import { describe, expect, test } from "@jest/globals";
import { FormatError } from "../../src/base/errors.ts";
import type { JobId } from "../../src/catalog/jobs.ts";
import { parts, providerDown } from "./fake-usenet.ts";
import { gatedImporter, Office } from "./office.ts";
import { settle } from "./workshop.ts";

/** An office whose importer ends runs when the test says so. */
async function open() {
  const office = new Office();
  const { importer, runs } = gatedImporter();
  const imports = await office.start(importer);
  return {
    office,
    runs,
    imports,
    names: () => runs.map(({ job }) => job.name),
    stopped: () => runs.map(({ signal }) => signal.aborted),
    /** Adds jobs and lets what may start do so. */
    async add(...names: readonly string[]): Promise<readonly JobId[]> {
      const ids = names.map((name) => office.add(name));
      imports.wake();
      await settle();
      return ids;
    },
    async [Symbol.asyncDispose]() {
      await imports[Symbol.asyncDispose]();
      office[Symbol.dispose]();
    },
  };
}

describe("the whole queue", () => {
  test("when paused stops what runs, which goes back to its place, and goes on when it is resumed", async () => {
    await using here = await open();
    const { office, runs } = here;
    const [a, b, c] = await here.add("a", "b", "c");
    office.controls.pauseAll();
    await settle();
    expect(here.stopped()).toEqual([true, true]);
    expect(office.catalog.jobs.counts()).toMatchObject({ queued: 3, importing: 0 });
    expect([office.ticketsOut, office.controls.isPaused, office.ended]).toEqual([0, true, []]);
    office.controls.resumeAll();
    await settle();
    expect(here.names()).toEqual(["a", "b", "a", "b"]);
    expect([a, b].map((id) => office.job(id as JobId).state)).toEqual(["importing", "importing"]);
    expect(office.job(c as JobId).state).toBe("queued");
    expect(runs).toHaveLength(4);
  });

  test("when paused sleeps without looking again, also past the time of a job that waits", async () => {
    await using here = await open();
    const [a] = await here.add("a");
    here.runs[0]?.fail(providerDown());
    await settle();
    expect(here.office.job(a as JobId).state).toBe("waiting");
    here.office.controls.pauseAll();
    await settle();
    let reads = 0;
    const { isClaimable } = here.office.catalog.jobs;
    Object.assign(here.office.catalog.jobs, {
      isClaimable: () => {
        reads += 1;
        return isClaimable();
      },
    });
    here.office.clock.advance(3_000_000);
    await settle();
    expect([reads, here.runs.length]).toEqual([0, 1]);
    here.office.controls.resumeAll();
    await settle();
    expect(here.runs).toHaveLength(2);
  });

  test("when paused lets jobs of priority force run, and those that become it start", async () => {
    await using here = await open();
    const { office } = here;
    const [, b] = await here.add("a", "b");
    office.controls.setPriority(b as JobId, "force");
    office.controls.pauseAll();
    const [, d] = await here.add("c", "d");
    expect(here.stopped()).toEqual([true, false]);
    office.controls.setPriority(d as JobId, "force");
    await settle();
    expect(here.names()).toEqual(["a", "b", "d"]);
    office.controls.setPriority(b as JobId, "normal");
    await settle();
    expect(here.stopped()).toEqual([true, true, false]);
    expect(office.job(b as JobId)).toMatchObject({ state: "queued", progress: 0 });
  });

  test("stays paused in the next process", async () => {
    using office = new Office();
    const { importer, runs } = gatedImporter();
    office.controls.pauseAll();
    office.add("a");
    await using _ = await office.start(importer);
    await settle();
    expect(runs).toEqual([]);
    office.controls.resumeAll();
    await settle();
    expect(runs).toHaveLength(1);
  });
});

describe("one job", () => {
  test.each(["pause", "cancel", "remove"] as const)(
    "stops within one turn on %s, and the next one takes its slot",
    async (act) => {
      await using here = await open();
      const { office } = here;
      const [a] = await here.add("a", "b", "c");
      office.controls[act](a as JobId);
      await settle();
      expect(here.stopped()).toEqual([true, false, false]);
      expect(here.names()).toEqual(["a", "b", "c"]);
      const after = { pause: "paused", cancel: "cancelled", remove: undefined }[act];
      expect(office.catalog.jobs.get(a as JobId)?.state).toBe(after);
      expect(office.ended.map(({ state }) => state)).toEqual(act === "cancel" ? ["cancelled"] : []);
    },
  );

  test("that was paused begins anew when it is resumed", async () => {
    await using here = await open();
    const [a] = await here.add("a");
    here.office.controls.pause(a as JobId);
    here.office.controls.pause(a as JobId);
    await settle();
    expect(here.office.controls.resume(a as JobId).state).toBe("queued");
    await settle();
    expect(here.office.job(a as JobId)).toMatchObject({ state: "importing", attempts: 2 });
  });

  test("that waits starts at once when it is resumed", async () => {
    await using here = await open();
    const [a] = await here.add("a");
    here.runs[0]?.fail(providerDown());
    await settle();
    here.office.controls.resume(a as JobId);
    await settle();
    expect(here.runs).toHaveLength(2);
  });

  test("that failed begins anew with the passwords of a retry", async () => {
    await using here = await open();
    const { office } = here;
    const [a] = await here.add("a");
    here.runs[0]?.fail(new FormatError("ARCHIVE_ENCRYPTED", "no password fits"));
    await settle();
    expect(office.job(a as JobId)).toMatchObject({ state: "failed", errorCode: "ARCHIVE_ENCRYPTED" });
    office.controls.retry(a as JobId, ["sesame"]);
    await settle();
    expect(office.job(a as JobId)).toMatchObject({ state: "importing", error: undefined, errorCode: undefined });
    expect(office.catalog.jobs.source(a as JobId).passwords).toEqual(["sesame"]);
  });

  test("is refused what makes no sense in its state", async () => {
    await using here = await open();
    const { controls } = here.office;
    const [a] = await here.add("a");
    const refused = (act: () => unknown) => {
      try {
        return act();
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    expect(refused(() => controls.retry(a as JobId))).toBe("CONFLICT");
    here.runs[0]?.fail(new FormatError("NZB_MALFORMED", "bad"));
    await settle();
    expect([refused(() => controls.pause(a as JobId)), refused(() => controls.resume(a as JobId))]).toEqual([
      "CONFLICT",
      "CONFLICT",
    ]);
    expect(refused(() => controls.cancel("nobody" as JobId))).toBe("NOT_FOUND");
    expect(controls.remove("nobody" as JobId)).toBe(false);
    expect(controls.remove(a as JobId)).toBe(true);
  });
});

describe("slots", () => {
  test("that become free at once are filled at once", async () => {
    await using here = await open();
    await here.add("a", "b", "c", "d");
    for (const run of here.runs.slice()) run.fail(new FormatError("NZB_MALFORMED", "bad"));
    await settle();
    expect(here.names()).toEqual(["a", "b", "c", "d"]);
    here.office.admission.change({ maxJobs: 5 });
    await here.add("e", "f", "g", "h");
    expect(here.names()).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
  });

  test("go to a job whose NZB has come, once the queue is woken", async () => {
    await using here = await open();
    const { jobs } = here.office.catalog;
    const { job } = jobs.addFetch({
      name: "far",
      category: "tv",
      passwords: [],
      url: "https://indexer.example/1?key=2",
    });
    here.imports.wake();
    await settle();
    expect(here.runs).toEqual([]);
    jobs.fetched(job.id, { digest: "d", nzb: new Uint8Array([1]), bytes: 1 });
    here.imports.wake();
    await settle();
    expect(here.names()).toEqual(["far"]);
  });
});

describe("whoever is told of jobs that have ended", () => {
  test("hears of each once, as it stands", async () => {
    using office = new Office();
    office.usenet.post({ name: "film.mkv", parts: parts(10, 1000) });
    const { id } = await office.queue("Film");
    await using _ = await office.start();
    while (office.ended.length === 0) await settle();
    expect(office.ended).toEqual([office.job(id)]);
    expect(office.ended[0]).toMatchObject({ state: "completed", progress: 1 });
    expect(office.ended[0]?.endedAt).toBeGreaterThanOrEqual(office.ended[0]?.startedAt as number);
  });

  test("hears nothing of one that waits, goes back to the queue, or was cancelled and started anew", async () => {
    await using here = await open();
    const [a, b] = await here.add("a", "b");
    here.runs[0]?.fail(providerDown());
    here.office.controls.cancel(b as JobId);
    here.office.controls.retry(b as JobId);
    await settle();
    expect([here.office.job(a as JobId).state, here.office.job(b as JobId).state]).toEqual(["waiting", "importing"]);
    expect(here.office.ended).toEqual([]);
  });
});
