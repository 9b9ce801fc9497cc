import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Logger } from "../../src/base/logger.ts";
import type { Job } from "../../src/catalog/jobs.ts";
import { categoryRules } from "../../src/import/category-rules.ts";
import { createImportQueue, type ImportQueue } from "../../src/import/import-queue.ts";
import type { FetchRequest } from "../../src/import/intake.ts";
import { createIntake, type SpooledIntake } from "../../src/import/spooled-intake.ts";
import { startUrlFetcher, type UrlFetcher } from "../../src/import/url-fetcher.ts";
import { until } from "../until.ts";
import { parts } from "./fake-usenet.ts";
import { type Answer, WebServer } from "./web-server.ts";
import { parser, settle, Workshop } from "./workshop.ts";
import { zipOf } from "./zip-of.ts";

const HOUR = 3_600_000;
const QUERY = "?t=get&apikey=0123456789abcdef";
const MAX_NZB_BYTES = 1_000_000;

/** A queue with its fetcher, whose time stands still, and an indexer. */
class Post extends Workshop implements AsyncDisposable {
  readonly logged: string[] = [];
  readonly imports: ImportQueue;
  queued = 0;
  web!: WebServer;
  intake!: SpooledIntake;
  fetcher!: UrlFetcher;
  readonly #rules = categoryRules([]);
  #isPrivateAllowed = true;

  constructor() {
    super();
    this.usenet.post({ name: "Posted.Film.mkv", parts: parts(2, 1000) });
    const { clock } = this;
    this.imports = createImportQueue({ jobs: this.catalog.jobs, onChange: () => this.fetcher.wake(), clock });
  }

  static async open({ allowPrivate = true } = {}): Promise<Post> {
    const post = new Post();
    post.#isPrivateAllowed = allowPrivate;
    post.web = await WebServer.open();
    await post.start();
    return post;
  }

  /** What a start of the program does. */
  async start(): Promise<void> {
    const { jobs } = this.catalog;
    const onQueued = () => {
      this.queued += 1;
    };
    const keep = (fields: object, message: string) => this.logged.push(`${message} ${JSON.stringify(fields)}`);
    const log: Logger = { debug: keep, info: keep, warn: keep, error: keep };
    const shared = { jobs, rules: this.#rules, maxNzbBytes: MAX_NZB_BYTES, onQueued };
    this.intake = await createIntake({ ...shared, dataDir: this.folder, parser, onFetch: () => this.fetcher.wake() });
    const allowPrivate = this.#isPrivateAllowed;
    this.fetcher = startUrlFetcher({ ...shared, intake: this.intake, allowPrivate, clock: this.clock, log });
  }

  /** The job, once nobody fetches for it any more. */
  async fetched(url: string, wish: Partial<FetchRequest> = {}): Promise<Job> {
    const { job } = this.intake.submitUrl({ url, category: "", ...wish });
    return await this.left(job);
  }

  async left({ id }: Job): Promise<Job> {
    const now = () => this.catalog.jobs.get(id) as Job;
    await until(() => now().fetchFrom === undefined || now().state !== "queued");
    return now();
  }

  /** Newest last. */
  get jobs(): readonly Job[] {
    return this.catalog.jobs.list({ limit: 100 }).toReversed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fetcher[Symbol.asyncDispose]();
    expect(this.clock.timers).toBe(0);
    await this.web[Symbol.asyncDispose]();
    super[Symbol.dispose]();
  }
}

let post: Post;
beforeEach(async () => {
  post = await Post.open();
});
afterEach(async () => {
  const { logged } = post;
  await post[Symbol.asyncDispose]();
  expect(logged.join("\n")).not.toContain("0123456789abcdef");
});

/** An answer that is held until the test gives it. */
function gate(): {
  readonly answer: Answer;
  readonly open: (body: Uint8Array) => void;
  readonly waiting: () => number;
} {
  const held: ServerResponse[] = [];
  return {
    answer: (_req, res) => held.push(res),
    open: (body) => held.shift()?.end(body),
    waiting: () => held.length,
  };
}

describe("an NZB that is fetched", () => {
  test("can be imported, named by its indexer rather than by itself, its URL forgotten", async () => {
    const url = post.web.at(`/get${QUERY}`, post.usenet.nzb({ title: "Title" }), {
      "Content-Disposition": 'attachment; filename="A.Film.2026{{hunter2}}.nzb"',
    });
    const job = await post.fetched(url);
    expect(job).toMatchObject({ state: "queued", name: "A.Film.2026", category: "default", fetchFrom: undefined });
    expect(job).toMatchObject({ bytes: 2060, nzbName: "A.Film.2026.nzb" });
    expect(post.catalog.jobs.source(job.id).passwords).toEqual(["hunter2"]);
    expect(post.queued).toBe(1);
    expect(post.catalog.jobs.claim()?.id).toBe(job.id);
  });

  test("is called as the request asks, and by itself where the indexer's name says nothing", async () => {
    const headers = { "X-DNZB-Name": "Indexer's", "X-DNZB-Category": "TV > HD" };
    const asked = await post.fetched(post.web.at("/a", post.usenet.nzb(), headers), {
      name: "Asked",
      category: "movies",
    });
    expect(asked).toMatchObject({ name: "Asked", category: "movies" });
    const obfuscated = { "Content-Disposition": "a; filename=3f786850e387550fdab836ed7e6dc881de23001b.nzb" };
    const own = await post.fetched(post.web.at("/b", post.usenet.nzb({ title: "Its Title" }), obfuscated));
    expect(own).toMatchObject({ name: "Its Title" });
  });

  test.each([
    ["TV > HD", "tv"],
    ["Movies", "movies"],
    ["XXX", "default"],
    ["../x", "default"],
  ])("of the indexer's category %s comes into %s when none was asked for", async (header, category) => {
    const url = post.web.at("/a", post.usenet.nzb(), { "X-DNZB-Category": header });
    expect(await post.fetched(url)).toMatchObject({ category });
  });

  test.each<[string, (nzb: Buffer) => Buffer]>([
    ["gzip", gzipSync],
    ["ZIP", (nzb) => zipOf([{ name: "Inner.nzb", bytes: nzb }])],
  ])("may be packed as %s", async (_how, pack) => {
    expect(await post.fetched(post.web.at("/Film.zip", pack(post.usenet.nzb())))).toMatchObject({ state: "queued" });
  });

  test("with others in a ZIP: the first good one is that job, the others are jobs of their own", async () => {
    const nzbs = [1, 2].map((number) => {
      post.usenet.post({ name: `Film ${number}.mkv`, parts: parts(1, 1000 + number) });
      return post.usenet.nzb();
    }) as [Buffer, Buffer];
    const zip = zipOf([
      { name: "bad.nzb", bytes: Buffer.from("no NZB") },
      { name: "One.nzb", bytes: nzbs[0] },
      { name: "Two.nzb", bytes: nzbs[1] },
    ]);
    const job = await post.fetched(post.web.at("/a", zip), { category: "tv", priority: "high" });
    await until(() => post.queued === 2);
    expect(job.name).toBe("One");
    expect(post.jobs).toMatchObject([
      { id: job.id, category: "tv", priority: "high" },
      { name: "Two", category: "tv", priority: "high", state: "queued", fetchFrom: undefined },
    ]);
  });

  test("that is there already is the other job, and says so", async () => {
    const body = (async function* () {
      yield post.usenet.nzb();
    })();
    const { signal } = new AbortController();
    const { job } = await post.intake.submit({ body, fileName: "Film.nzb", category: "", signal });
    const other = await post.fetched(post.web.at("/a", post.usenet.nzb()));
    expect(other).toMatchObject({ state: "cancelled", reason: expect.stringContaining(job.id) });
    expect(post.catalog.jobs.get(job.id)?.state).toBe("queued");
  });

  test("is asked for by two at once, in the order of the queue", async () => {
    const { answer, open, waiting } = gate();
    const urls = ["/1", "/2", "/3"].map((path) => post.web.at(path, answer));
    const jobs = urls.map((url) => post.intake.submitUrl({ url, category: "" }).job);
    await until(() => waiting() === 2);
    await settle();
    expect(post.web.requests.map(({ url }) => url).sort()).toEqual(["/1", "/2"]);
    for (const [index, job] of jobs.entries()) {
      await until(() => waiting() > 0);
      post.usenet.post({ name: `Film ${index}.mkv`, parts: [1000 + index] });
      open(post.usenet.nzb());
      if (index === 0) await until(() => post.web.count("/3") === 1);
      expect(job.state).toBe("queued");
    }
    await until(() => post.queued === 3);
  });
});

describe("a fetch that fails", () => {
  test.each<[string, string | Answer, string, string]>([
    [
      "an error of a Newznab indexer",
      '<error code="100" description="Incorrect key"/>',
      "URL_REFUSED",
      "100 Incorrect key",
    ],
    ["a login page", "<html><title>Log in</title>", "URL_REFUSED", "Log in"],
    ["no NZB", "hello", "NZB_MALFORMED", "no nzb"],
    ["404", (_req, res) => res.writeHead(404).end(), "URL_REFUSED", "answers 404"],
    ["401", (_req, res) => res.writeHead(401).end('{"error":"no such key"}'), "URL_REFUSED", "no such key"],
    ["half an NZB", "<nzb><file", "NZB_MALFORMED", "cut off"],
  ])("for %s has failed at once, with words and advice", async (_what, answer, errorCode, words) => {
    const job = await post.fetched(post.web.at(`/a${QUERY}`, answer));
    expect(job).toMatchObject({ state: "failed", errorCode, hint: expect.any(String) });
    expect(job.error).toContain(words);
    expect(JSON.stringify(job)).not.toContain("0123456789abcdef");
  });

  test("can be retried", async () => {
    const job = await post.fetched(post.web.at("/a", "<html>"));
    expect(job.state).toBe("failed");
    post.web.at("/a", post.usenet.nzb());
    post.imports.retry(job.id);
    expect(await post.left(job)).toMatchObject({ state: "queued", fetchFrom: undefined });
  });

  test("for a private address never connects", async () => {
    await using careful = await Post.open({ allowPrivate: false });
    for (const host of ["127.0.0.1", "localhost"]) {
      const url = careful.web.at(`/${host}`, careful.usenet.nzb()).replace("127.0.0.1", host);
      expect(await careful.fetched(url)).toMatchObject({
        state: "failed",
        errorCode: "URL_FORBIDDEN",
        hint: expect.stringContaining("imports.allowPrivateUrls"),
      });
    }
    expect(careful.web.requests).toEqual([]);
  });

  test("for the moment waits as long as it has been failing, an hour at most, and is given up after a day", async () => {
    const url = post.web.at(`/a${QUERY}`, (_req, res) => res.writeHead(503).end("<error description='busy'/>"));
    let job = await post.fetched(url);
    const waits: number[] = [];
    while (job.state === "waiting") {
      expect(job).toMatchObject({ reason: expect.stringContaining("answers 503: busy"), error: undefined });
      const ms = (job.notBefore as number) - post.clock.wall();
      waits.push(ms / 60_000);
      post.clock.advance(ms - 1);
      expect(post.catalog.jobs.get(job.id)?.state).toBe("waiting");
      post.clock.advance(1);
      job = await post.left(job);
    }
    expect(waits.slice(0, 9)).toEqual([0.5, 0.5, 1, 2, 4, 8, 16, 32, 60]);
    expect(job).toMatchObject({ state: "failed", errorCode: "URL_UNREACHABLE" });
    expect(job.error).toContain("given up after 24 hours");
    expect(post.web.count("/a")).toBe(waits.length + 1);
  });

  test("waits as long as the indexer says, an hour at most", async () => {
    const waits = async (path: string, seconds: string) => {
      const answer: Answer = (_req, res) => res.writeHead(429, { "Retry-After": seconds }).end();
      const job = await post.fetched(post.web.at(path, answer));
      return (job.notBefore as number) - post.clock.wall();
    };
    expect(await waits("/a", "90")).toBe(90_000);
    expect(await waits("/b", "999999")).toBe(HOUR);
    expect(await waits("/c", "0")).toBe(30_000);
  });

  test("that cannot be recorded rests, instead of asking the indexer over and over", async () => {
    const { jobs } = post.catalog;
    const { update } = jobs;
    let isBroken = true;
    jobs.update = (id, patch) => {
      if (isBroken && patch.state === "failed") throw new Error("disk I/O error");
      return update(id, patch);
    };
    const { job } = post.intake.submitUrl({ url: post.web.at("/a", "<html>"), category: "" });
    await until(() => post.logged.some((line) => line.includes("disk I/O error")));
    await settle();
    post.fetcher.wake();
    await settle();
    expect(post.web.count("/a")).toBe(1);
    isBroken = false;
    post.clock.advance(10_000);
    expect((await post.left(job)).state).toBe("failed");
    expect(post.web.count("/a")).toBe(2);
  });

  test("waits over a restart, counted from when it came", async () => {
    const url = post.web.at("/a", (_req, res) => res.writeHead(503).end());
    const job = await post.fetched(url);
    await post.fetcher[Symbol.asyncDispose]();
    post.clock.advance(25 * HOUR);
    await post.start();
    await until(() => post.catalog.jobs.get(job.id)?.state === "failed");
    expect(post.web.count("/a")).toBe(2);
  });
});

describe("a fetch under way", () => {
  async function begun() {
    const { answer, open, waiting } = gate();
    const url = post.web.at("/a", answer);
    const { job } = post.intake.submitUrl({ url, category: "" });
    await until(() => waiting() === 1);
    let isClosed = false;
    post.web.requests[0]?.socket.once("close", () => {
      isClosed = true;
    });
    return { job, open, waiting, closed: () => until(() => isClosed) };
  }

  test.each<[string, (job: Job) => unknown, string | undefined]>([
    ["cancelled", ({ id }) => post.imports.cancel(id), "cancelled"],
    ["paused", ({ id }) => post.imports.pause(id), "paused"],
    ["removed", ({ id }) => post.imports.remove(id), undefined],
  ])("stops at once when its job is %s", async (_what, change, state) => {
    const { job, closed } = await begun();
    change(job);
    await closed();
    await settle();
    expect(post.catalog.jobs.get(job.id)?.state).toBe(state);
  });

  test("begins anew when its job goes on", async () => {
    const { job, open, waiting, closed } = await begun();
    post.imports.pause(job.id);
    await closed();
    open(Buffer.alloc(0));
    post.imports.resume(job.id);
    await until(() => waiting() === 1);
    open(post.usenet.nzb());
    expect(await post.left(job)).toMatchObject({ state: "queued", fetchFrom: undefined });
  });

  test("is left as it was when the program stops, and fetched again at the next start", async () => {
    const { job, open, waiting, closed } = await begun();
    await post.fetcher[Symbol.asyncDispose]();
    await closed();
    expect(post.catalog.jobs.get(job.id)).toMatchObject({
      state: "queued",
      fetchFrom: `http://127.0.0.1:${post.web.port}`,
    });
    open(Buffer.alloc(0));
    await post.start();
    await until(() => waiting() === 1);
    open(post.usenet.nzb());
    expect(await post.left(job)).toMatchObject({ state: "queued", fetchFrom: undefined });
  });
});
