import { providerOf } from "../news.ts";
import { type Product, startProduct } from "../product.ts";
import { atLeast, atMost, type Row, times } from "../report.ts";
import { median, quantile } from "../rounds.ts";
import { type Fall, type StormNews, startStormNews } from "../storm-news.ts";
import type { Topic } from "../topic.ts";
import { SEEK_BYTES, watch } from "../viewer.ts";

const CONNECTIONS = 20;
const RTT_MS = 40;
const IMPORTS = 30;
const VOLUMES = 200;
const HOLD_OFF_MS = 2_000;
const FILM_BYTES = 430e6;
/** Where the idle server's reader begins, and that of the storm; seeks go beyond what both read ahead. */
const PLACES = { idle: 0, storm: 90e6, seeks: 250e6 } as const;
/** Articles from one seek to the next, a prime: all come before one comes again. */
const SEEK_STEP = 61;
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
const SHORT = { imports: 10, seconds: { idle: 4, storm: 6 } } as const;
const QUICK = { imports: 6, seconds: { idle: 3, storm: 4 } } as const;
const DEFAULTS: Variant = {
  name: "as it comes: no job begins meanwhile",
  env: {},
  trickle: CONNECTIONS - 2,
  imports: IMPORTS,
  seconds: { idle: 6, storm: 15 },
};
const NONE: Variant = {
  name: "a stream takes every connection, the floor is 0",
  env: { ...ALL_CONNECTIONS, NEWSREEL_STREAMING_FLOOR: "0" },
  trickle: 0,
  imports: IMPORTS,
  seconds: SHORT.seconds,
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
  about: `a film at 8 MB/s while imports of ${VOLUMES} volumes are queued, ${CONNECTIONS} connections, ${RTT_MS} ms away`,
  seconds: [105, 32],
  async *run({ isQuick }) {
    await using news = await startStormNews({ filmBytes: FILM_BYTES, imports: IMPORTS, volumes: VOLUMES });
    const variants = isQuick ? [DEFAULTS, NONE].map((variant) => ({ ...variant, ...QUICK })) : VARIANTS;
    const storms: Outcome[] = [];
    for (const variant of variants) storms.push(await storm(news, variant));
    yield {
      title: "watching: the film, and seeks in it",
      columns: ["stalls", "most behind ms", "seek, idle: p50 ms", "p95", "with imports: p50", "p95", "p95, x idle"],
      rows: storms.map(({ viewer }) => viewer),
      notes: [
        `seeks: ${SEEK_BYTES / 1024} KiB, one after the other all the while, each at an article that nobody has read; idle: the same reader and seeks, no imports`,
      ],
    };
    yield {
      title: "watching: the imports",
      columns: [
        "imports",
        "under way before",
        "after one body",
        "which took ms",
        "done meanwhile",
        "all connections after ms",
        "all done after s",
      ],
      rows: storms.map((outcome) => outcome.imports),
      notes: [
        "under way: bodies of imports, and connections that have STATs of theirs, as the news server counts them; before: the most until the first byte of the film was there",
        "after one body: the most from when all of these had ended until the film did; all connections, all done: counted from the end of the hold-off",
      ],
    };
  },
};

/** What became of the two sides. */
interface Outcome {
  readonly viewer: Row;
  readonly imports: Row;
}

async function storm(news: StormNews, { name, env, trickle, imports, seconds }: Variant): Promise<Outcome> {
  const lines = { plainPort: news.port, tlsPort: 0, login: undefined };
  await using product = await startProduct({
    provider: providerOf(lines, { connections: CONNECTIONS, pipeline: "auto", isTls: false }),
    // As categories are unless somebody says otherwise: with a sample of each post looked for.
    env: { NEWSREEL_STREAMING_HOLD_OFF_MS: String(HOLD_OFF_MS), NEWSREEL_CATEGORIES: "[]", ...env },
  });
  const viewer = { product, path: await product.add(news.film), nextSeek: seeksOf(news.filmPartSize) };
  await news.behave({ rttMs: RTT_MS });
  const idle = await watch(viewer, { start: PLACES.idle, seconds: seconds.idle });
  const jobs: string[] = [];
  for (const post of news.imports.slice(0, imports)) jobs.push(await product.submit(post));
  await news.reached(CONNECTIONS);

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
  const resumedMs = (fullAt ?? Number.NaN) - resumedAt;
  const p95 = (seeks: readonly number[]) => quantile(seeks, 0.95);
  const ratio = p95(watched.seeks) / p95(idle.seeks);
  const isOver = done === imports;
  return {
    viewer: {
      name,
      cells: [
        String(stalls),
        watched.behindMs.toFixed(0),
        ...[idle.seeks, watched.seeks].flatMap((seeks) => [median(seeks).toFixed(1), p95(seeks).toFixed(1)]),
        times(ratio),
      ],
      checks: [atMost(stalls, 0, " stalls"), atMost(ratio, 1.2, "x the idle server's p95")],
    },
    imports: {
      name,
      cells: [
        String(imports),
        String(before),
        String(most),
        ms.toFixed(0),
        String(done),
        isOver ? "" : resumedMs.toFixed(0),
        isOver ? "" : ((endedAt - resumedAt) / 1000).toFixed(1),
      ],
      checks: [
        atLeast(before, CONNECTIONS, " under way before"),
        atMost(most, trickle, " after one body"),
        ...(isOver ? [] : [atMost(resumedMs, 1000, " ms until all connections are used")]),
      ],
    },
  };
}

/** Places at the beginning of articles far from each other. */
function seeksOf(partSize: number): () => number {
  const first = Math.ceil(PLACES.seeks / partSize);
  const articles = Math.floor(FILM_BYTES / partSize) - first;
  let taken = 0;
  return () => {
    taken += 1;
    return (first + ((taken * SEEK_STEP) % articles)) * partSize;
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
