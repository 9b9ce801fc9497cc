import { type ArchiveNews, type ArchiveNewsCounters, type ArchiveNewsPost, startArchiveNews } from "../archive-news.ts";
import type { ArchivedPostName } from "../archived-posts.ts";
import { providerOf } from "../news.ts";
import { cpuSeconds } from "../process-meter.ts";
import { type Imported, type Product, startProduct, UNCHECKED } from "../product.ts";
import { atMost, type Check, type Row, type Table } from "../report.ts";
import { median, takeTurns } from "../rounds.ts";
import type { Topic } from "../topic.ts";
import type { Watched } from "../watch.ts";

const CONNECTIONS = 20;
const RTT_MS = 40;

interface Kind {
  readonly post: ArchivedPostName;
  readonly name: string;
  /** Articles that may be asked for: the first of each volume, what the format puts elsewhere, and what is looked for. */
  readonly articles: number;
  readonly category?: string;
}

const KINDS: readonly Kind[] = [
  { post: "plain", name: "a plain film", articles: 2 },
  { post: "rar5", name: "RAR5, 50 volumes", articles: 51 },
  { post: "rar4", name: "RAR4, 50 volumes, .rar .r00", articles: 52 },
  { post: "locked", name: "RAR5, 50 volumes, encrypted headers", articles: 51 },
  { post: "named", name: "RAR5, 50 random names and PAR2", articles: 52 },
  { post: "sevenZip", name: "7z, one file", articles: 2 },
  { post: "splitSevenZip", name: "7z, 50 pieces, packed header", articles: 51 },
  { post: "zip", name: "ZIP of 3 films, one file", articles: 4 },
];

const THOUSAND = { post: "thousand", name: "100 GB, 1 000 volumes", articles: 1_001 } as const;
const SMALL = { post: "thousandSmall", name: "the same, articles of 4 KB", articles: 1_001 } as const;
/** Up to 60 articles are looked for, two of which are read. */
const CHECKED = {
  post: SMALL.post,
  name: "the same, and a sample of its articles looked for",
  articles: 1_061,
  category: "checked",
} as const;
const CATEGORIES = [{ name: CHECKED.category, check: "sampled" }, ...UNCHECKED];

/** What it costs to take a post in, by how it is packed. */
export const imports: Topic = {
  name: "imports",
  about: `importing archives over ${CONNECTIONS} connections, ${RTT_MS} ms away`,
  seconds: [60, 32],
  async *run({ isQuick }) {
    await using news = await startArchiveNews();
    const lines = { plainPort: news.port, tlsPort: 0, login: undefined };
    const provider = providerOf(lines, { connections: CONNECTIONS, pipeline: "auto", isTls: false });
    const env = { NEWSREEL_CATEGORIES: JSON.stringify(CATEGORIES) };
    await using product = await startProduct({ provider, env });
    const setup = { news, product, rounds: isQuick ? 1 : 5 };
    yield await kinds(setup);
    yield await thousand({ ...setup, rounds: isQuick ? 1 : 3 });
  },
};

interface Setup {
  readonly news: ArchiveNews;
  readonly product: Product;
  readonly rounds: number;
}

/** What importing one post came to. */
interface Sample extends ArchiveNewsCounters {
  readonly ms: number;
  readonly productMs: number;
  readonly newsMs: number;
  /** The longest that the event loop stood still. */
  readonly blockedMs: number;
}

interface Samples {
  readonly near: readonly Sample[];
  readonly far: readonly Sample[];
}

async function kinds({ news, product, rounds }: Setup): Promise<Table> {
  const rows: Row[] = [];
  for (const kind of KINDS) rows.push(rowOf(kind, await measure({ news, product, rounds }, kind)));
  return {
    title: `imports: 5 GB (ZIP: 90 MB) in articles of 716 800 bytes, medians of ${rounds}`,
    columns: COLUMNS,
    rows,
    notes: [NOTE],
  };
}

async function thousand(setup: Setup): Promise<Table> {
  const large = await measure(setup, THOUSAND);
  const small = await measure(setup, SMALL);
  const checked = await measure(setup, CHECKED);
  const network = (samples: Samples) => atMost(networkSeconds(samples), 3, " s of network time");
  return {
    title: `imports: RAR5 with encrypted headers, medians of ${setup.rounds}`,
    columns: COLUMNS,
    rows: [rowOf(THOUSAND, large), rowOf(SMALL, small, [network(small)]), rowOf(CHECKED, checked, [network(checked)])],
    notes: [
      NOTE,
      "100 GB: the first article of each volume is 0.7 MB that has to come, and hides some of the round trips behind what is done with it",
      "articles of 4 KB: as many volumes, articles and commands, but hardly any bytes, so nothing hides the network: its time is beyond the fastest at 0 ms",
      "a sample: what categories ask for unless told otherwise; all other rows look for nothing beyond what they read",
    ],
  };
}

/** Of far ones beyond the fastest near one: whatever else slows the near ones down would be taken off the far ones. */
function networkSeconds({ near, far }: Samples): number {
  return (figure(far, "ms") - Math.min(...near.map(({ ms }) => ms))) / 1000;
}

const COLUMNS = [
  "BODY",
  "STAT",
  "MB",
  "0 ms away: ms",
  `${RTT_MS} ms away: ms`,
  "round trips",
  "CPU ms",
  "news server",
  "longest block",
];
const NOTE = [
  "ms: from handing in the NZB until it is in the library; round trips: the difference of the two;",
  `CPU of product and news server, and how long the product's event loop stood still, at ${RTT_MS} ms`,
].join("\n");

function rowOf({ name, articles }: Kind, { near, far }: Samples, checks: readonly Check[] = []): Row {
  const trips = (figure(far, "ms") - figure(near, "ms")) / RTT_MS;
  const most = Math.max(...far.map((sample) => sample.bodies));
  const stats = Math.max(...far.map((sample) => sample.stats));
  return {
    name,
    cells: [
      String(most),
      String(stats),
      (figure(far, "bytesSent") / 1e6).toFixed(0),
      figure(near, "ms").toFixed(0),
      figure(far, "ms").toFixed(0),
      trips.toFixed(1),
      figure(far, "productMs").toFixed(0),
      figure(far, "newsMs").toFixed(0),
      figure(far, "blockedMs").toFixed(0),
    ],
    checks: [atMost(most + stats, articles, " BODY and STAT"), ...checks],
  };
}

function figure(samples: readonly Sample[], what: keyof Sample): number {
  return median(samples.map((sample) => sample[what]));
}

async function measure({ news, product, rounds }: Setup, { post: name, category = "bench" }: Kind): Promise<Samples> {
  const post = await news.post(name);
  const timed = (rttMs: number) => async (round: number) => {
    await news.behave({ rttMs });
    return await timedImport({ news, product }, { post, category, turn: `${category}-${rttMs}-${round}` });
  };
  return await takeTurns({ near: timed(0), far: timed(RTT_MS) }, rounds);
}

interface Taken {
  readonly post: ArchiveNewsPost;
  readonly category: string;
  /** Another one each time. */
  readonly turn: string;
}

async function timedImport({ news, product }: Omit<Setup, "rounds">, { post, category, turn }: Taken): Promise<Sample> {
  // The same articles are imported once only: an article that nobody reads has another name each time.
  const nzb = post.nzb.replace(`>${post.unreadId}<`, `>${turn}-${post.unreadId}<`);
  await news.reset();
  await product.ask("watch");
  const before = { product: cpuSeconds(product.pid), news: cpuSeconds(news.pid), at: Date.now() };
  const imported = await product.completed(await product.submit({ name: `${post.name} ${turn}`, nzb, category }));
  const productMs = (cpuSeconds(product.pid) - before.product) * 1000;
  const newsMs = (cpuSeconds(news.pid) - before.news) * 1000;
  const { loopMax: blockedMs } = await product.ask<Watched>("watched");
  assertWhole(imported, post);
  const counters = await news.counters();
  if (counters.bodies < 2) throw new Error(`nothing was read of ${post.name}: the library had it already`);
  return { ...counters, ms: imported.endedAt - before.at, productMs, newsMs, blockedMs };
}

function assertWhole({ reason, files }: Imported, { name, holds }: ArchiveNewsPost): void {
  const sizes = files.map(({ size }) => size).join(", ");
  if (sizes !== holds.join(", "))
    throw new Error(`${name} has files of ${sizes}, not of ${holds.join(", ")}: ${reason}`);
}
