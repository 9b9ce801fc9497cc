import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type App, startApp } from "../app.ts";
import { systemClock } from "../base/clock.ts";
import { VERSION } from "../base/version.ts";
import { loadConfig } from "../config/load-config.ts";
import { createLog } from "../log.ts";
import { ArticleStore } from "../newsserver/article-store.ts";
import { fileContent, patternContent } from "../newsserver/content.ts";
import { type NewsServer, startNewsServer } from "../newsserver/news-server.ts";
import { toNzb } from "../newsserver/write-nzb.ts";
import { type CommandIo, defineCommand } from "./command.ts";
import { applyChaos, type Chaos, chaosInWords, DEFAULT_CHAOS, parseChaos } from "./demo-chaos.ts";
import { changeRunningDemo, serveChaos } from "./demo-control.ts";
import { CommandError, EXIT } from "./exit-code.ts";
import { printLine } from "./output.ts";

const LOGIN = { user: "demo", password: "demo" };
const PATTERN_BYTES = 256 * 1024 * 1024;
const IMPORT_TIMEOUT_MS = 60_000;

export const demoCommand = defineCommand({
  name: "demo",
  summary: "show it all: a built-in news server and a sample library, nothing to configure",
  usage: ["demo [--port n] [--rtt ms] [--rate bytes] [--missing percent] [--corrupt percent] [--stall percent]"],
  about:
    "Two built-in news servers hold the sample library; the first one misbehaves as told, the second one has everything.\n" +
    "While a demo runs, the same command with other values changes how its first news server behaves.",
  options: {
    port: { type: "string", value: "n", help: "port of page and WebDAV; 8119 unless given" },
    "nntp-port": {
      type: "string",
      value: "n",
      help: "port of the first news server; 1119 unless given, the second takes the next",
    },
    rtt: { type: "string", value: "ms", help: "round trip to the news servers" },
    rate: { type: "string", value: "size", help: "bytes per second of each connection, as 2MiB; 0 for no limit" },
    missing: { type: "string", value: "percent", help: "articles that the first news server does not have" },
    corrupt: { type: "string", value: "percent", help: "articles that are damaged there" },
    stall: { type: "string", value: "percent", help: "articles that stop coming half way there" },
  },
  positionals: [0, 0],
  async run(call) {
    const port = portOf(call.values.port, 8119, "--port");
    const wanted = parseChaos(call.values);
    const changed = await changeRunningDemo(port, wanted, call.signal);
    if (changed !== undefined) {
      await printLine(call, `the demo on port ${port} goes on with ${chaosInWords(changed)}`);
      return EXIT.ok;
    }
    const nntpPort = portOf(call.values["nntp-port"], 1119, "--nntp-port");
    await runDemo(call, { port, nntpPort, chaos: { ...DEFAULT_CHAOS, ...wanted } });
    return EXIT.ok;
  },
});

interface DemoOptions {
  readonly port: number;
  readonly nntpPort: number;
  readonly chaos: Chaos;
}

async function runDemo(io: CommandIo, { port, nntpPort, chaos }: DemoOptions): Promise<void> {
  const store = new ArticleStore();
  const nzbs = sampleLibrary(store);
  await using first = await startNewsServer({ port: nntpPort, store });
  await using second = await startNewsServer({ port: nntpPort === 0 ? 0 : nntpPort + 1, store });
  const state = { chaos };
  const change = (to: Partial<Chaos>) => {
    state.chaos = { ...state.chaos, ...to };
    applyChaos(state.chaos, first, second);
    return state.chaos;
  };

  const dataDir = await mkdtemp(join(tmpdir(), "newsreel-demo-"));
  try {
    const config = loadConfig({
      env: {},
      cwd: dataDir,
      overrides: {
        host: "127.0.0.1",
        port,
        dataDir,
        "auth.user": LOGIN.user,
        "auth.password": LOGIN.password,
        apiKey: LOGIN.password,
        providers: JSON.stringify([provider("first", first, 1), provider("second", second, 2)]),
        "imports.maxJobs": nzbs.length,
      },
    });
    const log = createLog({ level: "warn", stream: io.stderr });
    await using app = await startApp({
      config,
      secrets: LOGIN_SECRETS,
      log,
      extraHandler: serveChaos(() => state.chaos, change),
    });
    const films = await importAll(app, nzbs, io.signal);
    change({});
    await greet(io, { app, nntpPort: first.port, films, chaos: state.chaos });
    if (!io.signal.aborted) await once(io.signal, "abort");
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

const LOGIN_SECRETS = { password: LOGIN.password, apiKey: LOGIN.password };

function provider(name: string, server: NewsServer, tier: number): object {
  return { name, host: server.host, port: server.port, tls: false, connections: 10, tier };
}

interface Nzb {
  readonly fileName: string;
  readonly text: string;
}

/** Posts the sample files to the store; the NZBs are what an indexer would give. */
function sampleLibrary(store: ArticleStore): readonly Nzb[] {
  const sample = (name: string) => fileContent(fileURLToPath(new URL(`../../demo/${name}`, import.meta.url)));
  const film = [
    store.addFile({ name: "Time.Code.2026.mp4", content: sample("time-code.mp4"), partSize: 64 * 1024 }),
    store.addFile({ name: "Time.Code.2026.en.srt", content: sample("time-code.en.srt") }),
  ];
  const pattern = [store.addFile({ name: "pattern.bin", content: patternContent(1, PATTERN_BYTES) })];
  return [
    { fileName: "Time Code (2026).nzb", text: toNzb(film, { title: "Time Code (2026)" }) },
    { fileName: "Pattern.nzb", text: toNzb(pattern, { title: "Pattern" }) },
  ];
}

/** Imports through the door that everybody uses; resolves with the paths of the films once all are there. */
async function importAll(app: App, nzbs: readonly Nzb[], signal: AbortSignal): Promise<readonly string[]> {
  const { jobs } = app.catalog;
  const deadline = systemClock.now() + IMPORT_TIMEOUT_MS;
  const queued = [];
  for (const { fileName, text } of nzbs) {
    const body = (async function* () {
      yield Buffer.from(text);
    })();
    queued.push((await app.intake.submit({ body, fileName, category: "demo", signal })).job);
  }
  for (;;) {
    const now = queued.map(({ id }) => jobs.get(id));
    const failed = now.find((job) => job?.state === "failed");
    if (failed !== undefined) throw new Error(`the sample could not be imported: ${failed.error}`);
    if (now.every((job) => job?.state === "completed")) break;
    if (systemClock.now() > deadline) throw new Error("the sample library was not imported within a minute");
    await new Promise((resolve) => setTimeout(resolve, 50));
    signal.throwIfAborted();
  }
  return queued
    .flatMap(({ id }) => {
      const release = jobs.get(id)?.release;
      return release === undefined ? [] : app.catalog.releaseFiles(release);
    })
    .map(({ path }) => path);
}

interface Greeting {
  readonly app: App;
  readonly nntpPort: number;
  readonly films: readonly string[];
  readonly chaos: Chaos;
}

async function greet(io: CommandIo, { app, nntpPort, films, chaos }: Greeting): Promise<void> {
  const dav = `${app.url}/dav/`;
  const film = films.find((path) => path.endsWith(".mp4")) ?? "";
  const href = `${dav}library/${film.split("/").map(encodeURIComponent).join("/")}`;
  const login = `${LOGIN.user}:${LOGIN.password}`;
  const lines = [
    `newsreel ${VERSION} demo: built-in news server on 127.0.0.1:${nntpPort}, sample library, throwaway catalog`,
    `  Page     ${app.url}/          WebDAV  ${dav}   (${LOGIN.user} / ${LOGIN.password})`,
    `  Try      curl -u ${login} -r 0-1023 '${href}' | xxd | head`,
    `           ffplay '${href.replace("://", `://${login}@`)}'`,
    `           rclone ls :webdav: --webdav-url ${dav} --webdav-user ${LOGIN.user} --webdav-pass "$(rclone obscure ${LOGIN.password})"`,
    `  Chaos    ${chaosInWords(chaos)}        (--rtt --rate --missing --corrupt --stall)`,
    "  Stop     Ctrl-C",
  ];
  for (const line of lines) await printLine(io, line);
}

function portOf(text: string | undefined, byDefault: number, flag: string): number {
  if (text === undefined) return byDefault;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new CommandError("USAGE", `${flag} takes a port number, not ${JSON.stringify(text)}`);
}
