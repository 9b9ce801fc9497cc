import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const LOGIN = `Basic ${Buffer.from("bench:bench").toString("base64")}`;

/** The product as a user runs it: `newsreel serve` in a process of its own. */
export interface Product extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Imports an NZB and resolves with the paths of its files once it is in the library. */
  add(nzb: string): Promise<readonly string[]>;
}

export async function startProduct(
  env: Readonly<Record<string, string>>,
  nodeOptions: readonly string[] = [],
): Promise<Product> {
  const dataDir = await mkdtemp(join(tmpdir(), "newsreel-bench-"));
  const child = spawn(process.execPath, [...nodeOptions, MAIN, "serve"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env["PATH"],
      NEWSREEL_DATA_DIR: dataDir,
      NEWSREEL_HOST: "127.0.0.1",
      NEWSREEL_PORT: "0",
      NEWSREEL_AUTH_USER: "bench",
      NEWSREEL_AUTH_PASSWORD: "bench",
      NEWSREEL_API_KEY: "bench",
      ...env,
    },
  });
  const url = await readyUrl(child);
  const headers = { Authorization: LOGIN };
  return {
    pid: child.pid as number,
    url,
    headers,
    add: (nzb) => addNzb(url, headers, nzb),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await once(child, "exit");
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function readyUrl(child: ReturnType<typeof spawn>): Promise<string> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const ready = new Promise<string>((resolve) => {
    lines.on("line", (line) => {
      const entry = JSON.parse(line) as { msg?: string; url?: string };
      if (entry.msg === "newsreel is ready" && entry.url !== undefined) resolve(entry.url);
    });
  });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`newsreel serve ended with ${code}`);
  });
  ended.catch(() => {});
  return Promise.race([ready, ended]);
}

interface ImportAnswer {
  readonly id: string;
  readonly state: string;
  readonly error?: string;
  readonly files?: readonly { readonly path: string }[];
}

async function addNzb(url: string, headers: Readonly<Record<string, string>>, nzb: string): Promise<readonly string[]> {
  const posted = await fetch(`${url}/api/v1/imports?category=bench&name=bench`, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/x-nzb" },
    body: nzb,
  });
  const { id } = (await posted.json()) as ImportAnswer;
  for (;;) {
    const job = (await (await fetch(`${url}/api/v1/imports/${id}`, { headers })).json()) as ImportAnswer;
    if (job.state === "completed") return (job.files ?? []).map(({ path }) => path);
    if (job.state === "failed") throw new Error(`import failed: ${job.error}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
