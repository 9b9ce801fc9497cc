import { getEventListeners, getMaxListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { ArticleError, CatalogError, FormatError } from "../../src/base/errors.ts";
import { retryDelayMs } from "../../src/import/retry-delay.ts";
import { startImports } from "../../src/import/runner.ts";
import { until } from "../until.ts";
import { idOf, parts, providerDown } from "./fake-usenet.ts";
import { gatedImporter, Office } from "./office.ts";
import { settle } from "./workshop.ts";

describe("the queue", () => {
  test("imports what is queued, from start to library, with one line in the log", async () => {
    using office = new Office();
    office.usenet.post({ name: "film.mkv", parts: parts(10, 1000) });
    const { id } = await office.queue("Film");
    await using _ = await office.start();
    await until(() => office.lines.length > 0);
    expect(office.job(id)).toMatchObject({ state: "completed", progress: 1, reason: undefined });
    expect(office.files("movies/Film")).toEqual({ "film.mkv": 10_000 });
    expect(office.lines.map(([level, message]) => [level, message])).toEqual([["info", "import completed"]]);
    expect(office.ticketsOut).toBe(0);
  });

  test("is woken by a new job, and sleeps on one timer before that", async () => {
    using office = new Office();
    const { importer, runs } = gatedImporter();
    await using imports = await office.start(importer);
    await settle();
    expect(office.clock.timers).toBe(1);
    office.add("a");
    await settle();
    expect(runs).toHaveLength(0);
    imports.wake();
    await settle();
    expect(runs.map(({ job }) => job.name)).toEqual(["a"]);
  });

  test("runs as many at once as admission allows, oldest first", async () => {
    using office = new Office();
    const { importer, runs } = gatedImporter();
    for (const name of ["a", "b", "c"]) office.add(name);
    await using _ = await office.start(importer);
    await settle();
    expect(runs.map(({ job }) => job.name)).toEqual(["a", "b"]);
    runs[0]?.fail(new FormatError("NZB_MALFORMED", "bad"));
    await settle();
    expect(runs.map(({ job }) => job.name)).toEqual(["a", "b", "c"]);
    expect(office.ticketsOut).toBe(2);
  });

  test("claims nothing while somebody watches, and goes on after the hold-off", async () => {
    using office = new Office();
    const { importer, runs } = gatedImporter();
    const ticket = office.admission.openStream({ key: "film" });
    const id = office.add("a");
    await using _ = await office.start(importer);
    await settle();
    expect(office.job(id)).toMatchObject({ state: "queued", attempts: 0 });
    ticket[Symbol.dispose]();
    office.clock.advance(15_001);
    await settle();
    expect(runs).toHaveLength(1);
    expect(office.job(id).state).toBe("importing");
  });

  test("takes up what a dead process left behind", async () => {
    using office = new Office();
    const { importer, runs } = gatedImporter();
    office.add("a");
    office.catalog.jobs.claim();
    await using _ = await office.start(importer);
    await settle();
    expect(runs[0]?.job).toMatchObject({ name: "a", attempts: 2 });
  });

  test("writes progress at most four times a second", async () => {
    using office = new Office();
    const { importer, runs } = gatedImporter();
    const id = office.add("a");
    await using _ = await office.start(importer);
    await settle();
    runs[0]?.onProgress(0.25);
    office.clock.advance(249);
    runs[0]?.onProgress(0.5);
    expect(office.job(id).progress).toBe(0.25);
    office.clock.advance(1);
    runs[0]?.onProgress(0.75);
    expect(office.job(id).progress).toBe(0.75);
  });
});

describe("a clock that is set right", () => {
  const MONTH = 30 * 24 * 3_600_000;

  async function afterAMonthBack() {
    const office = new Office();
    const { importer, runs } = gatedImporter();
    const id = office.add("a");
    const imports = await office.start(importer);
    await settle();
    runs[0]?.fail(providerDown());
    await settle();
    const wall = office.clock.wall.bind(office.clock);
    office.clock.wall = () => wall() - MONTH;
    return { office, importer, runs, id, imports };
  }

  test("by a month back keeps nothing waiting for that month: it is tried again within the hour", async () => {
    const { office, runs, id, imports } = await afterAMonthBack();
    expect(office.job(id).state).toBe("waiting");
    office.clock.advance(3_600_000);
    await settle();
    expect(runs).toHaveLength(2);
    expect(office.lines.map(([, message]) => message)).toContain("the clock was set back: imports that waited are due");
    await imports[Symbol.asyncDispose]();
    office[Symbol.dispose]();
  });

  test("by a month back while the program was not there: it is tried again at once", async () => {
    const { office, importer, runs, imports } = await afterAMonthBack();
    await imports[Symbol.asyncDispose]();
    await using _ = await office.start(importer);
    await settle();
    expect(runs).toHaveLength(2);
    office[Symbol.dispose]();
  });

  test("a second look that is set to come in days comes in days", async () => {
    using office = new Office();
    const { importer, runs } = gatedImporter();
    const id = office.add("a");
    await using _ = await office.start(importer, 3 * 24 * 3_600_000);
    await settle();
    runs[0]?.fail(new ArticleError("ARTICLE_MISSING", "they are missing"));
    await settle();
    for (let hour = 0; hour < 71; hour += 1) {
      office.clock.advance(3_600_000);
      await settle();
    }
    expect(office.job(id).state).toBe("waiting");
    office.clock.advance(3_600_000);
    await settle();
    expect(runs).toHaveLength(2);
  });
});

test("a hundred jobs at once, as many as may be set, listen without a warning of a leak, and leave nothing", async () => {
  using office = new Office();
  const { importer, runs } = gatedImporter();
  const { catalog, admission, clock, log } = office;
  admission.change({ maxJobs: 100 });
  for (let number = 0; number < 100; number += 1) office.add(`job ${number}`);
  const signals = new Set<AbortSignal>();
  const watched: Pick<typeof admission, "admitJob"> = {
    admitJob(cancel) {
      signals.add(cancel.signal);
      return admission.admitJob(cancel);
    },
  };
  const imports = await startImports({ catalog, importer, admission: watched, secondLookMs: 0, clock, log });
  await until(() => runs.length === 100);
  const [signal] = [...signals] as [AbortSignal];
  expect(signals.size).toBe(1);
  expect(getEventListeners(signal, "abort").length).toBeLessThanOrEqual(getMaxListeners(signal));
  await imports[Symbol.asyncDispose]();
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

describe("an import that does not succeed", () => {
  async function outcomeOf(error: unknown) {
    const office = new Office();
    const { importer, runs } = gatedImporter();
    const id = office.add("a");
    const imports = await office.start(importer);
    await settle();
    runs[0]?.fail(error);
    await settle();
    return { office, id, imports, runs, job: office.job(id) };
  }

  test("because of the post fails with the reason and advice", async () => {
    const { office, imports, job } = await outcomeOf(
      new FormatError("NZB_MALFORMED", "it is bad", { hint: "get another" }),
    );
    expect(job).toMatchObject({ state: "failed", error: "it is bad", hint: "get another" });
    expect(office.lines.map(([level, message]) => [level, message])).toEqual([["info", "import failed"]]);
    await imports[Symbol.asyncDispose]();
    office[Symbol.dispose]();
  });

  test("because of a provider waits and is tried again by itself", async () => {
    const { office, id, imports, runs, job } = await outcomeOf(providerDown());
    const reason = "news.example.com refuses connections; next try in 10 s";
    expect(job).toMatchObject({ state: "waiting", reason, error: undefined, notBefore: office.clock.wall() + 10_000 });
    office.clock.advance(9_999);
    await settle();
    expect(runs).toHaveLength(1);
    office.clock.advance(1);
    await settle();
    expect(runs).toHaveLength(2);
    expect(office.job(id)).toMatchObject({ state: "importing", attempts: 2 });
    await imports[Symbol.asyncDispose]();
    office[Symbol.dispose]();
  });

  test("because the disk is full waits as well", async () => {
    const { office, imports, job } = await outcomeOf(new CatalogError("DISK_FULL", "the disk is full"));
    expect(job.state).toBe("waiting");
    await imports[Symbol.asyncDispose]();
    office[Symbol.dispose]();
  });

  test("for an unforeseen reason fails, is logged once as an error, and the queue goes on", async () => {
    const { office, imports, runs, job } = await outcomeOf(new TypeError("undefined is not a function"));
    expect(job).toMatchObject({ state: "failed", error: "undefined is not a function" });
    expect(office.lines.map(([level, message]) => [level, message])).toEqual([["error", "import failed"]]);
    office.add("b");
    imports.wake();
    await settle();
    expect(runs).toHaveLength(2);
    await imports[Symbol.asyncDispose]();
    office[Symbol.dispose]();
  });

  test("because it was cancelled stops at once and stays cancelled", async () => {
    using office = new Office();
    const { importer, runs } = gatedImporter();
    const id = office.add("a");
    await using imports = await office.start(importer);
    await settle();
    office.catalog.jobs.update(id, { state: "cancelled" });
    imports.wake();
    await settle();
    expect(runs[0]?.signal.aborted).toBe(true);
    expect(office.job(id).state).toBe("cancelled");
    expect(office.ticketsOut).toBe(0);
  });

  test("because it was cancelled and retried at once runs anew, untouched by the run that ends", async () => {
    using office = new Office();
    const { importer, runs } = gatedImporter();
    const id = office.add("a");
    await using imports = await office.start(importer);
    await settle();
    office.catalog.jobs.update(id, { state: "cancelled" });
    office.catalog.jobs.update(id, { state: "queued" });
    imports.wake();
    await settle();
    expect(runs.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    expect(office.job(id)).toMatchObject({ state: "importing", attempts: 2 });
    expect(office.ticketsOut).toBe(1);
  });

  test("because it was cancelled without a word leaves nothing in the library", async () => {
    using office = new Office();
    office.usenet.post({ name: "film.mkv", parts: parts(10, 1000) });
    const { id } = await office.queue("Film");
    office.usenet.isHeld = true;
    await using _ = await office.start();
    await until(() => office.usenet.running > 0);
    office.catalog.jobs.update(id, { state: "cancelled" });
    office.usenet.release();
    await until(() => office.lines.length > 0);
    expect(office.job(id).state).toBe("cancelled");
    expect(office.catalog.stats().releases).toBe(0);
    expect(office.lines.map(([, message]) => message)).toEqual(["import withdrawn"]);
  });
});

describe("stopping", () => {
  test("puts running imports back into the queue, and leaves no timer, ticket or question", async () => {
    using office = new Office();
    office.usenet.post({ name: "film.mkv", parts: parts(10, 1000) });
    const { id } = await office.queue("Film");
    office.usenet.isHeld = true;
    const imports = await office.start();
    await until(() => office.usenet.running > 0);
    expect(office.job(id).state).toBe("importing");
    await imports[Symbol.asyncDispose]();
    await imports[Symbol.asyncDispose]();
    expect(office.job(id)).toMatchObject({ state: "queued", error: undefined });
    expect([office.usenet.running, office.ticketsOut, office.clock.timers]).toEqual([0, 0, 0]);

    office.usenet.release();
    await using _ = await office.start();
    await until(() => office.job(id).state === "completed");
  });

  test("while waiting for admission gives up the place in the line", async () => {
    using office = new Office();
    const stream = office.admission.openStream({ key: "film" });
    office.add("a");
    const imports = await office.start();
    await settle();
    expect(office.admission.state.jobs.waiting).toBe(1);
    await imports[Symbol.asyncDispose]();
    expect(office.admission.state.jobs.waiting).toBe(0);
    stream[Symbol.dispose]();
    office.admission[Symbol.dispose]();
  });
});

test("a job whose provider comes back is completed without a restart", async () => {
  using office = new Office();
  office.usenet.post({ name: "film.mkv", parts: parts(10, 1000), missing: (index) => index === 3 });
  office.usenet.trouble = () => providerDown();
  const { id } = await office.queue("Film");
  await using _ = await office.start();
  await until(() => office.job(id).state === "waiting");
  await settle();
  office.usenet.trouble = () => undefined;
  office.clock.advance(10_000);
  await until(() => office.job(id).state === "completed");
  expect(office.segments("movies/Film/film.mkv")[9]?.[2]).toBe(idOf(1, 9));
});

test("what should be known of a completed import stands in its reason", async () => {
  using office = new Office();
  office.usenet.post({ name: "film.rar", parts: [10] });
  const { id } = await office.queue("Film");
  await using _ = await office.start();
  await until(() => office.lines.length > 0);
  expect(office.job(id)).toMatchObject({ state: "completed", reason: expect.stringContaining("kept as posted") });
});

test("the pause before a retry grows from 10 s to an hour, and is spread by a fifth", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 50].map((attempts) => retryDelayMs(attempts, 0.5) / 1000)).toEqual([
    10, 30, 60, 300, 900, 3600, 3600, 3600,
  ]);
  expect([retryDelayMs(1, 0), retryDelayMs(1, 1)]).toEqual([8_000, 12_000]);
});
