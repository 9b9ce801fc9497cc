import { mkdtemp, rm } from "node:fs/promises";
import http, { type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, startApp } from "../../src/app.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { Logger } from "../../src/base/logger.ts";
import type { Job } from "../../src/catalog/jobs.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { ArticleStore } from "../../src/newsserver/article-store.ts";
import type { Behaviour } from "../../src/newsserver/behaviour.ts";
import { type Content, patternContent } from "../../src/newsserver/content.ts";
import { type NewsServer, startNewsServer } from "../../src/newsserver/news-server.ts";
import type { FilePost, PostedFile } from "../../src/newsserver/posted-file.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";

/** `npm test` builds first: the worker runs as it will in production. */
const NZB_WORKER = new URL("../../dist/nzb/parse-worker.js", import.meta.url);

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
  readonly clock?: Clock;
}

export interface LogLine {
  readonly level: keyof Logger;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What arrived; when `isBroken`, the transfer was visibly cut off after it. */
  readonly body: Buffer;
  readonly isBroken: boolean;
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
  submit(name: string, nzb: string | Uint8Array, category?: string): Promise<Job>;
  ended(job: Job): Promise<Job>;
  get(path: string, headers?: Readonly<Record<string, string>>, method?: string): Promise<Answer>;
  /** Opens a GET whose body the test reads by itself. */
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<http.IncomingMessage>;
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

export const AUTHORIZATION = `Basic ${Buffer.from("tester:secret").toString("base64")}`;

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
    return `/dav/library/${first?.path.split("/").map(encodeURIComponent).join("/")}`;
  }

  async function addPattern(post: PatternOptions): Promise<Film> {
    made += 1;
    const content = post.content ?? patternContent(made, post.size);
    const posted = store.addFile({ name: `film-${made}.mkv`, partSize: 100_000, ...post, content });
    return { path: await add(`Film ${made}`, [posted]), content, size: post.size, posted };
  }

  const open = (path: string, headers: Readonly<Record<string, string>> = {}, method = "GET") =>
    new Promise<http.IncomingMessage>((resolve, reject) => {
      const url = new URL(path, app.url);
      http
        .request(url, { method, headers: { Authorization: AUTHORIZATION, ...headers }, agent: false }, resolve)
        .on("error", reject)
        .end();
    });

  return {
    app,
    store,
    servers,
    logged,
    dataDir,
    add,
    addPattern,
    submit,
    ended,
    open,
    async get(path, headers, method) {
      const response = await open(path, headers, method);
      const chunks: Buffer[] = [];
      let isBroken = false;
      try {
        for await (const chunk of response) chunks.push(chunk as Buffer);
      } catch {
        isBroken = true;
      }
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(chunks),
        isBroken: isBroken || !response.complete,
      };
    },
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await Promise.all(servers.map((server) => server.close()));
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Whether an answer is what the content says, or visibly broken off; anything else is a defect. */
export function isRightOrBroken(answer: Answer, film: Film, start: number, end: number): boolean {
  if (answer.status >= 500) return true;
  const wanted = film.content.read(start, end - start);
  if (answer.isBroken) return answer.body.equals(wanted.subarray(0, answer.body.length));
  return answer.status === 206 && answer.body.equals(wanted);
}
