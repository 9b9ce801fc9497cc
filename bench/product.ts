import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ProviderOptions } from "../src/nntp/provider-options.ts";
import { type Child, childOf, withinTime } from "./child.ts";
import { HttpClient } from "./http-client.ts";
import type { BenchFile } from "./news.ts";
import { sleep } from "./rounds.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const WATCH = new URL("./watch.js", import.meta.url).href;
const LOGIN = `Basic ${Buffer.from("bench:bench").toString("base64")}`;
const READY_MS = 60_000;
/** An import says itself when it ended; it is asked so often whether it has. */
const LOOK_MS = 20;
const LONGEST_IMPORT_MS = 120_000;
/** Imports read what they need, and look for nothing beyond it. */
export const UNCHECKED = [{ name: "*", check: "none" }];
/** A stream counts as watched for so long after its last byte, here. */
export const HOLD_OFF_MS = 1_000;

export interface ProductOptions {
  readonly provider?: ProviderOptions;
  /** Further settings, by variable. */
  readonly env?: Readonly<Record<string, string>>;
  /** A data folder to start with; by default an empty one that is removed in the end. */
  readonly dataDir?: string;
}

/** The product as a user runs it: `newsreel serve` in a process of its own. */
export interface Product extends AsyncDisposable, Pick<Child, "pid" | "ask"> {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds from the start of the process to the line that says it is ready. */
  readonly readyMs: number;
  connect(): Promise<HttpClient>;
  /** Imports a file and resolves with its URL path once it is in the library. */
  add(file: Pick<BenchFile, "name" | "nzb">): Promise<string>;
  /** Hands in an import and does not wait for it; resolves with its id. */
  submit(post: PostWish): Promise<string>;
  /** Waits until an import has completed; rejects when it fails, or takes two minutes. */
  completed(id: string): Promise<Imported>;
}

export interface PostWish extends Pick<BenchFile, "name" | "nzb"> {
  /** `bench` unless given. */
  readonly category?: string;
}

/** An import that has completed. */
export interface Imported {
  /** Milliseconds since 1970. */
  readonly endedAt: number;
  readonly reason: string | null;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

export async function startProduct({ provider, env, dataDir }: ProductOptions = {}): Promise<Product> {
  const folder = dataDir === undefined ? temporaryFolder() : undefined;
  const startedAt = performance.now();
  const serving = spawn(process.execPath, ["--enable-source-maps", "--import", WATCH, MAIN, "serve"], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: {
      PATH: process.env["PATH"],
      NEWSREEL_DATA_DIR: dataDir ?? folder?.path,
      NEWSREEL_HOST: "127.0.0.1",
      NEWSREEL_PORT: "0",
      NEWSREEL_AUTH_USER: "bench",
      NEWSREEL_AUTH_PASSWORD: "bench",
      NEWSREEL_API_KEY: "bench",
      NEWSREEL_LOG_LEVEL: "info",
      NEWSREEL_SHUTDOWN_GRACE_MS: "0",
      NEWSREEL_STREAMING_HOLD_OFF_MS: String(HOLD_OFF_MS),
      NEWSREEL_CATEGORIES: JSON.stringify(UNCHECKED),
      ...(provider === undefined ? {} : { NEWSREEL_PROVIDERS: JSON.stringify([configured(provider)]) }),
      ...env,
    },
  });
  const child = childOf(serving, "newsreel serve");
  const dispose = async () => {
    await child[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  };
  try {
    const ready = Promise.race([readyUrl(serving.stdout as NodeJS.ReadableStream), child.ended]);
    const url = await withinTime(ready, READY_MS, "newsreel serve does not become ready");
    const readyMs = performance.now() - startedAt;
    const headers = { Authorization: LOGIN };
    const submit = (post: PostWish) => submitNzb({ url, headers }, post);
    const completed = (id: string) => completedImport({ url, headers }, id);
    return {
      pid: child.pid,
      ask: child.ask,
      url,
      headers,
      readyMs,
      connect: () => HttpClient.connect(url, headers),
      submit,
      completed,
      add: async (file) => {
        const [first] = (await completed(await submit(file))).files;
        if (first === undefined) throw new Error(`the import of ${file.name} has no files`);
        return encodeURI(first.path);
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function configured({ id, ...rest }: ProviderOptions) {
  return { name: id, ...rest };
}

/** The log is read to its end, so that its pipe never fills up. */
function readyUrl(log: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => {
    createInterface({ input: log }).on("line", (line) => {
      if (!line.includes('"newsreel is ready"')) return;
      const { url } = JSON.parse(line) as { url?: string };
      if (url !== undefined) resolve(url);
    });
  });
}

type Api = Pick<Product, "url" | "headers">;

async function submitNzb({ url, headers }: Api, { name, nzb, category = "bench" }: PostWish): Promise<string> {
  const posted = await fetch(`${url}/api/v1/imports?${new URLSearchParams({ category, name })}`, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/x-nzb" },
    body: nzb,
  });
  if (!posted.ok) throw new Error(`the import of ${name} was answered ${posted.status}`);
  return ((await posted.json()) as { readonly id: string }).id;
}

async function completedImport({ url, headers }: Api, id: string): Promise<Imported> {
  const deadline = performance.now() + LONGEST_IMPORT_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(`${url}/api/v1/imports/${id}`, { headers });
    const job = (await answer.json()) as Imported & { readonly state: string; readonly error: string | null };
    if (job.state === "completed") return job;
    if (job.state === "failed") throw new Error(`import failed: ${job.error}`);
    await sleep(LOOK_MS);
  }
  throw new Error(`import ${id} does not end`);
}
