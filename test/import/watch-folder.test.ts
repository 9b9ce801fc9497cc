import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CatalogError } from "../../src/base/errors.ts";
import type { Logger } from "../../src/base/logger.ts";
import { categoryRules } from "../../src/import/category-rules.ts";
import type { Intake } from "../../src/import/intake.ts";
import { createIntake } from "../../src/import/spooled-intake.ts";
import { startWatchFolder } from "../../src/import/watch-folder.ts";
import { until } from "../until.ts";
import { parts } from "./fake-usenet.ts";
import { parser, Workshop } from "./workshop.ts";
import { zipOf } from "./zip-of.ts";

const INTERVAL_MS = 2_000;
/** Looks after which a file is refused that cannot be read: one to see it, and a minute. */
const HELD_STILL = 31;

/** A watched folder in front of a real queue; time passes look by look. */
class Porch extends Workshop implements AsyncDisposable {
  readonly watched = join(this.folder, "watched");
  readonly warnings: string[] = [];
  submissions = 0;
  /** Thrown in place of the next submissions, while it is set. */
  trouble: Error | undefined;
  /** While it is set, no body comes to its end. */
  isHeld = false;
  /** Called when a submission is through, before the file is moved. */
  meanwhile = () => {};
  #watcher: AsyncDisposable | undefined;
  #posted = 0;

  async start(): Promise<void> {
    const intake = await createIntake({
      dataDir: this.folder,
      jobs: this.catalog.jobs,
      parser,
      maxNzbBytes: 100_000,
      rules: categoryRules([]),
      onQueued() {},
      onFetch() {},
    });
    const submitBundle: Intake["submitBundle"] = async (submission) => {
      this.submissions += 1;
      if (this.trouble !== undefined) throw this.trouble;
      const { body } = submission;
      const results = intake.submitBundle(this.isHeld ? { ...submission, body: endless(body) } : submission);
      return await results.finally(() => this.meanwhile());
    };
    const quiet = () => {};
    const warn: Logger["warn"] = (fields, message) => this.warnings.push(`${message} ${JSON.stringify(fields)}`);
    const log: Logger = { debug: quiet, info: quiet, warn, error: quiet };
    const { clock, watched: folder } = this;
    this.#watcher = startWatchFolder({ folder, intervalMs: INTERVAL_MS, intake: { submitBundle }, clock, log });
    await this.#looked();
  }

  async stop(): Promise<void> {
    await this.#watcher?.[Symbol.asyncDispose]();
    this.#watcher = undefined;
  }

  /** Lets so many looks pass. */
  async look(times = 1): Promise<void> {
    for (let time = 0; time < times; time += 1) {
      this.clock.advance(INTERVAL_MS);
      await this.#looked();
    }
  }

  /** The NZB of another post. */
  nzb(): Buffer {
    this.#posted += 1;
    this.usenet.post({ name: `Posted ${this.#posted}.mkv`, parts: parts(1, 1000 + this.#posted) });
    return this.usenet.nzb();
  }

  put(name: string, bytes: Uint8Array | string): string {
    const path = join(this.watched, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, bytes);
    return path;
  }

  /** Everything in the folder, sorted. */
  get seen(): readonly string[] {
    const all = readdirSync(this.watched, { recursive: true, withFileTypes: true });
    return all
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.watched.length + 1))
      .sort();
  }

  get jobs(): readonly string[] {
    return this.catalog.jobs
      .list({ limit: 100 })
      .map(({ category, name }) => `${category}/${name}`)
      .toReversed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    expect(this.clock.timers).toBe(0);
    super[Symbol.dispose]();
  }

  /** A look is over when it has set the timer of the next one. */
  #looked(): Promise<void> {
    return until(() => this.clock.timers === 1);
  }
}

async function* endless(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* body;
  await new Promise<never>(() => {});
}

let porch: Porch;
beforeEach(async () => {
  porch = new Porch();
  mkdirSync(porch.watched);
  await porch.start();
});
afterEach(async () => {
  await porch[Symbol.asyncDispose]();
});

describe("a file in the watched folder", () => {
  test("is queued when it has not changed between two looks, and moved to _done", async () => {
    porch.put("A Film{{pw}}.nzb", porch.nzb());
    await porch.look();
    expect([porch.jobs, porch.seen]).toEqual([[], ["A Film{{pw}}.nzb"]]);
    await porch.look();
    expect([porch.jobs, porch.seen]).toEqual([["default/A Film"], ["_done/A Film{{pw}}.nzb"]]);
    await porch.look(2);
    expect([porch.submissions, porch.warnings]).toEqual([1, []]);
  });

  test("that was there before the start waits for a second look too", async () => {
    await porch.stop();
    porch.put("a.nzb", porch.nzb());
    await porch.start();
    expect(porch.jobs).toEqual([]);
    await porch.look();
    expect(porch.jobs).toEqual(["default/a"]);
  });

  test("that grows is left alone until it holds still; an empty one for ever", async () => {
    const nzb = porch.nzb();
    porch.put("empty.nzb", "");
    for (const length of [10, 100, nzb.length]) {
      porch.put("a.nzb", nzb.subarray(0, length));
      await porch.look();
      expect(porch.submissions).toBe(0);
    }
    await porch.look();
    expect([porch.jobs, porch.seen]).toEqual([["default/a"], ["_done/a.nzb", "empty.nzb"]]);
  });

  test("in a folder is of that category; deeper ones are not looked for", async () => {
    porch.put("tv/Show.NZB", porch.nzb());
    porch.put("movies/Film.nzb.gz", gzipSync(porch.nzb()));
    porch.put("movies/deep/Other.nzb", porch.nzb());
    porch.put("_done/Old.nzb", porch.nzb());
    porch.put(".hidden/x.nzb", porch.nzb());
    await porch.look(3);
    expect(porch.jobs).toEqual(["movies/Film", "tv/Show"]);
    expect(porch.seen).toEqual([
      ".hidden/x.nzb",
      "_done/Film.nzb.gz",
      "_done/Old.nzb",
      "_done/Show.NZB",
      "movies/deep/Other.nzb",
    ]);
  });

  test.each([".a.nzb", "~a.nzb", "a.nzb~", "a.nzb.part", "a.nzb.tmp", "a.txt", ".nzb", "a.nzb.gz.crdownload"])(
    "called %s is none",
    async (name) => {
      porch.put(name, porch.nzb());
      await porch.look(3);
      expect([porch.submissions, porch.seen]).toEqual([0, [name]]);
    },
  );

  test("that is a link is not followed, nor is a folder that is one", async () => {
    const outside = join(porch.folder, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "a.nzb"), porch.nzb());
    symlinkSync(join(outside, "a.nzb"), join(porch.watched, "link.nzb"));
    symlinkSync(outside, join(porch.watched, "tv"));
    await porch.look(3);
    expect(porch.submissions).toBe(0);
    expect(existsSync(join(outside, "a.nzb"))).toBe(true);
  });

  test("may be a ZIP of several; those of it that are refused are named beside it", async () => {
    const good = { name: "Good.nzb", bytes: porch.nzb() };
    porch.put("tv/good.zip", zipOf([good, { name: "Gut.nzb", bytes: porch.nzb() }]));
    porch.put("tv/mixed.zip", zipOf([good, { name: "Bad.nzb", bytes: Buffer.from("no NZB") }]));
    await porch.look(2);
    expect(porch.jobs).toEqual(["tv/Good", "tv/Gut"]);
    expect(porch.seen).toEqual(["_done/good.zip", "_done/mixed.zip", "_done/mixed.zip.error.txt"]);
    expect(readFileSync(join(porch.watched, "_done/mixed.zip.error.txt"), "utf8")).toMatch(
      /^Bad\.nzb was not imported\.\n/,
    );
  });

  test("gets a number where its name is taken, and goes with its text", async () => {
    for (let time = 0; time < 3; time += 1) {
      porch.put("a.nzb", "no NZB");
      porch.put("b.nzb.gz", gzipSync(porch.nzb()));
      await porch.look(HELD_STILL);
    }
    expect(porch.seen).toEqual([
      "_done/b (2).nzb.gz",
      "_done/b (3).nzb.gz",
      "_done/b.nzb.gz",
      "_failed/a (2).nzb",
      "_failed/a (2).nzb.error.txt",
      "_failed/a (3).nzb",
      "_failed/a (3).nzb.error.txt",
      "_failed/a.nzb",
      "_failed/a.nzb.error.txt",
    ]);
  });
});

describe("a file of any name", () => {
  test.each([
    `${"n".repeat(251)}.nzb`,
    `${"n".repeat(248)}.nzb.gz`,
    `${"🎬".repeat(62)}.nzb`,
    "line\nbreak\u202e.nzb",
    "-rf *.nzb",
  ])("is moved aside, every time it comes: %j", async (name) => {
    for (let time = 0; time < 3; time += 1) {
      porch.put(name, porch.nzb());
      porch.put(`tv/${name}`, "no NZB");
      await porch.look(HELD_STILL);
    }
    expect(porch.catalog.jobs.counts().queued).toBe(3);
    const folders = porch.seen.map((path) => path.split("/")[0]);
    expect(folders).toEqual([...Array(3).fill("_done"), ...Array(6).fill("_failed")]);
    expect(porch.warnings).toEqual([]);
  });

  test("that is no UTF-8 cannot be reached, and is warned of once", async () => {
    writeFileSync(
      Buffer.concat([Buffer.from(`${porch.watched}/B`), Buffer.from("\xfccher.nzb", "latin1")]),
      porch.nzb(),
    );
    await porch.look(4);
    expect(porch.warnings).toEqual([expect.stringContaining("no UTF-8")]);
  });

  test("in a folder of the system's is left alone", async () => {
    for (const folder of [".Trash", "@eaDir", "#recycle", "$RECYCLE.BIN"]) porch.put(`${folder}/a.nzb`, porch.nzb());
    await porch.look(3);
    expect(porch.submissions).toBe(0);
  });
});

test("hundreds of files at once are as many jobs, in the order of their names", async () => {
  const text = porch.nzb().toString();
  const names = Array.from({ length: 300 }, (_, at) => `n${1000 + at}`);
  for (const name of names.toReversed()) {
    porch.put(`${name}.nzb`, text.replace(/>[^<>]+<\/segment>/, `>${name}@many</segment>`));
  }
  await porch.look(2);
  expect(porch.catalog.jobs.counts().queued).toBe(300);
  expect(porch.jobs).toEqual(names.slice(-100).map((name) => `default/${name}`));
  expect(porch.seen).toEqual(names.map((name) => `_done/${name}.nzb`));
});

describe("a file that is still being written", () => {
  test("is no failure when its writer pauses, as long as it goes on within a minute", async () => {
    const nzb = porch.nzb();
    const path = porch.put("a.nzb", nzb.subarray(0, 200));
    await porch.look(HELD_STILL - 2);
    expect([porch.submissions, porch.jobs, porch.seen]).toEqual([1, [], ["a.nzb"]]);
    writeFileSync(path, nzb);
    await porch.look(2);
    expect([porch.jobs, porch.seen, porch.warnings]).toEqual([["default/a"], ["_done/a.nzb"], []]);
  });

  test("over another one that was just queued is the next one, and is not moved unread", async () => {
    const [one, two] = [porch.nzb(), porch.nzb()];
    const path = porch.put("a.nzb", one);
    await porch.look();
    porch.meanwhile = () => {
      porch.meanwhile = () => {};
      rmSync(path);
      writeFileSync(path, two);
    };
    await porch.look();
    expect([porch.jobs, porch.seen]).toEqual([["default/a"], ["a.nzb"]]);
    await porch.look(2);
    expect([porch.catalog.jobs.counts().queued, porch.seen]).toEqual([2, ["_done/a.nzb"]]);
  });
});

describe("a file that cannot be taken", () => {
  test.each<[string, string, () => Buffer, string]>([
    ["no NZB", "a.nzb", () => Buffer.from("<html>"), "web page"],
    ["a ZIP of nothing", "a.zip", () => zipOf([]), "was not imported"],
    ["too large", "a.nzb", () => Buffer.alloc(100_001, " "), "imports.maxNzbBytes"],
    ["in a folder that is no category", "a:b/a.nzb", () => porch.nzb(), "folder name"],
  ])("because it is %s goes to _failed with the reason and advice", async (_what, path, bytes, words) => {
    porch.put(path, bytes());
    await porch.look(HELD_STILL);
    const name = path.split("/").at(-1);
    expect([porch.jobs, porch.seen]).toEqual([[], [`_failed/${name}`, `_failed/${name}.error.txt`]]);
    expect(readFileSync(join(porch.watched, `_failed/${name}.error.txt`), "utf8")).toContain(words);
    expect(porch.warnings).toEqual([]);
  });

  test("for want of disk stays, is tried again every minute, and is warned of once", async () => {
    porch.put("a.nzb", porch.nzb());
    porch.trouble = new CatalogError("DISK_FULL", "the disk is full");
    await porch.look(2 + 30 + 30);
    expect([porch.submissions, porch.seen]).toEqual([3, ["a.nzb"]]);
    expect(porch.warnings).toEqual([expect.stringContaining("the disk is full")]);
    porch.trouble = undefined;
    await porch.look(30);
    expect([porch.jobs, porch.seen]).toEqual([["default/a"], ["_done/a.nzb"]]);
  });

  test("for want of disk does not hold up another, and is tried at once when it changes", async () => {
    porch.put("a.nzb", porch.nzb());
    porch.trouble = new CatalogError("DISK_FULL", "the disk is full");
    await porch.look(2);
    porch.trouble = undefined;
    porch.put("b.nzb", porch.nzb());
    await porch.look(2);
    expect(porch.jobs).toEqual(["default/b"]);
    porch.put("a.nzb", porch.nzb());
    await porch.look(2);
    expect(porch.jobs).toEqual(["default/b", "default/a"]);
  });

  test("out of the way is queued once, and warned of once", async () => {
    // A file in the place of the folder stops even the superuser, for whom no folder is read-only.
    porch.put("_done", "in the way");
    porch.put("a.nzb", porch.nzb());
    await porch.look(5);
    expect([porch.submissions, porch.jobs]).toEqual([1, ["default/a"]]);
    expect(porch.seen).toEqual(["_done", "a.nzb"]);
    expect(porch.warnings).toEqual([expect.stringContaining("stays where it is")]);
    porch.put("a.nzb", porch.nzb());
    await porch.look(2);
    expect(porch.submissions).toBe(2);
  });

  test("because it is another one by the time it is read is not queued", async () => {
    const [one, two] = [porch.nzb(), porch.nzb()];
    const path = porch.put("a.nzb", one);
    await porch.look();
    const other = porch.put("b.tmp", two);
    renameSync(other, path);
    await porch.look();
    expect(porch.submissions).toBe(0);
    await porch.look();
    expect([porch.jobs, porch.seen]).toEqual([["default/a"], ["_done/a.nzb"]]);
    const { signal } = new AbortController();
    const { digest } = await parser.parse({ bytes: two }, { signal });
    expect(porch.catalog.jobs.list({ limit: 1 })[0]?.digest).toBe(digest);
  });
});

test("a file that was queued and not moved before the end of the program is one job", async () => {
  porch.put("_done", "in the way");
  porch.put("a.nzb", porch.nzb());
  await porch.look(2);
  await porch.stop();
  rmSync(join(porch.watched, "_done"));
  await porch.start();
  await porch.look();
  expect([porch.submissions, porch.jobs, porch.seen]).toEqual([2, ["default/a"], ["_done/a.nzb"]]);
});

describe("the watched folder", () => {
  test("may go and come again: that is said once, and nothing is lost", async () => {
    porch.put("a.nzb", porch.nzb());
    await porch.look();
    const away = join(porch.folder, "away");
    renameSync(porch.watched, away);
    await porch.look(3);
    expect(porch.warnings).toEqual([expect.stringContaining("ENOENT")]);
    renameSync(away, porch.watched);
    await porch.look(2);
    expect(porch.jobs).toEqual(["default/a"]);
    rmSync(porch.watched, { recursive: true });
    await porch.look();
    expect(porch.warnings).toHaveLength(2);
    mkdirSync(porch.watched);
  });

  test("need not be there at the start", async () => {
    await porch.stop();
    rmSync(porch.watched, { recursive: true });
    await porch.start();
    expect(porch.warnings).toHaveLength(1);
    porch.put("a.nzb", porch.nzb());
    await porch.look(2);
    expect(porch.jobs).toEqual(["default/a"]);
  });

  test("is left at once when the program stops: a file on its way stays, and is taken at the next start", async () => {
    porch.put("a.nzb", porch.nzb());
    await porch.look();
    porch.isHeld = true;
    porch.clock.advance(INTERVAL_MS);
    await until(() => porch.submissions === 1);
    await porch.stop();
    expect([porch.jobs, porch.seen, porch.warnings]).toEqual([[], ["a.nzb"], []]);
    porch.isHeld = false;
    await porch.start();
    await porch.look();
    expect([porch.jobs, porch.seen]).toEqual([["default/a"], ["_done/a.nzb"]]);
  });
});
