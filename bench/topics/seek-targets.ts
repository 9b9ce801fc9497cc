import { Closers } from "../../src/base/closers.ts";
import type { BenchFile, News } from "../news.ts";
import { HOLD_OFF_MS, type Product } from "../product.ts";
import { atMost, type Row, type Table } from "../report.ts";
import { median, quantile, sleep } from "../rounds.ts";

const KIB64 = 64 * 1024;
const UNLIMITED = { bytesPerSecond: 0 };

/** Everything a seek is measured with. */
export interface SeekSetup {
  readonly isQuick: boolean;
  readonly news: News;
  readonly film: BenchFile;
  readonly product: Product;
  readonly path: string;
  /** A place that was never read before, so many bytes into a segment: by default at random. */
  nextPlace(offset?: number): number;
}

/** The seeks that have a target of their own. */
export async function seekTargets(setup: SeekSetup): Promise<Table> {
  const rows: Row[] = [];
  for (const rttMs of [0, 20]) rows.push(await atSegmentStart(setup, rttMs));
  rows.push(await fromMemory(setup));
  rows.push(await fourMebibytes(setup));
  for (const rttMs of [20, 50]) rows.push(await cold(setup, rttMs));
  rows.push(await underLoad(setup));
  return {
    title: "seek, special cases: TLS, 20 connections, ms",
    columns: ["p50", "p90", "count"],
    rows,
  };
}

function rowOf(name: string, ms: readonly number[], target: number): Row {
  return {
    name,
    cells: [median(ms).toFixed(1), quantile(ms, 0.9).toFixed(1), String(ms.length)],
    checks: [atMost(median(ms), target, " ms")],
  };
}

/** Milliseconds until so many bytes from `place` on are there, over a connection that is open already. */
async function timeTo(bytes: number, { product, path }: SeekSetup, place: number): Promise<number> {
  using client = await product.connect();
  const { marksMs } = await client.request(path, { range: [place], marks: [bytes], leaveAfter: bytes });
  return marksMs[0] as number;
}

async function atSegmentStart(setup: SeekSetup, rttMs: number): Promise<Row> {
  const { news, isQuick, nextPlace } = setup;
  await news.behave({ rttMs, ...UNLIMITED });
  const samples: number[] = [];
  for (let n = -2; n < (isQuick ? 5 : 20); n += 1) {
    const ms = await timeTo(1, setup, nextPlace(0));
    await news.quiet();
    if (n >= 0) samples.push(ms);
  }
  return rowOf(`first byte, warm, start of a segment, ${rttMs} ms`, samples, rttMs + 3);
}

async function fromMemory({ product, path, film, nextPlace, isQuick }: SeekSetup): Promise<Row> {
  using client = await product.connect();
  const start = nextPlace(0);
  const bytes = 4 * film.partSize;
  await client.request(path, { range: [start, start + bytes] });
  const samples: number[] = [];
  for (let n = -20; n < (isQuick ? 100 : 500); n += 1) {
    const from = start + (((n + 20) * 65_537) % (bytes - KIB64));
    const { seconds } = await client.request(path, { range: [from, from + KIB64] });
    if (n >= 0) samples.push(seconds * 1000);
  }
  return rowOf("64 KiB from memory", samples, 1);
}

async function fourMebibytes(setup: SeekSetup): Promise<Row> {
  const { news, isQuick, nextPlace } = setup;
  await news.behave({ rttMs: 20, bytesPerSecond: 5e6 });
  const samples: number[] = [];
  for (let n = -2; n < (isQuick ? 3 : 12); n += 1) {
    const ms = await timeTo(4 * 2 ** 20, setup, nextPlace(0));
    await news.quiet();
    if (n >= 0) samples.push(ms);
  }
  return rowOf("4 MiB, warm, 20 ms, 5 MB/s per connection", samples, 250);
}

/** No connection is left: TCP, TLS, login, then the article. */
async function cold(setup: SeekSetup, rttMs: number): Promise<Row> {
  const { news, isQuick, nextPlace } = setup;
  await news.behave({ rttMs, ...UNLIMITED });
  const samples: number[] = [];
  for (let n = 0; n < (isQuick ? 3 : 7); n += 1) {
    // As long as somebody watches, connections that are lost are replaced at once.
    await sleep(HOLD_OFF_MS + 8 * rttMs + 100);
    await news.drop();
    // The product has to notice.
    await sleep(100);
    samples.push(await timeTo(1, setup, nextPlace(0)));
    await news.quiet();
  }
  return rowOf(`first byte, cold with login, ${rttMs} ms`, samples, 6.3 * rttMs + 5);
}

/** Two readers and imports take all that 20 connections give, while a third jumps. */
async function underLoad(setup: SeekSetup): Promise<Row> {
  const { news, product, isQuick, nextPlace } = setup;
  const rttMs = 20;
  const [, other, ...episodes] = news.files as readonly BenchFile[];
  const otherPath = await product.add(other as BenchFile);
  await news.behave({ rttMs, bytesPerSecond: 2e6 });
  await using closers = new Closers();
  for (const share of [0, 0.5]) {
    const client = closers.use(await product.connect());
    const start = Math.floor((other as BenchFile).bytes * share);
    // It ends when its connection is closed.
    client.request(otherPath, { range: [start] }).catch(() => {});
  }
  await sleep(isQuick ? 1500 : 3000);
  for (const episode of episodes) await product.submit(episode);
  const samples: number[] = [];
  for (let n = 0; n < (isQuick ? 4 : 15); n += 1) {
    await sleep(300);
    samples.push(await timeTo(1, setup, nextPlace(0)));
  }
  return rowOf(
    "first byte, 20 connections full of read-ahead and imports, 20 ms, 2 MB/s each",
    samples,
    1.2 * rttMs + 5,
  );
}
