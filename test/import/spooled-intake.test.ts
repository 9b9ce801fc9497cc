import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import type { Submission } from "../../src/import/intake.ts";
import { createIntake } from "../../src/import/spooled-intake.ts";
import { until } from "../until.ts";
import { parts } from "./fake-usenet.ts";
import { parser, rejection, settle, Workshop } from "./workshop.ts";

async function* inPieces(bytes: Uint8Array, size = 100) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

class Desk extends Workshop {
  queued = 0;

  async open(maxNzbBytes = 1_000_000) {
    return await createIntake({
      dataDir: this.folder,
      jobs: this.catalog.jobs,
      parser,
      maxNzbBytes,
      onQueued: () => {
        this.queued += 1;
      },
    });
  }

  get spooled(): readonly string[] {
    return readdirSync(join(this.folder, "spool"));
  }

  get jobs(): number {
    return this.catalog.jobs.list({ limit: 100 }).length;
  }
}

function desk(): Desk {
  const made = new Desk();
  made.usenet.post({ name: "Some.Film.mkv", parts: parts(10, 1000) });
  return made;
}

function submission(bytes: Uint8Array, change: Partial<Submission> = {}): Submission {
  return {
    body: inPieces(bytes),
    fileName: undefined,
    category: "movies",
    signal: new AbortController().signal,
    ...change,
  };
}

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
