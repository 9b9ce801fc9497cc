import { Closers } from "../../src/base/closers.ts";
import { type BenchFile, type News, providerOf, startNews } from "../news.ts";
import { type Product, startProduct } from "../product.ts";
import { atMost, type Row } from "../report.ts";
import type { Topic } from "../topic.ts";

const PART_SIZE = 716_800;
const READS = 200;
const READ_BYTES = 16 * 1024;
const SEGMENTS = 8;
const OPENINGS = 50;
const OPENING_BYTES = 64 * 1024;
const LINES = [
  { name: "0 ms, unlimited", rttMs: 0, bytesPerSecond: 0 },
  { name: "20 ms, 10 MB/s", rttMs: 20, bytesPerSecond: 10e6 },
] as const;

/** What jumping about costs the news account. */
export const scrub: Topic = {
  name: "scrub",
  about: "articles fetched and bytes wasted by players that jump about",
  seconds: [15, 8],
  async *run({ isQuick }) {
    await using closers = new Closers();
    const news = closers.use(await startNews([{ name: "film.mkv", bytes: 500e6, partSize: PART_SIZE }]));
    const [film] = news.files as readonly [BenchFile];
    const rows: Row[] = [];
    for (const { name, ...behaviour } of LINES) {
      await news.behave({ rttMs: 0, bytesPerSecond: 0 });
      await using product = await startProduct({ provider: providerOf(news, { connections: 20, pipeline: "auto" }) });
      const path = await product.add(film);
      await news.behave(behaviour);
      const setup = { news, product, film, path };
      const openings = isQuick ? 15 : OPENINGS;
      const reads = await counted(setup, READS * READ_BYTES, () => readAbout(setup));
      const aborted = await counted(setup, openings * OPENING_BYTES, () => openAndLeave(setup, openings));
      rows.push(
        {
          name: `${READS} reads of 16 KiB in ${SEGMENTS} segments, ${name}`,
          cells: [reads.articles.toFixed(0), (reads.articles / SEGMENTS).toFixed(2), ...wasted(reads)],
        },
        {
          name: `${openings} open-ended GETs left after 64 KiB, ${name}`,
          cells: [aborted.articles.toFixed(0), (aborted.articles / openings).toFixed(2), ...wasted(aborted)],
          checks: [atMost(aborted.articles / openings, 2, " articles each")],
        },
      );
    }
    yield {
      title: "scrub: what the news server was asked for, 20 connections, TLS",
      columns: ["articles", "per segment or GET", "MB sent", "MB beyond what was read"],
      rows,
    };
  },
};

interface Setup {
  readonly news: News;
  readonly product: Product;
  readonly film: BenchFile;
  readonly path: string;
}

interface Cost {
  readonly articles: number;
  /** Of content. */
  readonly sentBytes: number;
  readonly readBytes: number;
}

async function counted({ news, film }: Setup, readBytes: number, act: () => Promise<void>): Promise<Cost> {
  await news.reset();
  await act();
  await news.quiet();
  const { bodies, bytesSent } = await news.counters();
  return { articles: bodies, sentBytes: bytesSent / film.wireFactor, readBytes };
}

function wasted({ sentBytes, readBytes }: Cost): readonly string[] {
  return [sentBytes, Math.max(0, sentBytes - readBytes)].map((bytes) => (bytes / 1e6).toFixed(1));
}

/** As players read an index: one connection, small ranges here and there within a few megabytes. */
async function readAbout({ product, path }: Setup): Promise<void> {
  using client = await product.connect();
  const area = SEGMENTS * PART_SIZE - READ_BYTES;
  for (let read = 0; read < READS; read += 1) {
    const start = 10 * PART_SIZE + ((read * 1_234_577) % area);
    await client.request(path, { range: [start, start + READ_BYTES] });
  }
}

/** As players jump: a GET to the end of the file, and away when the first bytes are there. */
async function openAndLeave({ product, film, path }: Setup, count: number): Promise<void> {
  const step = Math.floor((film.bytes - 40 * PART_SIZE) / count);
  for (let opening = 0; opening < count; opening += 1) {
    using client = await product.connect();
    const start = 30 * PART_SIZE + opening * step;
    await client.request(path, { range: [start], leaveAfter: OPENING_BYTES });
  }
}
