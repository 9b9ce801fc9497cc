import { execFileSync, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { childOf } from "./child.ts";
import type { BenchFile, News } from "./news.ts";
import { cpuSeconds } from "./process-meter.ts";
import { sleep } from "./rounds.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface NzbgetOptions {
  readonly news: News;
  readonly isTls: boolean;
  readonly connections: number;
  /** True: what was downloaded and checked is thrown away. */
  readonly isDiscarding: boolean;
}

export interface Nzbget extends AsyncDisposable {
  readonly pid: number;
  /** Downloads a file and forgets it; CPU seconds of the whole download, its end included. */
  download(file: BenchFile): Promise<{ readonly bytes: number; readonly seconds: number; readonly cpu: number }>;
}

const START_MS = 10_000;
const DOWNLOAD_MS = 120_000;

/** "nzbget 21.0" or what is installed; undefined when it is not. */
export function nzbgetVersion(): string | undefined {
  try {
    return execFileSync("nzbget", ["--version"], { encoding: "utf8" }).trim().replace(" version:", "");
  } catch {
    return undefined;
  }
}

/** nzbget as a server without post-processing, told what to do over its JSON-RPC interface. */
export async function startNzbget({ news, isTls, connections, isDiscarding }: NzbgetOptions): Promise<Nzbget> {
  const folder = temporaryFolder();
  const port = await freePort();
  const options = {
    MainDir: folder.path,
    DestDir: join(folder.path, "dst"),
    InterDir: join(folder.path, "inter"),
    QueueDir: join(folder.path, "queue"),
    NzbDir: join(folder.path, "nzb"),
    TempDir: join(folder.path, "tmp"),
    WebDir: "",
    LogFile: join(folder.path, "log"),
    LockFile: join(folder.path, "lock"),
    WriteLog: "none",
    ControlIP: "127.0.0.1",
    ControlPort: port,
    ControlUsername: "bench",
    ControlPassword: "bench",
    OutputMode: "log",
    "Server1.Active": "yes",
    "Server1.Level": 0,
    "Server1.Host": "127.0.0.1",
    "Server1.Port": isTls ? news.tlsPort : news.plainPort,
    "Server1.Encryption": isTls ? "yes" : "no",
    "Server1.Connections": connections,
    CertCheck: "no",
    CrcCheck: "yes",
    SkipWrite: isDiscarding ? "yes" : "no",
    DirectWrite: "yes",
    WriteBuffer: 1024,
    ArticleCache: 0,
    ParCheck: "manual",
    ParRename: "no",
    RarRename: "no",
    DirectRename: "no",
    DirectUnpack: "no",
    Unpack: "no",
    DupeCheck: "no",
    ContinuePartial: "no",
    FlushQueue: "no",
    DiskSpace: 0,
    ArticleRetries: 0,
    HealthCheck: "none",
    UnpackCleanupDisk: "no",
  };
  const args = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const child = childOf(spawn("nzbget", ["-n", "-s", ...args], { stdio: "ignore" }), "nzbget");
  const call = async (method: string, params: readonly unknown[] = []): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}/jsonrpc`, {
      method: "POST",
      headers: { Authorization: `Basic ${Buffer.from("bench:bench").toString("base64")}` },
      body: JSON.stringify({ method, params }),
    });
    return ((await answer.json()) as { result: unknown }).result;
  };
  const dispose = async () => {
    await child[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  };
  try {
    await until(START_MS, "nzbget does not start", () => call("version").then(Boolean, () => false));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    pid: child.pid,
    async download({ name, bytes, nzb, ids }) {
      await news.reset();
      const before = cpuSeconds(child.pid);
      const content = Buffer.from(nzb).toString("base64");
      const id = (await call("append", [`${name}.nzb`, content, "", 0, false, false, "", 0, "FORCE", []])) as number;
      if (!(id > 0)) throw new Error(`nzbget does not take ${name}`);
      const seconds = await news.run(ids.length);
      const entry = async () =>
        ((await call("history")) as { NZBID: number; Status: string; FailedArticles: number }[]).find(
          ({ NZBID }) => NZBID === id,
        );
      await until(DOWNLOAD_MS, "nzbget does not end", async () => (await entry()) !== undefined);
      const cpu = cpuSeconds(child.pid) - before;
      if ((await entry())?.FailedArticles !== 0) throw new Error(`nzbget failed: ${(await entry())?.Status}`);
      await call("editqueue", ["HistoryFinalDelete", "", [id]]);
      for (const left of [options.DestDir, options.InterDir]) rmSync(left, { recursive: true, force: true });
      return { bytes, seconds, cpu };
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function until(ms: number, complaint: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(complaint);
    await sleep(50);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
