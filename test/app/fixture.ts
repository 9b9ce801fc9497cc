import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, startApp } from "../../src/app.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { Logger } from "../../src/base/logger.ts";
import { SegmentList } from "../../src/base/segment-list.ts";
import type { Job } from "../../src/catalog/jobs.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { ArticleStore } from "../../src/newsserver/article-store.ts";
import type { Behaviour } from "../../src/newsserver/behaviour.ts";
import { type Content, patternContent } from "../../src/newsserver/content.ts";
import { type NewsServer, startNewsServer } from "../../src/newsserver/news-server.ts";
import type { FilePost, PostedFile } from "../../src/newsserver/posted-file.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { ManualClock } from "../manual-clock.ts";
import { whileTimePasses } from "../nntp/pool-fixture.ts";
import { type Answer, Client, type ClientOptions, TESTER } from "./client.ts";

export { type Answer, AUTHORIZATION } from "./client.ts";

/** `npm test` builds first: the worker runs as it will in production. */
const NZB_WORKER = new URL("../../dist/nzb/parse-worker.js", import.meta.url);
const RAR_WORKER = new URL("../../dist/archive/rar3-worker.js", import.meta.url);

export interface ProviderWish {
  readonly connections?: number;
  readonly tier?: number;
  readonly backup?: boolean;
  readonly pipeline?: number | "auto";
  readonly timeoutMs?: number;
  readonly behaviour?: Partial<Behaviour>;
  readonly username?: string;
  readonly password?: string;
}

export interface SystemOptions {
  /** One news server each, all with the same articles; one with 8 connections unless given. */
  readonly providers?: readonly ProviderWish[];
  /** Settings by dotted key. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** With a ManualClock the product's time stands still, while its news servers and sockets go on. */
  readonly clock?: Clock;
}

export interface LogLine {
  readonly level: keyof Logger;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** The whole product in this process, over real sockets, with its news servers. */
export interface System extends AsyncDisposable {
  readonly app: App;
  readonly store: ArticleStore;
  readonly servers: readonly NewsServer[];
  /** Everything the product has logged so far. */
  readonly logged: readonly LogLine[];
  readonly dataDir: string;
  /** Imports what `files` hold and resolves with the URL path of the first file, once it is in the library. */
  add(name: string, files: readonly PostedFile[]): Promise<string>;
  /** Posts and imports one file of pattern content. */
  addPattern(options: PatternOptions): Promise<Film>;
  /** Puts a file of pattern content into the library without an import: nothing of it was ever fetched. */
  addCold(options: PatternOptions): Film;
  submit(name: string, nzb: string | Uint8Array, category?: string): Promise<Job>;
  ended(job: Job): Promise<Job>;
  get(path: string, headers?: Readonly<Record<string, string>>, method?: string): Promise<Answer>;
  /** Opens a GET whose body the test reads by itself. */
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<IncomingMessage>;
  /** Another program, or one that keeps its connections; logs in as the tester unless its headers say otherwise. */
  client(options?: Partial<ClientOptions>): Client;
}

export interface PatternOptions extends Partial<FilePost> {
  readonly size: number;
}

export interface Film {
  readonly path: string;
  readonly content: Content;
  readonly size: number;
  readonly posted: PostedFile;
}

let made = 0;

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const { providers = [{}], settings = {}, clock = systemClock } = options;
  const logged: LogLine[] = [];
  const keep = (level: keyof Logger) => (fields: LogLine["fields"], message: string) => {
    logged.push({ level, fields, message });
  };
  const log: Logger = { debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
  const store = new ArticleStore();
  const servers = await Promise.all(
    providers.map(({ behaviour }) => startNewsServer({ store, ...(behaviour === undefined ? {} : { behaviour }) })),
  );
  const dataDir = await mkdtemp(join(tmpdir(), "newsreel-test-"));
  const config = loadConfig({
    env: {},
    cwd: dataDir,
    overrides: {
      host: "127.0.0.1",
      port: 0,
      dataDir,
      "auth.user": "tester",
      "cache.memoryBytes": "64MiB",
      shutdownGraceMs: 0,
      // What an import asks for is counted article by article; what it checks beside that has tests of its own.
      categories: JSON.stringify([{ name: "*", check: "none" }]),
      "imports.secondLookMs": 0,
      providers: JSON.stringify(
        providers.map(({ behaviour: _behaviour, ...provider }, index) => ({
          name: `p${index}`,
          host: "127.0.0.1",
          port: servers[index]?.port,
          tls: false,
          connections: 8,
          tier: index + 1,
          ...provider,
        })),
      ),
      ...settings,
    },
  });
  const app = await startApp({
    config,
    secrets: { password: "secret", apiKey: "key" },
    log,
    clock,
    nzbWorker: NZB_WORKER,
    rarWorker: RAR_WORKER,
  });
  const { jobs } = app.catalog;

  async function submit(name: string, nzb: string | Uint8Array, category = "test"): Promise<Job> {
    const body = (async function* () {
      yield typeof nzb === "string" ? Buffer.from(nzb) : nzb;
    })();
    const { signal } = new AbortController();
    return (await app.intake.submit({ body, fileName: `${name}.nzb`, category, signal })).job;
  }

  async function ended({ id }: Job): Promise<Job> {
    for (;;) {
      const job = jobs.get(id);
      if (job?.state === "completed" || job?.state === "failed") return job;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async function add(name: string, files: readonly PostedFile[]): Promise<string> {
    const job = await ended(await submit(name, toNzb(files)));
    if (job.release === undefined) throw new Error(`import of ${name} failed: ${job.error}`);
    const [first] = app.catalog.releaseFiles(job.release);
    return urlPath(first?.path ?? "");
  }

  function postPattern(post: PatternOptions): Omit<Film, "path"> {
    made += 1;
    const content = post.content ?? patternContent(made, post.size);
    const posted = store.addFile({ name: `film-${made}.mkv`, partSize: 100_000, ...post, content });
    return { content, size: post.size, posted };
  }

  async function addPattern(post: PatternOptions): Promise<Film> {
    const film = postPattern(post);
    return { ...film, path: await add(`Film ${made}`, [film.posted]) };
  }

  function addCold(post: PatternOptions): Film {
    const film = postPattern(post);
    const { posted, size } = film;
    const added = app.catalog.addRelease({
      category: "test",
      name: `Film ${made}`,
      digest: `cold ${made}`,
      posts: [
        {
          segments: SegmentList.from([...posted.segments]),
          size,
          partEnds: Float64Array.from({ length: posted.partCount }, (_, index) => posted.partRange(index + 1).end),
        },
      ],
      files: [{ path: posted.name, runs: [{ post: 0, start: 0, end: size }], modifiedAt: posted.postedAt }],
    });
    return { ...film, path: urlPath(added.path, posted.name) };
  }

  const client = (wish: Partial<ClientOptions> = {}) => new Client(app.url, { headers: TESTER, ...wish });
  const tester = client();

  return {
    app,
    store,
    servers,
    logged,
    dataDir,
    add,
    addPattern,
    addCold,
    submit,
    ended,
    client,
    open: (path, headers) => tester.open(path, headers),
    get: (path, headers, method) => tester.get(path, headers, method),
    async [Symbol.asyncDispose]() {
      const closed = Promise.resolve(app[Symbol.asyncDispose]());
      await (clock instanceof ManualClock ? whileTimePasses(clock, closed) : closed);
      await Promise.all(servers.map((server) => server.close()));
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The URL path of what lies there in the library. */
function urlPath(...path: readonly string[]): string {
  return `/dav/library/${path.join("/").split("/").map(encodeURIComponent).join("/")}`;
}

/** A system with one film of which nothing was fetched yet, whose news servers begin to count. */
export interface FilmSystem extends AsyncDisposable {
  readonly system: System;
  readonly film: Film;
  readonly clock: ManualClock;
}

export interface FilmOptions extends Omit<SystemOptions, "clock"> {
  readonly articles: number;
  /** Decoded bytes of each article, 100 000 unless given. */
  readonly partSize?: number;
}

/**
 * Starts a system with one film of so many articles of equal size in its library, nothing of which was ever fetched. Its time stands still,
 * so that counts are exact: no deadline passes, however busy the machine is.
 */
export async function startFilm({ articles, partSize = 100_000, ...options }: FilmOptions): Promise<FilmSystem> {
  const clock = new ManualClock();
  const system = await startSystem({ ...options, clock });
  const film = system.addCold({ size: articles * partSize, partSize });
  return { system, film, clock, [Symbol.asyncDispose]: () => system[Symbol.asyncDispose]() };
}

/** Whether an answer is what the content says, or visibly broken off; anything else is a defect. */
export function isRightOrBroken(answer: Answer, film: Film, start: number, end: number): boolean {
  if (answer.status >= 500) return true;
  const wanted = film.content.read(start, end - start);
  if (answer.isBroken) return answer.body.equals(wanted.subarray(0, answer.body.length));
  return answer.status === 206 && answer.body.equals(wanted);
}
