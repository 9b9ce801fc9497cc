import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { errorCode } from "../../src/base/errors.ts";
import type { JobPriority } from "../../src/catalog/jobs.ts";
import type { Submission } from "../../src/import/intake.ts";
import { until } from "../until.ts";
import { desk, submission } from "./desk.ts";
import { rejection, settle } from "./workshop.ts";

describe("an accepted NZB", () => {
  test("is queued with its bytes, packed, and leaves no file behind", async () => {
    using d = desk();
    const nzb = d.usenet.nzb();
    const { job, isNew } = await (await d.open()).submit(submission(nzb));
    expect(isNew).toBe(true);
    expect(job).toMatchObject({ state: "queued", name: "Some.Film", category: "movies" });
    expect(gunzipSync(d.catalog.jobs.source(job.id).nzb).equals(nzb)).toBe(true);
    expect(d.spooled).toEqual([]);
    expect(d.queued).toBe(1);
  });

  test("that came packed is kept as it came", async () => {
    using d = desk();
    const packed = gzipSync(d.usenet.nzb());
    const { job } = await (await d.open()).submit(submission(packed));
    expect(d.catalog.jobs.source(job.id).nzb.equals(packed)).toBe(true);
  });

  test("is the same job when it comes again, however it is written", async () => {
    using d = desk();
    const intake = await d.open();
    const first = await intake.submit(submission(d.usenet.nzb()));
    const again = await intake.submit(submission(gzipSync(d.usenet.nzb({ title: "Another" })), { fileName: "b.nzb" }));
    expect(again).toMatchObject({ isNew: false, job: { id: first.job.id, name: "Some.Film" } });
    expect([d.jobs, d.queued]).toEqual([1, 1]);
  });

  test("is one job when it comes ten times at once", async () => {
    using d = desk();
    const intake = await d.open();
    const all = await Promise.all(Array.from({ length: 10 }, () => intake.submit(submission(d.usenet.nzb()))));
    expect(new Set(all.map(({ job }) => job.id)).size).toBe(1);
    expect(all.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(d.spooled).toEqual([]);
  });

  test("takes its name from the request, then its title, then its file name", async () => {
    const nameOf = async (head: Record<string, string>, change: Partial<Submission>) => {
      using d = desk();
      return (await (await d.open()).submit(submission(d.usenet.nzb(head), change))).job.name;
    };
    expect(await nameOf({ title: "Title" }, { name: "Asked: AC/DC", fileName: "File.nzb" })).toBe("Asked_ AC_DC");
    expect(await nameOf({ title: "Title" }, { fileName: "File.nzb" })).toBe("Title");
    expect(await nameOf({}, { fileName: "File{{secret}}.nzb.gz" })).toBe("File");
  });

  test("keeps the passwords of request, name and file name, in that order, each once", async () => {
    using d = desk();
    const intake = await d.open();
    const { job } = await intake.submit(
      submission(d.usenet.nzb(), { passwords: ["one", "two"], name: "Film{{two}}", fileName: "x{{three}}.nzb" }),
    );
    expect(job.name).toBe("Film");
    expect(d.catalog.jobs.source(job.id).passwords).toEqual(["one", "two", "three"]);
  });

  test("knows the bytes of its articles, and the name of its file", async () => {
    using d = desk();
    const { job } = await (await d.open()).submit(submission(d.usenet.nzb(), { fileName: "A Film.nzb" }));
    expect(job).toMatchObject({ bytes: 10 * 1030, nzbName: "A Film.nzb" });
  });

  test.each<[string, JobPriority | undefined, JobPriority]>([
    ["movies", undefined, "normal"],
    ["urgent", undefined, "high"],
    ["urgent", "low", "low"],
  ])("of the category %s that asks for the priority %s gets %s", async (category, asked, priority) => {
    using d = desk();
    const wish = { category, ...(asked && { priority: asked }) };
    expect((await (await d.open()).submit(submission(d.usenet.nzb(), wish))).job.priority).toBe(priority);
  });

  test("waits until somebody resumes it when that was asked for", async () => {
    using d = desk();
    const { job } = await (await d.open()).submit(submission(d.usenet.nzb(), { isPaused: true }));
    expect(job.state).toBe("paused");
    expect(d.catalog.jobs.claim()).toBeUndefined();
  });

  test("that was imported before is a job of its own only where that is asked for", async () => {
    using d = desk();
    const intake = await d.open();
    const { job } = await intake.submit(submission(d.usenet.nzb()));
    await d.importer.run(d.catalog.jobs.claim() as never, { signal: new AbortController().signal, onProgress() {} });
    expect(await intake.submit(submission(d.usenet.nzb()))).toMatchObject({ isNew: false, job: { id: job.id } });
    const again = await intake.submit(submission(d.usenet.nzb(), { whenCompleted: "a new job" }));
    expect([again.isNew, again.job.state, again.job.id === job.id]).toEqual([true, "queued", false]);
  });

  test("without a category is in the default one", async () => {
    using d = desk();
    expect((await (await d.open()).submit(submission(d.usenet.nzb(), { category: "" }))).job.category).toBe("default");
  });
});

describe("a refused NZB", () => {
  test.each(["a/b", "..", "C:", "nul", " movies", "x\u0000", "what?"])("for the category %j", async (category) => {
    using d = desk();
    const error = await rejection((await d.open()).submit(submission(d.usenet.nzb(), { category })));
    expect(error.code).toBe("BAD_REQUEST");
    expect(d.jobs).toBe(0);
  });

  test.each(["..", "???", "a".repeat(1001)])("for the name %j", async (name) => {
    using d = desk();
    const error = await rejection((await d.open()).submit(submission(d.usenet.nzb(), { name })));
    expect(error.code).toBe("BAD_REQUEST");
  });

  test("for its size is given up while it streams", async () => {
    using d = desk();
    let sent = 0;
    let isClosed = false;
    async function* endless() {
      try {
        for (;;) {
          sent += 1000;
          yield Buffer.alloc(1000, 32);
        }
      } finally {
        isClosed = true;
      }
    }
    const intake = await d.open(10_000);
    const error = await rejection(intake.submit(submission(Buffer.alloc(0), { body: endless() })));
    await settle();
    expect(error.code).toBe("NZB_TOO_LARGE");
    expect(sent).toBe(11_000);
    expect(isClosed).toBe(true);
    expect(d.spooled).toEqual([]);
  });

  test("of exactly the allowed size is taken, of one byte more is not", async () => {
    using d = desk();
    const nzb = d.usenet.nzb();
    expect((await rejection((await d.open(nzb.length - 1)).submit(submission(nzb)))).code).toBe("NZB_TOO_LARGE");
    expect((await (await d.open(nzb.length)).submit(submission(nzb))).isNew).toBe(true);
  });

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["no XML", Buffer.from("hello")],
    ["half of it", undefined],
  ])("for being %s", async (_what, bytes) => {
    using d = desk();
    const nzb = d.usenet.nzb();
    const error = await rejection((await d.open()).submit(submission(bytes ?? nzb.subarray(0, nzb.length / 2))));
    expect(error.code).toBe("NZB_MALFORMED");
    expect([d.jobs, d.spooled]).toEqual([0, []]);
  });

  test("is one whose sender breaks off: its error comes through and nothing is queued", async () => {
    using d = desk();
    const cut = new Error("aborted");
    async function* cutOff() {
      yield d.usenet.nzb().subarray(0, 50);
      throw cut;
    }
    expect(await rejection((await d.open()).submit(submission(Buffer.alloc(0), { body: cutOff() })))).toBe(cut);
    expect([d.jobs, d.spooled]).toEqual([0, []]);
  });

  test("is one that is aborted while its sender is silent, at once", async () => {
    using d = desk();
    const abort = new AbortController();
    const reason = new Error("left");
    const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
    const work = rejection(
      (await d.open()).submit(submission(Buffer.alloc(0), { body: silent, signal: abort.signal })),
    );
    await until(() => d.spooled.length === 1);
    abort.abort(reason);
    expect(await work).toBe(reason);
    expect([d.jobs, d.spooled]).toEqual([0, []]);
  });
});

describe("the spool folder", () => {
  test("belongs to its owner alone, and so do the files in it", async () => {
    using d = desk();
    const intake = await d.open();
    let mode = 0;
    async function* looking() {
      yield d.usenet.nzb();
      mode = statSync(join(d.folder, "spool", d.spooled[0] as string)).mode & 0o777;
    }
    await intake.submit(submission(Buffer.alloc(0), { body: looking() }));
    expect(mode).toBe(0o600);
    expect(statSync(join(d.folder, "spool")).mode & 0o777).toBe(0o700);
  });

  test("is emptied of what a dead process left behind", async () => {
    using d = desk();
    mkdirSync(join(d.folder, "spool"));
    const left = join(d.folder, "spool", "1-1.nzb");
    writeFileSync(left, "half an nzb");
    await d.open();
    expect(existsSync(left)).toBe(false);
  });
});

describe("a URL", () => {
  const URL_WITH_KEY = "https://indexer.example/api?t=get&id=1&apikey=0123456789abcdef";

  test("is queued with what was asked, and shows no more than its host", async () => {
    using d = desk();
    const wish = { url: URL_WITH_KEY, category: "urgent", name: "Film{{pw}}", passwords: ["one"], isPaused: true };
    const { job, isNew } = (await d.open()).submitUrl(wish);
    expect(isNew).toBe(true);
    expect(job).toMatchObject({ name: "Film", category: "urgent", priority: "high", state: "paused" });
    expect(job.fetchFrom).toBe("https://indexer.example");
    expect(JSON.stringify(job)).not.toContain("0123456789abcdef");
    expect(d.catalog.jobs.fetch(job.id)).toMatchObject({ url: URL_WITH_KEY, isNamed: true });
    expect([d.fetches, d.queued]).toEqual([1, 0]);
  });

  test("given twice is one job", async () => {
    using d = desk();
    const intake = await d.open();
    const { job } = intake.submitUrl({ url: URL_WITH_KEY, category: "" });
    expect(intake.submitUrl({ url: URL_WITH_KEY, category: "" })).toMatchObject({ isNew: false, job: { id: job.id } });
    expect(job).toMatchObject({ name: "NZB from indexer.example", category: "default" });
    expect(d.fetches).toBe(1);
  });

  test.each([
    ["file:///etc/passwd"],
    ["ftp://host/a.nzb"],
    ["javascript:alert(1)"],
    ["//host/a.nzb"],
    ["a.nzb"],
    [""],
    [`http://host/${"a".repeat(9000)}`],
    ["http://%zz@host/a.nzb"],
  ])("that is none for HTTP is refused: %s", async (url) => {
    using d = desk();
    const intake = await d.open();
    expect(codeOf(() => intake.submitUrl({ url, category: "" }))).toBe("BAD_REQUEST");
    expect(d.jobs).toBe(0);
  });

  test.each([[{ category: "a/b" }], [{ category: "", name: "???" }]])(
    "with a bad wish is refused: %j",
    async (wish) => {
      using d = desk();
      const intake = await d.open();
      expect(codeOf(() => intake.submitUrl({ url: "http://host/", ...wish }))).toBe("BAD_REQUEST");
    },
  );
});

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return errorCode(error);
  }
}
