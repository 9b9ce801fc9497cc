import { Closers } from "../../src/base/closers.ts";
import type { HttpClient } from "../http-client.ts";
import { startNaive } from "../naive.ts";
import { providerOf, rangesOf, startNews } from "../news.ts";
import { startProduct } from "../product.ts";
import { median, takeTurns } from "../rounds.ts";
import type { Topic } from "../topic.ts";

const PART_SIZE = 750_000;
const BATCH = 4;
const BEHAVIOUR = { rttMs: 20, bytesPerSecond: 10e6 };
/** One article in four comes so much later. */
const DELAY_MS = 150;
const START_BYTES = 4 * 2 ** 20;
const BARRIER = "fetch 4, wait for all, forward";
const OURS = "newsreel";

interface Sample {
  readonly firstMs: number;
  readonly startMs: number;
  readonly speed: number;
}

/** What it costs to wait for the slowest of a batch. */
export const barrier: Topic = {
  name: "barrier",
  about: "batches that wait for their slowest article, against progressive delivery in order",
  seconds: [35, 12],
  async *run({ isQuick }) {
    await using closers = new Closers();
    const news = closers.use(await startNews([{ name: "film.mkv", bytes: 450e6, partSize: PART_SIZE }]));
    const provider = providerOf(news, { connections: BATCH, pipeline: 1 });
    const naive = closers.use(await startNaive(news, provider));
    const product = closers.use(await startProduct({ provider }));
    const path = await product.add(news.files[0] as (typeof news.files)[number]);
    await news.behave(BEHAVIOUR);
    await news.slow({ file: 0, every: BATCH, delayMs: DELAY_MS });

    // A range is a whole number of batches, so that each batch has its slow article.
    const nextRange = rangesOf(news.files[0] as (typeof news.files)[number]);
    const rounds = isQuick ? 2 : 9;
    const ranges = Array.from({ length: rounds + 1 }, () => nextRange(6 * BATCH * PART_SIZE));
    const measure = async (connect: () => Promise<HttpClient>, of: string, round: number): Promise<Sample> => {
      using client = await connect();
      const range = ranges[round + 1] as readonly [number, number];
      const { bytes, seconds, marksMs } = await client.request(of, { range, marks: [1, START_BYTES] });
      await news.quiet();
      return { firstMs: marksMs[0] as number, startMs: marksMs[1] as number, speed: bytes / 1e6 / seconds };
    };
    const samples = await takeTurns(
      {
        [BARRIER]: (round) => measure(naive.connect, naive.path(0, BATCH), round),
        [OURS]: (round) => measure(product.connect, path, round),
      },
      rounds,
    );
    const typical = (side: keyof typeof samples, what: keyof Sample) =>
      median(samples[side].map((sample) => sample[what]));
    const gain = (what: keyof Sample) => (1 - typical(OURS, what) / typical(BARRIER, what)) * 100;
    yield {
      title: `barrier: ${BATCH} connections of 10 MB/s, 20 ms, every fourth article ${DELAY_MS} ms late, medians of ${rounds}`,
      columns: ["first byte ms", "4 MiB ms", "MB/s"],
      rows: [
        ...([BARRIER, OURS] as const).map((name) => ({
          name,
          cells: [
            typical(name, "firstMs").toFixed(0),
            typical(name, "startMs").toFixed(0),
            typical(name, "speed").toFixed(1),
          ],
        })),
        {
          name: "saved",
          cells: [
            `${gain("firstMs").toFixed(0)} %`,
            `${gain("startMs").toFixed(0)} %`,
            `${(typical(OURS, "speed") / typical(BARRIER, "speed")).toFixed(2)}x`,
          ],
        },
      ],
      notes: [
        "for comparison: TG-FileStreamBot #192 saved 39 % of the first byte and 36 % of the start by dropping its barrier",
      ],
    };
  },
};
