import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Asked } from "../http-client.ts";
import { providerOf } from "../news.ts";
import { type Product, startProduct } from "../product.ts";
import { atMost, type Check, type Row, times } from "../report.ts";
import { median, quantile, sleep } from "../rounds.ts";
import { type Fall, type StormNews, startStormNews } from "../storm-news.ts";
import type { Topic } from "../topic.ts";
import type { Watched } from "../watch.ts";

const CONNECTIONS = 20;
const RTT_MS = 40;
const IMPORTS = 30;
const VOLUMES = 200;
const BYTES_PER_SECOND = 8e6;
const HOLD_OFF_MS = 2_000;
const FILM_BYTES = 3e9;
/** Where the idle server's reader begins, and that of the storm; seeks go beyond both. */
const PLACES = { idle: 0, storm: 300e6, seeks: 700e6 } as const;
/** Articles from one seek to the next. */
const SEEK_STEP = 9;
const SEEK_BYTES = 65_536;
const SEEK_EVERY_MS = 80;
/** A reader that is so far behind its pace stands still. */
const STALL_MS = 500;
const MARK_MS = 100;
/** Where a process came to a timer so late, it is the machine that stands still, and nothing is known of the product. */
const CALM_MS = 150;

interface Variant {
  readonly name: string;
  /** Settings by variable. */
  readonly env: Readonly<Record<string, string>>;
  /** What these let imports hold while somebody watches. */
  readonly trickle: number;
  readonly imports: number;
  /** Of film, on an idle server and in the storm. */
  readonly seconds: { readonly idle: number; readonly storm: number };
}

const ALL_CONNECTIONS = { NEWSREEL_STREAMING_PER_STREAM_CONNECTIONS: String(CONNECTIONS) };
const LONG = { imports: IMPORTS, seconds: { idle: 8, storm: 15 } } as const;
const SHORT = { imports: 10, seconds: { idle: 4, storm: 6 } } as const;
const DEFAULTS: Variant = { name: "as it comes: no job begins meanwhile", env: {}, trickle: CONNECTIONS - 2, ...LONG };
const NONE: Variant = {
  name: "a stream takes every connection, the floor is 0",
  env: { ...ALL_CONNECTIONS, NEWSREEL_STREAMING_FLOOR: "0" },
  trickle: 0,
  ...LONG,
};
const VARIANTS: readonly Variant[] = [
  DEFAULTS,
  NONE,
  {
    name: "two jobs go on",
    env: { NEWSREEL_IMPORTS_MAX_JOBS_WHILE_STREAMING: "2" },
    trickle: CONNECTIONS - 2,
    ...SHORT,
  },
  {
    name: "one job goes on, a stream takes all but the floor",
    env: { ...ALL_CONNECTIONS, NEWSREEL_IMPORTS_MAX_JOBS_WHILE_STREAMING: "1" },
    trickle: 1,
    ...SHORT,
  },
];

/** Somebody watches, and imports come in. */
export const watching: Topic = {
  name: "watching",
  about: `a film at ${BYTES_PER_SECOND / 1e6} MB/s while imports of ${VOLUMES} volumes are queued, ${CONNECTIONS} connections, ${RTT_MS} ms away`,
  seconds: [125, 35],
  async *run({ isQuick }) {
    await using news = await startStormNews({ filmBytes: FILM_BYTES, imports: IMPORTS, volumes: VOLUMES });
    const variants = isQuick ? [DEFAULTS, NONE].map((variant) => ({ ...variant, ...SHORT })) : VARIANTS;
    const rows: Row[] = [];
    for (const variant of variants) rows.push(await storm(news, variant));
    yield {
      title: "watching: a reader, seeks in the same film, and imports",
      columns: [
        "imports",
        "stalls",
        "most behind ms",
        "seek, idle: p50 ms",
        "p95",
        "in the storm: p50",
        "p95",
        "p95, x idle",
        "under way before",
        "after one body",
        "which took ms",
        "done meanwhile",
        "all connections after ms",
        "all done after s",
      ],
      rows,
      notes: [
        `under way: bodies of imports, and connections that have STATs of theirs, as the news server counts them; before: the most until the first byte of the film was there`,
        "after one body: the most from when all of these had ended until the film did; all connections, all done: counted from the end of the hold-off",
        `seeks: ${SEEK_BYTES / 1024} KiB, one after the other all the while, each at an article that nobody has read`,
      ],
    };
  },
};

async function storm(news: StormNews, { name, env, trickle, imports, seconds }: Variant): Promise<Row> {
  const lines = { plainPort: news.port, tlsPort: 0, login: undefined };
  await using product = await startProduct({
    provider: providerOf(lines, { connections: CONNECTIONS, pipeline: "auto", isTls: false }),
    // As categories are unless somebody says otherwise: with a sample of each post looked for.
    env: { NEWSREEL_STREAMING_HOLD_OFF_MS: String(HOLD_OFF_MS), NEWSREEL_CATEGORIES: "[]", ...env },
  });
  const viewer = { news, product, path: await product.add(news.film), nextSeek: seeksOf(news.filmPartSize) };
  await news.behave({ rttMs: RTT_MS });
  const idle = await watch(viewer, { start: PLACES.idle, seconds: seconds.idle });
  const jobs: string[] = [];
  for (const post of news.imports.slice(0, imports)) jobs.push(await product.submit(post));
  if ((await news.reached(CONNECTIONS)) === undefined)
    throw new Error("nobody watches, and imports leave connections idle");

  const fall: { current?: Promise<Fall> } = {};
  const watched = await watch(viewer, {
    start: PLACES.storm,
    seconds: seconds.storm,
    onBegun: () => {
      fall.current = news.fall();
    },
  });
  const { most, loopMax } = await news.since();
  const { before, ms } = (await fall.current) as Fall;
  const { holdOffUntil } = await ask<{ holdOffUntil: number | null }>(product, "admission");
  const { counts } = await ask<{ counts: { completed: number } }>(product, "queue?limit=1");
  // The film itself was the first one.
  const done = counts.completed - 1;
  const fullAt = done < imports ? await news.reached(CONNECTIONS) : undefined;
  let endedAt = 0;
  for (const id of jobs) endedAt = Math.max(endedAt, (await product.completed(id)).endedAt);
  await news.behave({ rttMs: 0 });

  const stalls = Math.max(watched.stalls, await stallsSeenBy(product));
  if (stalls > 0 && Math.max(loopMax, watched.loopMax) < CALM_MS)
    throw new Error(
      `the film stood still ${stalls} times, at worst ${watched.behindMs.toFixed(0)} ms, while imports ran`,
    );
  const resumedAt = holdOffUntil ?? Number.NaN;
  const p95 = (seeks: readonly number[]) => quantile(seeks, 0.95);
  const ratio = p95(watched.seeks) / p95(idle.seeks);
  const checks: Check[] = [
    atMost(stalls, 0, " stalls"),
    atMost(ratio, 1.2, "x the idle server's p95"),
    atMost(most, trickle, " under way after one body"),
    ...(done < imports ? [atMost((fullAt ?? Number.NaN) - resumedAt, 1000, " ms until all connections are used")] : []),
  ];
  const cells = [
    String(imports),
    String(stalls),
    watched.behindMs.toFixed(0),
    ...[idle.seeks, watched.seeks].flatMap((seeks) => [median(seeks).toFixed(1), p95(seeks).toFixed(1)]),
    times(ratio),
    String(before),
    String(most),
    ms.toFixed(0),
    String(done),
    fullAt === undefined ? "" : (fullAt - resumedAt).toFixed(0),
    ((endedAt - resumedAt) / 1000).toFixed(1),
  ];
  return { name, cells, checks };
}

interface Viewer {
  readonly news: StormNews;
  readonly product: Product;
  readonly path: string;
  nextSeek(): number;
}

interface Seen {
  readonly stalls: number;
  /** The furthest that the reader was behind its pace. */
  readonly behindMs: number;
  /** Milliseconds to the first byte of each. */
  readonly seeks: readonly number[];
  /** How late the reader's and the product's event loop came to a timer at worst. */
  readonly loopMax: number;
}

interface Watching extends Pick<Asked, "onBegun"> {
  readonly start: number;
  readonly seconds: number;
}

/** Reads at the film's pace, and seeks elsewhere in it all the while. */
async function watch({ product, path, nextSeek }: Viewer, { start, seconds, ...asked }: Watching): Promise<Seen> {
  using reader = await product.connect();
  using seeker = await product.connect();
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await product.ask("watch");
  const bytes = BYTES_PER_SECOND * seconds;
  const marks = Array.from(
    { length: (seconds * 1000) / MARK_MS },
    (_, n) => ((n + 1) * MARK_MS * BYTES_PER_SECOND) / 1000,
  );
  let isWatching = true;
  const reading = reader
    .request(path, { range: [start, start + bytes], bytesPerSecond: BYTES_PER_SECOND, marks, ...asked })
    .finally(() => {
      isWatching = false;
    });
  const seeks: number[] = [];
  const seeking = (async () => {
    while (isWatching) {
      await sleep(SEEK_EVERY_MS);
      const place = nextSeek();
      const { marksMs } = await seeker.request(path, { range: [place, place + SEEK_BYTES], marks: [1] });
      seeks.push(marksMs[0] as number);
    }
  })();
  const [{ marksMs }] = await Promise.all([reading, seeking]);
  delay.disable();
  const { loopMax } = await product.ask<Watched>("watched");
  const behind = marksMs.map((ms, n) => ms - (n + 1) * MARK_MS);
  return {
    stalls: behind.filter((ms, n) => ms > STALL_MS && !((behind[n - 1] ?? 0) > STALL_MS)).length,
    behindMs: Math.max(...behind),
    seeks,
    loopMax: Math.max(loopMax, delay.max / 1e6),
  };
}

/** Places at the beginning of articles far from each other. */
function seeksOf(partSize: number): () => number {
  const first = Math.ceil(PLACES.seeks / partSize);
  let taken = 0;
  return () => {
    taken += 1;
    const article = first + taken * SEEK_STEP;
    if (article * partSize + SEEK_BYTES > FILM_BYTES) throw new Error("the film is too short for so many seeks");
    return article * partSize;
  };
}

/** How often it kept a reader waiting, as the product itself has seen it. */
async function stallsSeenBy(product: Product): Promise<number> {
  interface Stream {
    readonly stalls: { readonly count: number };
  }
  const { streams, recent } = await ask<{ streams: readonly Stream[]; recent: readonly Stream[] }>(product, "streams");
  return [...streams, ...recent].reduce((sum, { stalls }) => sum + stalls.count, 0);
}

async function ask<Answer>({ url, headers }: Product, call: string): Promise<Answer> {
  const answer = await fetch(`${url}/api/v1/${call}`, { headers });
  if (!answer.ok) throw new Error(`${call} was answered ${answer.status}`);
  return (await answer.json()) as Answer;
}
