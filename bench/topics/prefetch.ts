import { Closers } from "../../src/base/closers.ts";
import type { HttpClient } from "../http-client.ts";
import { startNaive } from "../naive.ts";
import { type BenchFile, providerOf, rangesOf, startNews } from "../news.ts";
import { startProduct } from "../product.ts";
import { atLeast, type Row, times } from "../report.ts";
import { median, medianRatio, takeTurns } from "../rounds.ts";
import type { Topic } from "../topic.ts";

const SMALL = 64 * 1024;
const LARGE = 750_000;
/** Round trips, and how much is read at one go from files of small and of large segments. */
const CASES = [
  { rttMs: 0, small: 24e6, large: 60e6 },
  { rttMs: 5, small: 12e6, large: 36e6 },
  { rttMs: 10, small: 12e6, large: 36e6 },
  { rttMs: 20, small: 12e6, large: 36e6 },
] as const;
/** With one command per connection so many segments can be under way: the windows "4" and "1+4". The third is what is usual. */
const PRODUCTS = [
  { name: "4 connections", connections: 4, pipeline: 1, targets: [1.4, 3.6, 3.7, 3.8] },
  { name: "1+4 connections", connections: 5, pipeline: 1, targets: [1.6, 4.3, 4.5, 4.7] },
  { name: "20, automatic", connections: 20, pipeline: "auto", targets: [] },
] as const;
const NONE = "no read-ahead";

interface Reader {
  readonly name: string;
  connect(): Promise<HttpClient>;
  readonly paths: readonly string[];
}

/** What fetching ahead of the reader is worth. */
export const prefetch: Topic = {
  name: "prefetch",
  about: "sequential reading with and without read-ahead, by round trip",
  seconds: [85, 20],
  async *run({ isQuick }) {
    await using closers = new Closers();
    const news = closers.use(
      await startNews([
        { name: "small-parts.mkv", bytes: 300e6, partSize: SMALL },
        { name: "large-parts.mkv", bytes: 300e6, partSize: LARGE },
      ]),
    );
    const naive = closers.use(await startNaive(news, providerOf(news, { connections: 4, pipeline: 1 })));
    const readers: Reader[] = [
      { name: NONE, connect: naive.connect, paths: news.files.map((_file, index) => naive.path(index, 1)) },
    ];
    for (const { name, ...wish } of PRODUCTS) {
      const product = closers.use(await startProduct({ provider: providerOf(news, wish) }));
      const paths: string[] = [];
      for (const file of news.files) paths.push(await product.add(file));
      readers.push({ name, connect: product.connect, paths });
    }
    for (const [index, file] of news.files.entries()) {
      const nextRange = rangesOf(file);
      const rows: Row[] = [];
      for (const { rttMs, small, large } of CASES) {
        await news.behave({ rttMs });
        const length = (file.partSize === SMALL ? small : large) / (isQuick ? 4 : 1);
        const rounds = isQuick ? 1 : 3;
        // All sides of a round read the same range, which none of them has read lately; the warm-up has one too.
        const ranges = Array.from({ length: rounds + 1 }, () => nextRange(length));
        const speed = async ({ connect, paths }: Reader, round: number) => {
          using client = await connect();
          const range = ranges[round + 1] as readonly [number, number];
          const { bytes, seconds } = await client.request(paths[index] as string, { range });
          await news.quiet();
          return bytes / 1e6 / seconds;
        };
        const sides = Object.fromEntries(
          readers.map((reader) => [reader.name, (round: number) => speed(reader, round)]),
        );
        rows.push(rowOf(await takeTurns(sides, rounds), file, rttMs));
      }
      yield {
        title: `prefetch, segments of ${file.partSize} bytes: TLS, MB/s, and how many times one segment after another`,
        columns: [NONE, ...PRODUCTS.flatMap(({ name }) => [name, "speed-up"])],
        rows,
      };
    }
  },
};

function rowOf(samples: Readonly<Record<string, readonly number[]>>, { partSize }: BenchFile, rttMs: number): Row {
  const none = samples[NONE] ?? [];
  const at = CASES.findIndex((one) => one.rttMs === rttMs);
  const ours = PRODUCTS.map(({ name, targets }) => {
    const speeds = samples[name] ?? [];
    const target = partSize === SMALL ? targets[at] : undefined;
    return { name, speed: median(speeds), speedUp: medianRatio(speeds, none), target };
  });
  return {
    name: `${rttMs} ms`,
    cells: [median(none).toFixed(1), ...ours.flatMap(({ speed, speedUp }) => [speed.toFixed(1), times(speedUp)])],
    checks: ours.flatMap(({ name, speedUp, target }) =>
      target === undefined ? [] : [atLeast(speedUp, target, `x with ${name}`)],
    ),
  };
}
