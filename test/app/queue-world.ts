import { mkdtemp, rm } from "node:fs/promises";
import { request as ask } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, startApp } from "../../src/app.ts";
import type { Logger } from "../../src/base/logger.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { ArticleStore } from "../../src/newsserver/article-store.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import { type NewsServer, startNewsServer } from "../../src/newsserver/news-server.ts";
import type { PostedFile } from "../../src/newsserver/posted-file.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { collect, TESTER } from "./client.ts";
import type { Answer, LogLine } from "./fixture.ts";
import { SkippingClock } from "./skipping-clock.ts";

const NZB_WORKER = new URL("../../dist/nzb/parse-worker.js", import.meta.url);
const RAR_WORKER = new URL("../../dist/archive/rar3-worker.js", import.meta.url);

/** One post as an indexer would offer it. */
export interface Post {
  readonly name: string;
  readonly nzb: string;
  readonly files: readonly PostedFile[];
}

/** The whole product over one data folder and one news server; it can be stopped and started again, and time can be pushed on. */
export interface QueueWorld extends AsyncDisposable {
  /** The one that runs now. */
  readonly app: App;
  readonly server: NewsServer;
  readonly servers: readonly [NewsServer];
  readonly clock: SkippingClock;
  readonly logged: readonly LogLine[];
  readonly databasePath: string;
  post(number: number): Post;
  restart(): Promise<void>;
  stop(): Promise<void>;
  request(path: string, options?: { readonly method?: string; readonly body?: string }): Promise<Answer>;
}

export async function startQueueWorld(settings: Readonly<Record<string, unknown>> = {}): Promise<QueueWorld> {
  const logged: LogLine[] = [];
  const keep = (level: keyof Logger) => (fields: LogLine["fields"], message: string) => {
    logged.push({ level, fields, message });
  };
  const log: Logger = { debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
  const store = new ArticleStore();
  const server = await startNewsServer({ store });
  const clock = new SkippingClock();
  const dataDir = await mkdtemp(join(tmpdir(), "newsreel-queue-"));
  const config = loadConfig({
    env: {},
    cwd: dataDir,
    overrides: {
      host: "127.0.0.1",
      port: 0,
      dataDir,
      "auth.user": "tester",
      "cache.memoryBytes": "32MiB",
      shutdownGraceMs: 0,
      providers: JSON.stringify([
        {
          name: "news",
          host: "127.0.0.1",
          port: server.port,
          tls: false,
          connections: 8,
          username: "u",
          password: "p",
        },
      ]),
      ...settings,
    },
  });
  const secrets = { password: "secret", apiKey: "key" };
  const start = () => startApp({ config, secrets, log, clock, nzbWorker: NZB_WORKER, rarWorker: RAR_WORKER });
  let app = await start();
  const posts = new Map<number, Post>();

  return {
    get app() {
      return app;
    },
    server,
    servers: [server],
    clock,
    logged,
    databasePath: join(dataDir, "catalog.db"),
    post(number) {
      const post = posts.get(number) ?? makePost(store, number);
      posts.set(number, post);
      return post;
    },
    async restart() {
      await app[Symbol.asyncDispose]();
      app = await start();
    },
    stop: async () => await app[Symbol.asyncDispose](),
    async request(path, { method = "GET", body } = {}) {
      const headers = {
        ...TESTER,
        ...(body === undefined ? {} : { "Content-Type": "application/x-nzb" }),
        ...(method === "PROPFIND" ? { Depth: "1" } : {}),
      };
      return await new Promise<Answer>((resolve, reject) => {
        ask(new URL(path, app.url), { method, headers, agent: false }, (answer) => resolve(collect(answer)))
          .on("error", reject)
          .end(body);
      });
    },
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await server.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** One to three files of a few small articles. */
function makePost(store: ArticleStore, number: number): Post {
  const files = Array.from({ length: 1 + (number % 3) }, (_, index) =>
    store.addFile({
      name: `episode-${number}-${index}.mkv`,
      content: patternContent(number * 10 + index, 40_000 + ((number * 7_919 + index * 104_729) % 60_000)),
      partSize: 9_000,
      idPrefix: `post-${number}-${index}-`,
    }),
  );
  return { name: `Some.Show.S01E${number}`, nzb: toNzb(files), files };
}
