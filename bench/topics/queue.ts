import { createHash } from "node:crypto";
import { join } from "node:path";
import type { MessageId } from "../../src/base/message-id.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { startChild } from "../child.ts";
import type { Asked, HttpClient } from "../http-client.ts";
import { type Product, startProduct } from "../product.ts";
import type { CallTimes, QueueShape } from "../queue-side.ts";
import { atMost, type Row, type Table } from "../report.ts";
import { median, quantile } from "../rounds.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import type { Topic } from "../topic.ts";
import type { Watched } from "../watch.ts";

const QUEUED = 10_000;
const HISTORY = 1_000;
const MOST_MS = 5;
const MOST_BLOCKED_MS = 50;
/** Calls of each kind before those that count. */
const WARM_UP = 5;
const KEY = "apikey=bench&output=json";
/** As in the NZB of an episode of 2 GB. */
const SEGMENTS = 2_800;

/** A queue of thousands. */
export const queue: Topic = {
  name: "queue",
  about: `${QUEUED} queued jobs and ${HISTORY} rows of history: enqueue, list, search, reorder, claim`,
  seconds: [18, 9],
  async *run({ isQuick }) {
    using folder = temporaryFolder();
    const path = join(folder.path, "catalog.db");
    const shape: QueueShape = { path, queued: QUEUED, history: HISTORY, nzbBytes: isQuick ? 2_048 : 16_384 };
    yield await inCatalog(shape, isQuick ? 50 : 300);
    yield await overHttp(folder.path, isQuick ? 20 : 100);
  },
};

async function inCatalog(shape: QueueShape, count: number): Promise<Table> {
  await using side = startChild("queue-side", {});
  const enqueued = await side.ask<readonly number[]>("fill", shape);
  const calls = await side.ask<CallTimes>("calls", { path: shape.path, count });
  return {
    title: `queue: in the catalog, NZBs of ${shape.nzbBytes} bytes`,
    columns: COLUMNS,
    rows: Object.entries({ "enqueued, the last 1 000": enqueued, ...calls }).map(([name, times]) => row(name, times)),
  };
}

/** Calls over one connection that is kept; the queue is paused, and nothing else happens. */
async function overHttp(dataDir: string, count: number): Promise<Table> {
  await using product = await startProduct({ dataDir });
  using client = await product.connect();
  const ids = await idsOf(product);
  const call = async (path: string, asked: Asked = {}) => (await client.request(path, asked)).seconds * 1000;
  const post = (path: string, asked: Asked = {}) => call(path, { body: "", ...asked, method: "POST" });
  const any = (turn: number) => `/api/v1/imports/${ids[(turn * 131) % ids.length]}`;
  const calls: Readonly<Record<string, (turn: number) => Promise<number>>> = {
    "queue, the first 50": () => call("/api/v1/queue?limit=50"),
    "queue, 50 behind 9 900 others": () => call("/api/v1/queue?limit=50&skip=9900"),
    "history, the latest 50": () => call("/api/v1/imports?limit=50&state=completed,failed"),
    searched: (turn) => call(`/api/v1/imports?limit=50&search=e${turn * 17}.2160p.web`),
    "one job": (turn) => call(any(turn)),
    "moved elsewhere": (turn) => post(`${any(turn)}/move?position=${(turn * 7_919) % QUEUED}`),
    "another priority": (turn) => post(`${any(turn)}/priority?value=${turn % 2 === 0 ? "high" : "normal"}`),
    "SABnzbd: the first 60 of the queue": () => call(`/api?mode=queue&start=0&limit=60&${KEY}`),
    "SABnzbd: history, limit 60": () => call(`/api?mode=history&start=0&limit=60&${KEY}`),
  };
  const rows: Row[] = [];
  for (const [name, make] of Object.entries(calls)) {
    await timesOf(make, WARM_UP);
    rows.push(row(name, await timesOf(make, count)));
  }
  rows.push(await wholeQueue(product, client));
  rows.push(await handedIn(product, post, count));
  return { title: "queue: over HTTP, with the login or key of each call", columns: COLUMNS, rows };
}

/** What Sonarr and Radarr ask for each minute. Not a matter of a moment, but nobody else may wait for it. */
async function wholeQueue(product: Product, client: HttpClient): Promise<Row> {
  const ask = () => client.request(`/api?mode=queue&start=0&limit=0&${KEY}`);
  const { bytes } = await ask();
  await product.ask("watch");
  const times = await timesOf(async () => (await ask()).seconds * 1000, 5);
  const { loopMax } = await product.ask<Watched>("watched");
  const name = `SABnzbd: the whole queue, ${(bytes / 1e6).toFixed(1)} MB; the event loop meanwhile: ${loopMax.toFixed(0)} ms`;
  return { name, cells: cellsOf(times), checks: [atMost(loopMax, MOST_BLOCKED_MS, " ms blocked")] };
}

/** From the first byte of an NZB until it is durably queued. */
async function handedIn(
  product: Product,
  post: (path: string, asked: Asked) => Promise<number>,
  count: number,
): Promise<Row> {
  const headers = { "Content-Type": "application/x-nzb" };
  const nzbs = Array.from({ length: count }, (_, number) => nzbOf(number));
  await product.ask("watch");
  const times = await timesOf(
    (turn) => post(`/api/v1/imports?category=tv&name=New+${turn}`, { headers, body: nzbs[turn] as string }),
    count,
  );
  const { loopMax } = await product.ask<Watched>("watched");
  const size = ((nzbs[0] as string).length / 1e6).toFixed(1);
  const name = `an NZB of ${size} MB handed in; the event loop meanwhile: ${loopMax.toFixed(0)} ms`;
  return { name, cells: cellsOf(times), checks: [atMost(loopMax, MOST_BLOCKED_MS, " ms blocked")] };
}

function nzbOf(post: number): string {
  const segments = Array.from({ length: SEGMENTS }, (_, index) => {
    const id = createHash("sha256").update(`${post} ${index}`).digest("base64url").slice(0, 28);
    return { id: `${id}@ngPost.example` as MessageId, number: index + 1, encodedSize: 740_000 };
  });
  const subject = `"new-${post}.mkv" yEnc (1/${SEGMENTS})`;
  return toNzb([{ subject, poster: "a <a@b.example>", postedAt: 0, groups: ["alt.binaries.test"], segments }]);
}

async function idsOf({ url, headers }: Product): Promise<readonly string[]> {
  const answer = await fetch(`${url}/api/v1/queue?limit=500&skip=4000`, { headers });
  const { imports } = (await answer.json()) as { readonly imports: readonly { readonly id: string }[] };
  return imports.map(({ id }) => id);
}

async function timesOf(make: (turn: number) => Promise<number>, count: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let turn = 0; turn < count; turn += 1) times.push(await make(turn));
  return times;
}

const COLUMNS = ["p50 ms", "p95 ms", "longest ms", "count"];

function row(name: string, times: readonly number[]): Row {
  return { name, cells: cellsOf(times), checks: [atMost(quantile(times, 0.95), MOST_MS, " ms p95")] };
}

function cellsOf(times: readonly number[]): readonly string[] {
  const figures = [median(times), quantile(times, 0.95), Math.max(...times)];
  return [...figures.map((ms) => ms.toFixed(ms < 1 ? 3 : 1)), String(times.length)];
}
