import { Closers } from "../../src/base/closers.ts";
import { providerOf, rangesOf, startNews } from "../news.ts";
import { startProduct } from "../product.ts";
import { atLeast, type Row } from "../report.ts";
import { median } from "../rounds.ts";
import type { Topic } from "../topic.ts";

const CONNECTIONS = 8;
const BYTES_PER_SECOND = 20e6;
const RTTS = [20, 100];
/** Until here the read-ahead grows. */
const RAMP_BYTES = 100e6;

/** Whether one reader can use all that the connections give. */
export const fill: Topic = {
  name: "fill",
  about: "filling 8 connections of 20 MB/s from afar",
  seconds: [40, 15],
  async *run({ isQuick }) {
    await using closers = new Closers();
    const news = closers.use(await startNews([{ name: "film.mkv", bytes: 700e6, partSize: 716_800 }]));
    const [film] = news.files as readonly [(typeof news.files)[number]];
    const product = closers.use(
      await startProduct({ provider: providerOf(news, { connections: CONNECTIONS, pipeline: "auto" }) }),
    );
    const path = await product.add(film);
    const line = (CONNECTIONS * BYTES_PER_SECOND) / film.wireFactor;
    const nextRange = rangesOf(film);
    const length = isQuick ? 200e6 : 350e6;
    const rounds = isQuick ? 1 : 3;
    const rows: Row[] = [];
    for (const rttMs of RTTS) {
      await news.behave({ rttMs, bytesPerSecond: BYTES_PER_SECOND });
      const steady: number[] = [];
      const whole: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        using client = await product.connect();
        const { seconds, marksMs } = await client.request(path, { range: nextRange(length), marks: [RAMP_BYTES] });
        steady.push((length - RAMP_BYTES) / (seconds - (marksMs[0] as number) / 1000));
        whole.push(length / seconds);
        await news.quiet();
      }
      const share = (median(steady) / line) * 100;
      rows.push({
        name: `${rttMs} ms`,
        cells: [
          (line / 1e6).toFixed(1),
          (median(steady) / 1e6).toFixed(1),
          `${share.toFixed(1)} %`,
          `${((median(whole) / line) * 100).toFixed(1)} %`,
        ],
        checks: [atLeast(share, 97, " %")],
      });
    }
    yield {
      title: `fill: ${CONNECTIONS} connections of 20 MB/s, pipeline automatic, TLS, one reader, medians of ${rounds}`,
      columns: ["line MB/s", "reached", "share", "share from the start on"],
      rows,
      notes: [
        `line: content per second when every connection is full; reached: after the first ${RAMP_BYTES / 1e6} MB`,
      ],
    };
  },
};
