import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import http, { type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NewsServer } from "../../src/newsserver/news-server.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
export const PASSWORD = "process-test";
export const API_KEY = "process-test-key";
/** What a login checks, so that no machine is too slow for it. */
const PATIENCE_MS = 60_000;

export type Variables = Readonly<Record<string, string>>;

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The transfer was visibly cut off after `body`. */
  readonly isBroken: boolean;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Variables;
  readonly body?: string | Buffer;
  /** Connections to reuse; one for this request alone unless given. */
  readonly agent?: http.Agent;
}

/** The built program as a child process. Disposing it kills what still runs. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<Ending>;
  /** All that it has written to standard output and standard error. */
  readonly output: () => string;
  readonly stderr: () => string;
  /** Resolves with the log line of this message; rejects when the program ends without it. */
  logged(msg: string): Promise<Readonly<Record<string, unknown>>>;
  kill(signal: NodeJS.Signals): void;
}

/** `newsreel serve`, ready. */
export interface Product extends Child {
  readonly url: string;
  readonly port: number;
  /** Opens a request whose answer the test reads by itself. */
  open(path: string, options?: RequestOptions): Promise<http.IncomingMessage>;
  request(path: string, options?: RequestOptions): Promise<Answer>;
  json<T>(path: string, options?: RequestOptions): Promise<T>;
}

export interface JobAnswer {
  readonly id: string;
  readonly state: string;
  readonly name: string;
  readonly error: string | null;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** Starts the built program and nothing more; with a launcher, that command starts it, which must become it in the end. */
export function runProgram(args: readonly string[], env: Variables = {}, launcher: readonly string[] = []): Child {
  if (!existsSync(MAIN)) throw new Error("these tests run the built program: npm run build first");
  const [command = process.execPath, ...all] = [...launcher, process.execPath, MAIN, ...args];
  const child = spawn(command, all, {
    cwd: tmpdir(),
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], ...env },
  });
  const written = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
      for (const look of watchers) look();
    });
  }
  let hasEnded = false;
  const ended = once(child, "close").then(([code, signal]) => {
    hasEnded = true;
    for (const look of watchers) look();
    return { code, signal } as Ending;
  });
  const find = (msg: string) =>
    written.stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .find((entry) => entry["msg"] === msg);

  return {
    pid: child.pid as number,
    ended,
    output: () => written.stdout + written.stderr,
    stderr: () => written.stderr,
    logged: (msg) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const entry = find(msg);
          if (entry === undefined && !hasEnded) return;
          watchers.delete(look);
          if (entry !== undefined) resolve(entry);
          else reject(new Error(`newsreel ended before ${JSON.stringify(msg)}: ${written.stdout}${written.stderr}`));
        };
        watchers.add(look);
        look();
      }),
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Settings of a server for tests: everything small and local, nothing from this machine's environment. */
export function serveVariables(dataDir: string, news?: NewsServer, more: Variables = {}): Variables {
  return {
    NEWSREEL_DATA_DIR: dataDir,
    NEWSREEL_HOST: "127.0.0.1",
    NEWSREEL_PORT: "0",
    NEWSREEL_AUTH_USER: "tester",
    NEWSREEL_AUTH_PASSWORD: PASSWORD,
    NEWSREEL_API_KEY: API_KEY,
    NEWSREEL_CACHE_MEMORY_BYTES: "64MiB",
    ...(news === undefined ? {} : { NEWSREEL_PROVIDERS: JSON.stringify([provider(news)]) }),
    ...more,
  };
}

export function provider(news: NewsServer, more: object = {}): object {
  return { name: "news", host: news.host, port: news.port, tls: false, connections: 8, ...more };
}

/** Starts `newsreel serve` and resolves when it is ready. For the launcher see `runProgram`. */
export async function serve(
  variables: Variables,
  login = `tester:${PASSWORD}`,
  launcher: readonly string[] = [],
): Promise<Product> {
  const child = runProgram(["serve"], variables, launcher);
  const url = (await child.logged("newsreel is ready"))["url"] as string;
  const authorization = `Basic ${Buffer.from(login).toString("base64")}`;

  const open = (path: string, { method = "GET", headers = {}, body, agent }: RequestOptions = {}) =>
    new Promise<http.IncomingMessage>((resolve, reject) => {
      const all = { Authorization: authorization, ...headers };
      http
        .request(new URL(path, url), { method, headers: all, agent: agent ?? false }, resolve)
        .on("error", reject)
        .end(body);
    });
  const request = async (path: string, options?: RequestOptions) => readAnswer(await open(path, options));
  return {
    ...child,
    url,
    port: Number(new URL(url).port),
    open,
    request,
    json: async (path, options) => JSON.parse((await request(path, options)).body.toString()),
  };
}

/** Reads an answer to its end, or to where it breaks off. */
export async function readAnswer(response: http.IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let isBroken = false;
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch {
    isBroken = true;
  }
  const { statusCode: status = 0, headers, complete } = response;
  return { status, headers, body: Buffer.concat(chunks), isBroken: isBroken || !complete };
}

export function postNzb(product: Product, nzb: string | Buffer, query = "category=test"): Promise<Answer> {
  const headers = { "Content-Type": "application/x-nzb" };
  return product.request(`/api/v1/imports?${query}`, { method: "POST", headers, body: nzb });
}

/** Imports an NZB and resolves with its job when it is over. */
export async function importNzb(product: Product, nzb: string, name: string): Promise<JobAnswer> {
  const posted = await postNzb(product, nzb, `category=test&name=${encodeURIComponent(name)}`);
  const { id } = JSON.parse(posted.body.toString()) as { readonly id: string };
  return await jobEnded(product, id);
}

export async function jobEnded(product: Product, id: string): Promise<JobAnswer> {
  return await eventually(`import ${id} ends`, async () => {
    const job = await product.json<JobAnswer>(`/api/v1/imports/${id}`);
    return job.state === "completed" || job.state === "failed" ? job : undefined;
  });
}

/** The URL path of a file that the API names. */
export function urlPath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

export async function tempDir(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "newsreel-process-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Asks until there is an answer; for states of another process, which no promise of this one stands for. Gives up after a minute. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  let found = await look();
  while (found === undefined) {
    if (performance.now() > deadline) throw new Error(`it did not come true within a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    found = await look();
  }
  return found;
}

/** The most memory that a process has ever had resident, in bytes (proc(5), VmHWM). */
export async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** How many sockets a process has open. */
export async function openSockets(pid: number): Promise<number> {
  const names = await readdir(`/proc/${pid}/fd`);
  const targets = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => "")));
  return targets.filter((target) => target.startsWith("socket:")).length;
}
