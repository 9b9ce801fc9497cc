/** Other WebDAV servers for Node, each in a process of its own. They are no dependencies of the product: a folder of their own has them. */
import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Child, childOf, withinTime } from "../child.ts";
import type { TreeShape } from "../dav-tree.ts";

export const PEERS = ["webdav-server", "nephele"] as const;
export type PeerName = (typeof PEERS)[number];

export interface PeerArgument {
  /** Where the packages are installed. */
  readonly folder: string;
  readonly shape: TreeShape;
  readonly user: string;
  readonly password: string;
}

/** A peer that serves the tree at `/`, to whoever logs in with Basic. */
export interface Peer extends AsyncDisposable, Pick<Child, "pid" | "ask"> {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds from the start of the process until it listens. */
  readonly readyMs: number;
}

const FOLDER = fileURLToPath(new URL("../../../bench/peers/", import.meta.url));
const WATCH = new URL("../watch.js", import.meta.url).href;
const INSTALL_MS = 180_000;
const READY_MS = 30_000;
const LOGIN = { user: "bench", password: "bench" };

/** Installs the packages as their lock file says, unless they are there. Rejects with advice when that fails. */
export async function installPeers(): Promise<void> {
  if (PEERS.every((name) => versionIn(`node_modules/${name}/package.json`) === wantedVersion(name))) return;
  console.log(`\ninstalling ${PEERS.join(" and ")} into bench/peers (once)`);
  const install = ["ci", "--prefix", FOLDER, "--ignore-scripts", "--no-audit", "--no-fund"];
  try {
    await promisify(execFile)("npm", install, { timeout: INSTALL_MS });
  } catch (cause) {
    const { stderr = "" } = cause as { readonly stderr?: string };
    const why = /^npm error .+$/m.exec(stderr)?.[0] ?? String(cause);
    throw new Error(
      "the servers to compare with could not be installed: `npm ci --prefix bench/peers` needs the npm registry, once; " +
        `run it where there is one, or name the other topics (${why})`,
      { cause },
    );
  }
}

export async function startPeer(name: PeerName, shape: TreeShape): Promise<Peer> {
  const argument: PeerArgument = { folder: FOLDER, shape, ...LOGIN };
  const startedAt = performance.now();
  const server = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const serving = spawn(process.execPath, ["--import", WATCH, server, JSON.stringify(argument)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    // Express and nephele do less then.
    env: { PATH: process.env["PATH"], NODE_ENV: "production" },
  });
  const child = childOf(serving, name);
  try {
    const ready = Promise.race([firstLine(serving.stdout as NodeJS.ReadableStream), child.ended]);
    const url = await withinTime(ready, READY_MS, `${name} does not become ready`);
    return {
      pid: child.pid,
      ask: child.ask,
      url,
      headers: { Authorization: `Basic ${Buffer.from(`${LOGIN.user}:${LOGIN.password}`).toString("base64")}` },
      readyMs: performance.now() - startedAt,
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}

function firstLine(output: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => createInterface({ input: output }).once("line", resolve));
}

function wantedVersion(name: PeerName): string | undefined {
  const { dependencies } = JSON.parse(readFileSync(`${FOLDER}package.json`, "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  return dependencies[name];
}

/** Undefined when it is not there. */
function versionIn(path: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(FOLDER + path, "utf8")) as { readonly version: string }).version;
  } catch {
    return undefined;
  }
}
