import { Closers } from "../../src/base/closers.ts";
import type { HttpClient } from "../http-client.ts";
import { type Naive, startNaive } from "../naive.ts";
import { type BenchFile, providerOf, startNews } from "../news.ts";
import { startProduct } from "../product.ts";
import { atMost, type Row, type Table, times } from "../report.ts";
import { median, quantile } from "../rounds.ts";
import type { Topic } from "../topic.ts";
import { type SeekSetup, seekTargets } from "./seek-targets.ts";

const PART_SIZE = 716_800;
const CONNECTIONS = 20;
const MARKS = [1, 64 * 1024, 4 * 2 ** 20] as const;
const RTTS = [0, 20, 50, 100];
const RATES = [2e6, 10e6];

/** How long a viewer waits after a jump. */
export const seek: Topic = {
  name: "seek",
  about: "time to the first bytes after a jump",
  seconds: [190, 75],
  async *run({ isQuick }) {
    await using closers = new Closers();
    const news = closers.use(
      await startNews(
        [
          { name: "film.mkv", bytes: 1e9, partSize: PART_SIZE },
          { name: "other-film.mkv", bytes: 300e6, partSize: PART_SIZE },
          ...Array.from({ length: 400 }, (_, n) => ({
            name: `episode-${n}.mkv`,
            bytes: 1e9 + n,
            partSize: PART_SIZE,
            isLazy: true,
          })),
        ],
        { hasLogin: true },
      ),
    );
    const provider = providerOf(news, { connections: CONNECTIONS, pipeline: "auto" });
    const naive = closers.use(await startNaive({ ...news, files: news.files.slice(0, 1) }, provider));
    const product = closers.use(
      await startProduct({ provider, env: { NEWSREEL_IMPORTS_MAX_JOBS_WHILE_STREAMING: "2" } }),
    );
    const film = news.files[0] as BenchFile;
    const path = await product.add(film);
    const setup = { isQuick, news, film, product, path, nextPlace: placesIn(film) };
    yield await anywhere(setup, naive);
    yield await seekTargets(setup);
  },
};

/** Places all over the file, each 4 MiB and more from all others; within a segment pseudo-random, the same in every run. */
function placesIn({ bytes, partSize }: BenchFile): SeekSetup["nextPlace"] {
  const room = 8;
  const areas = Math.floor(bytes / partSize / room);
  let taken = 0;
  return (offset) => {
    taken += 1;
    if (taken > areas) throw new Error("the film is too short for so many seeks");
    // 61 is prime: all areas come before one comes again.
    const area = (taken * 61) % areas;
    return area * room * partSize + (offset ?? (taken * 271_829) % partSize);
  };
}

/** Random places, whole segments against progressive delivery, by round trip and rate. */
async function anywhere(setup: SeekSetup, naive: Naive): Promise<Table> {
  const { isQuick, news, film, product, path, nextPlace } = setup;
  const rows: Row[] = [];
  const count = isQuick ? 3 : 8;
  for (const bytesPerSecond of RATES) {
    for (const rttMs of RTTS) {
      await news.behave({ rttMs, bytesPerSecond });
      const floorOf = (place: number) => rttMs + (((place % PART_SIZE) * film.wireFactor) / bytesPerSecond) * 1000;
      const ours: Sample[] = [];
      const theirs: Sample[] = [];
      for (let n = -1; n < count; n += 1) {
        const place = nextPlace();
        // Reading 4 MiB segment by segment takes seconds: every fourth will do.
        const their = await sample(naive, naive.path(0, 1), { place, marks: n % 4 === 0 ? 3 : 2 });
        await news.quiet();
        const our = await sample(product, path, { place, marks: 3 });
        await news.quiet();
        if (n < 0) continue;
        theirs.push({ ...their, excessMs: (their.marksMs[0] as number) - floorOf(place) });
        ours.push({ ...our, excessMs: (our.marksMs[0] as number) - floorOf(place) });
      }
      const name = `${rttMs} ms, ${bytesPerSecond / 1e6} MB/s`;
      const gain = median(first(theirs)) / median(first(ours));
      const excess = median(ours.map(({ excessMs }) => excessMs as number));
      rows.push({ name: `${name}: whole segments`, cells: cellsOf(theirs) });
      rows.push({
        name: `${name}: newsreel`,
        cells: [...cellsOf(ours), excess.toFixed(1), times(gain)],
        checks: [atMost(excess, 5, " ms beyond the floor")],
      });
    }
  }
  return {
    title: `seek to anywhere: TLS, ${CONNECTIONS} warm connections, ms, p50 (p90) of ${count}`,
    columns: ["first byte", "64 KiB", "4 MiB", "first byte - floor", "gain"],
    rows,
    notes: [
      "floor: round trip + the bytes of the segment before the place at the rate of one connection (NNTP has no ranges)",
    ],
  };
}

interface Sample {
  readonly marksMs: readonly number[];
  readonly excessMs?: number;
}

async function sample(
  of: { connect(): Promise<HttpClient> },
  path: string,
  { place, marks }: { place: number; marks: number },
): Promise<Sample> {
  using client = await of.connect();
  const wanted = MARKS.slice(0, marks);
  const range = [place, place + MARKS[2]] as const;
  const { marksMs } = await client.request(path, { range, marks: wanted, leaveAfter: wanted.at(-1) as number });
  return { marksMs };
}

function first(samples: readonly Sample[]): readonly number[] {
  return samples.map(({ marksMs }) => marksMs[0] as number);
}

function cellsOf(samples: readonly Sample[]): readonly string[] {
  return MARKS.map((_mark, at) => {
    const known = samples.map(({ marksMs }) => marksMs[at]).filter((ms) => ms !== undefined);
    return `${median(known).toFixed(0)} (${quantile(known, 0.9).toFixed(0)})`;
  });
}
