import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { errorCode } from "../../src/base/errors.ts";
import type { JobPriority } from "../../src/catalog/jobs.ts";
import { categoryRules } from "../../src/import/category-rules.ts";
import type { Submission } from "../../src/import/intake.ts";
import { createIntake } from "../../src/import/spooled-intake.ts";
import { until } from "../until.ts";
import { parts } from "./fake-usenet.ts";
import { parser, rejection, settle, Workshop } from "./workshop.ts";
import { zipOf } from "./zip-of.ts";

async function* inPieces(bytes: Uint8Array, size = 100) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const RULE = { folder: "", check: "none", leastPercent: 0, payload: "any", exclude: [], samples: "keep" } as const;

class Desk extends Workshop {
  queued = 0;
  fetches = 0;

  async open(maxNzbBytes = 1_000_000) {
    return await createIntake({
      dataDir: this.folder,
      jobs: this.catalog.jobs,
      parser,
      maxNzbBytes,
      rules: categoryRules([{ ...RULE, name: "urgent", priority: "high" }]),
      onQueued: () => {
        this.queued += 1;
      },
      onFetch: () => {
        this.fetches += 1;
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

describe("a bundle", () => {
  /** So many NZBs of different posts. */
  function nzbs(d: Desk, count: number): readonly Buffer[] {
    return Array.from({ length: count }, (_, index) => {
      d.usenet.post({ name: `Film ${index}.mkv`, parts: parts(2, 100 + index) });
      return d.usenet.nzb();
    });
  }

  /** An NZB without a title, so that its file names it. */
  const untitled = (d: Desk) => Buffer.from(d.usenet.nzb().toString().replace(/<head>.*<\/head>/s, ""));

  async function bundle(d: Desk, bytes: Uint8Array, change: Partial<Submission> = {}, maxNzbBytes?: number) {
    const results = await (await d.open(maxNzbBytes)).submitBundle(submission(bytes, change));
    expect(d.spooled).toEqual([]);
    return results.map(({ fileName, outcome }) => [
      fileName,
      "job" in outcome ? outcome.job.name : (outcome.error as { code: string }).code,
    ]);
  }

  test("of one is that NZB, whatever it is packed with", async () => {
    using d = desk();
    const nzb = d.usenet.nzb();
    expect(await bundle(d, nzb, { fileName: "A.nzb" })).toEqual([["A.nzb", "A"]]);
    expect(await bundle(d, gzipSync(nzb), { fileName: "B.nzb.gz" })).toEqual([["B.nzb.gz", "A"]]);
    expect(await bundle(d, zipOf([{ name: "C.nzb", bytes: nzb }]))).toEqual([["C.nzb", "A"]]);
    expect(d.jobs).toBe(1);
  });

  test("of one that is refused says so as its result", async () => {
    using d = desk();
    expect(await bundle(d, Buffer.from("no NZB"), { fileName: "a.nzb" })).toEqual([["a.nzb", "NZB_MALFORMED"]]);
  });

  test("is a ZIP of NZBs at any depth, in its order, each under its own name; the rest of it is passed over", async () => {
    using d = desk();
    const [one, two, three] = nzbs(d, 3) as [Buffer, Buffer, Buffer];
    const files = [
      { name: "readme.txt", bytes: Buffer.from("hello") },
      { name: "Größe.nzb", bytes: one },
      { name: "a/b/../Two{{secret}}.nzb", bytes: two },
      { name: "__MACOSX/a/b/._Two.nzb", bytes: Buffer.from("shadow") },
      { name: "bad.nzb", bytes: Buffer.from("no NZB") },
      { name: "c:\\x\\Three.NZB.gz", bytes: gzipSync(three) },
    ];
    expect(await bundle(d, zipOf(files), { name: "The Whole", fileName: "all.zip", category: "tv" })).toEqual([
      ["Größe.nzb", "Größe"],
      ["Two{{secret}}.nzb", "Two"],
      ["bad.nzb", "NZB_MALFORMED"],
      ["Three.NZB.gz", "Three"],
    ]);
    const jobs = d.catalog.jobs.list({ limit: 10 }).toReversed();
    expect(jobs.map(({ category }) => category)).toEqual(["tv", "tv", "tv"]);
    expect(d.catalog.jobs.source(jobs[1]?.id as never).passwords).toEqual(["secret"]);
    expect(d.queued).toBe(3);
  });

  test("of one in a ZIP is called as the request asks", async () => {
    using d = desk();
    const zip = zipOf([{ name: "x.nzb", bytes: d.usenet.nzb() }]);
    expect(await bundle(d, zip, { name: "Asked" })).toEqual([["x.nzb", "Asked"]]);
  });

  test("with an NZB that is not what the ZIP says of it keeps the others", async () => {
    using d = desk();
    const [one, two, three] = nzbs(d, 3) as [Buffer, Buffer, Buffer];
    const files = [
      { name: "short.nzb", bytes: one, claims: { size: one.length - 1 } },
      { name: "long.nzb", bytes: one, claims: { size: one.length + 1 } },
      { name: "wrong.nzb", bytes: one, claims: { crc32: 1 } },
      { name: "method.nzb", bytes: one, claims: { method: 14 } },
      { name: "large.nzb", bytes: Buffer.alloc(50_001, " ") },
      { name: "empty.nzb", bytes: Buffer.alloc(0) },
      { name: "two.nzb", bytes: two },
      { name: "three.nzb", bytes: three },
    ];
    expect(await bundle(d, zipOf(files), {}, 50_000)).toEqual([
      ["short.nzb", "NZB_MALFORMED"],
      ["long.nzb", "NZB_MALFORMED"],
      ["wrong.nzb", "NZB_MALFORMED"],
      ["method.nzb", "NZB_MALFORMED"],
      ["large.nzb", "NZB_TOO_LARGE"],
      ["empty.nzb", "NZB_MALFORMED"],
      ["two.nzb", "two"],
      ["three.nzb", "three"],
    ]);
  });

  const nothing = Buffer.from("nothing");
  const many = (count: number) => Array.from({ length: count }, (_, n) => ({ name: `${n}.txt`, bytes: nothing }));
  test.each<[string, () => Buffer, string, string]>([
    ["holds no NZB", () => zipOf(many(2)), "NZB_MALFORMED", "holds no NZB"],
    ["holds too many files", () => zipOf(many(1_001)), "NZB_TOO_LARGE", "more than 1000 files"],
    [
      "is encrypted",
      () => zipOf([{ name: "a.nzb", bytes: nothing, claims: { flags: 1 } }]),
      "NZB_MALFORMED",
      "is encrypted",
    ],
    [
      "is strongly encrypted",
      () => zipOf([{ name: "a.nzb", bytes: nothing, claims: { flags: 0x41 } }]),
      "NZB_MALFORMED",
      "is encrypted",
    ],
    ["is cut off", () => zipOf(many(3)).subarray(0, 60), "NZB_MALFORMED", "cannot be read"],
    [
      "says itself that it is a bomb",
      () => zipOf(["a", "b", "c"].map((n) => ({ name: `${n}.nzb`, bytes: nothing, claims: { size: 300_000 } }))),
      "NZB_TOO_LARGE",
      "more than 800000 bytes",
    ],
  ])("that %s is refused as a whole", async (_what, zip, code, phrase) => {
    using d = desk();
    const error = await rejection((await d.open(200_000)).submitBundle(submission(zip())));
    expect(error).toMatchObject({ code, message: expect.stringContaining(phrase), hint: expect.any(String) });
    expect([d.jobs, d.spooled]).toEqual([0, []]);
  });

  test("that is a bomb and lies about it gives no more than it may", async () => {
    using d = desk();
    const bomb = { bytes: Buffer.alloc(9_000_000), claims: { size: 1_000 } };
    const files = ["a", "b", "c"].map((name) => ({ name: `${name}.nzb`, ...bomb }));
    const results = await bundle(d, zipOf(files), {}, 50_000);
    expect(results.map(([, code]) => code)).toEqual(["NZB_MALFORMED", "NZB_MALFORMED", "NZB_MALFORMED"]);
  });

  test("that has a directory of megabytes is refused as a whole", async () => {
    using d = desk();
    const zip = zipOf(many(100).map((file) => ({ ...file, comment: Buffer.alloc(60_000) })));
    const error = await rejection((await d.open(10_000_000)).submitBundle(submission(zip)));
    expect(error).toMatchObject({ code: "NZB_MALFORMED", message: expect.stringContaining("directory is too long") });
  });

  test("that packs bombs twice, two hundred at the same place, is unpacked up to its limit and no further", async () => {
    using d = desk();
    const name = (at: number) => `${at}.nzb.gz`;
    const bytes = gzipSync(Buffer.alloc(49_000, " "));
    const others = Array.from({ length: 199 }, (_, at) => ({ name: name(at), bytes, claims: { isOverlapping: true } }));
    const results = await bundle(d, zipOf([{ name: "first.nzb.gz", bytes }, ...others]), {}, 50_000);
    // Four limits' worth, and no more.
    expect(results.map(([, code]) => code)).toEqual([
      ...Array(4).fill("NZB_MALFORMED"),
      ...Array(196).fill("NZB_TOO_LARGE"),
    ]);
  });

  test.each<[string, (nzb: Buffer) => Buffer, string]>([
    ["packed with gzip", gzipSync, "x"],
    ["packed with gzip twice", (nzb) => gzipSync(gzipSync(nzb)), "NZB_MALFORMED"],
    [
      "in a gzip of two members, one byte first",
      (nzb) => Buffer.concat([gzipSync(nzb.subarray(0, 1)), gzipSync(nzb.subarray(1))]),
      "x",
    ],
    ["whose gzip is cut off", (nzb) => gzipSync(nzb).subarray(0, 90), "NZB_MALFORMED"],
  ])("may hold an NZB %s", async (_what, pack, outcome) => {
    using d = desk();
    expect(await bundle(d, zipOf([{ name: "x.nzb", bytes: pack(untitled(d)) }]))).toEqual([["x.nzb", outcome]]);
  });

  test.each<[string, Buffer, number, string]>([
    ["UTF-8 that does not say so", Buffer.from("Größe.nzb"), 0, "Größe"],
    ["the letters of DOS", Buffer.from("Gr\x94\xe1e.nzb", "latin1"), 0, "Größe"],
    ["a password with a slash", Buffer.from("a/Film {{p/w}}.nzb"), 0x800, "Film"],
  ])("may have names in %s", async (_what, label, flags, name) => {
    using d = desk();
    const [[, found] = []] = await bundle(d, zipOf([{ name: label, bytes: untitled(d), claims: { flags } }]));
    expect(found).toBe(name);
  });

  test("an NZB that is called a ZIP is called as if it were none", async () => {
    using d = desk();
    expect(await bundle(d, untitled(d), { fileName: "Some Name.zip" })).toEqual([["Some Name.zip", "Some Name"]]);
  });

  test("that is aborted in the middle ends with the reason; what was queued stays", async () => {
    using d = desk();
    const abort = new AbortController();
    const [one, two] = nzbs(d, 2) as [Buffer, Buffer];
    const zip = zipOf([
      { name: "one.nzb", bytes: one },
      { name: "two.nzb", bytes: two },
    ]);
    const intake = await d.open();
    const work = rejection(intake.submitBundle(submission(zip, { signal: abort.signal })));
    await until(() => d.queued === 1);
    abort.abort(new Error("left"));
    expect((await work).message).toBe("left");
    expect([d.jobs, d.spooled]).toEqual([1, []]);
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
