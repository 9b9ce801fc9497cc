import { Closers } from "../../src/base/closers.ts";
import { type BenchFile, type News, providerOf, startNews } from "../news.ts";
import { cpuSeconds, peakRss, rss, wakeUps } from "../process-meter.ts";
import { type Product, startProduct } from "../product.ts";
import { atMost, type Row, type Table } from "../report.ts";
import { sleep } from "../rounds.ts";
import type { Topic } from "../topic.ts";
import type { Watched } from "../watch.ts";

const PART_SIZE = 716_800;
const CONNECTIONS = 20;
const PACE = 200e6;
const IDLE_MS = 5_000;

/** Memory, pauses and promptness, at rest and under load. */
export const memory: Topic = {
  name: "memory",
  about: "memory, garbage collection and event loop with 0 to 32 streams",
  seconds: [40, 15],
  async *run({ isQuick }) {
    const bytes = isQuick ? 15e6 : 60e6;
    await using news = await startNews(
      Array.from({ length: 32 }, (_, n) => ({ name: `film-${n}.mkv`, bytes, partSize: PART_SIZE })),
    );
    yield await atRest();
    const rows: Row[] = [];
    for (const streams of [1, 8, 32]) rows.push(await streaming(news, { streams, bytesPerSecond: undefined }));
    rows.push(await streaming(news, { streams: 8, bytesPerSecond: PACE }));
    yield {
      title: `memory: streams of a file each, TLS, ${CONNECTIONS} connections`,
      columns: ["MB/s", "CPU s/GB", "peak RSS MB", "loop p50 ms", "p99", "max", "GCs", "sum ms", "longest ms"],
      rows,
      notes: ["loop: how late a timer of 1 ms fires; GC: pauses of all kinds"],
    };
  },
};

async function atRest(): Promise<Table> {
  await using product = await startProduct();
  await sleep(2_000);
  const before = { wakeUps: wakeUps(product.pid), cpu: cpuSeconds(product.pid) };
  await sleep(IDLE_MS);
  const perSecond = (wakeUps(product.pid) - before.wakeUps) / (IDLE_MS / 1000);
  const cpu = (cpuSeconds(product.pid) - before.cpu) / (IDLE_MS / 1000);
  const memoryMb = rss(product.pid) / 1e6;
  return {
    title: "memory: at rest, an empty library",
    columns: ["RSS MB", "CPU ms/s", "wake-ups/s"],
    rows: [
      {
        name: "newsreel",
        cells: [memoryMb.toFixed(0), (cpu * 1000).toFixed(1), perSecond.toFixed(1)],
        checks: [atMost(memoryMb, 90, " MB"), atMost(perSecond, 2, " wake-ups/s (no timer faster than 1 s)")],
      },
    ],
  };
}

interface Load {
  readonly streams: number;
  /** Of all streams together; undefined: as fast as it goes. */
  readonly bytesPerSecond: number | undefined;
}

/** A product of its own, since memory that was taken once stays. */
async function streaming(news: News, { streams, bytesPerSecond }: Load): Promise<Row> {
  await using closers = new Closers();
  const product = closers.use(
    await startProduct({ provider: providerOf(news, { connections: CONNECTIONS, pipeline: "auto" }) }),
  );
  const files = streams === 1 ? news.files.slice(0, 8) : news.files.slice(0, streams);
  const paths: string[] = [];
  for (const file of files) paths.push(await product.add(file as BenchFile));
  // One stream reads several files in turn, so that it lasts.
  const perStream = Array.from({ length: streams }, (_, n) => paths.filter((_path, at) => at % streams === n));
  await product.ask("watch");
  const before = { cpu: cpuSeconds(product.pid), at: performance.now() };
  const pace = bytesPerSecond === undefined ? {} : { bytesPerSecond: bytesPerSecond / streams };
  const bytes = await Promise.all(perStream.map((own) => readAll(product, own, pace)));
  const seconds = (performance.now() - before.at) / 1000;
  const total = bytes.reduce((sum, count) => sum + count, 0);
  const cpu = cpuSeconds(product.pid) - before.cpu;
  const watched = await product.ask<Watched>("watched");
  const peak = peakRss(product.pid) / 1e6;
  const { loopP50, loopP99, loopMax, collections, collectionMs, longestMs } = watched;
  return {
    name: `${streams} ${streams === 1 ? "stream" : "streams"}, ${bytesPerSecond === undefined ? "full speed" : `${bytesPerSecond / 1e6} MB/s in total`}`,
    cells: [
      (total / 1e6 / seconds).toFixed(0),
      (cpu / (total / 1e9)).toFixed(2),
      peak.toFixed(0),
      ...[loopP50, loopP99, loopMax].map((ms) => ms.toFixed(1)),
      String(collections),
      ...[collectionMs, longestMs].map((ms) => ms.toFixed(1)),
    ],
    checks: [
      ...(streams === 8 ? [atMost(peak, 220, " MB")] : []),
      ...(bytesPerSecond === undefined ? [] : [atMost(loopP99, 5, " ms p99")]),
    ],
  };
}

async function readAll(product: Product, paths: readonly string[], pace: { bytesPerSecond?: number }): Promise<number> {
  using client = await product.connect();
  let bytes = 0;
  for (const path of paths) bytes += (await client.request(path, pace)).bytes;
  return bytes;
}
