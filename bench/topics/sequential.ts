import { Closers } from "../../src/base/closers.ts";
import type { BareResult, BareRun } from "../bare-loop.ts";
import { type Child, startChild } from "../child.ts";
import { getOnce, type HttpClient } from "../http-client.ts";
import { type BenchFile, type News, providerOf, rangesOf, startNews } from "../news.ts";
import { nzbgetVersion, startNzbget } from "../nzbget.ts";
import { cpuSeconds, peakRss } from "../process-meter.ts";
import { type Product, startProduct } from "../product.ts";
import { againstFloor, atLeast, atMost, type Check, type Row, type Table, times } from "../report.ts";
import { median, medianRatio, type Side, takeTurns } from "../rounds.ts";
import type { Scale, Topic } from "../topic.ts";

export interface Sample {
  /** MB/s of content. */
  readonly speed: number;
  /** CPU seconds of the measured process per GB served. */
  readonly cpu: number;
  /** Of a cold run: the share of its articles that was fetched. */
  readonly fetched?: number;
}

const NOTHING: Sample = { speed: Number.NaN, cpu: Number.NaN };

type Samples = Readonly<Record<string, readonly Sample[]>>;

export const PART_SIZE = 716_800;
const CONNECTIONS = 8;
const DEPTH = 2;
const CLIENTS = [1, 4, 16] as const;
/** So many other files, read before a cold run, push everything out of the cache. */
const OTHERS = 4;
const TRANSPORTS = ["TLS", "plain"] as const;

const DISCARD = "bare loop, discard";
const MEMORY_FLOOR = "bare memory -> HTTP";
const MEMORY = "newsreel, from its memory -> HTTP";
const ONE_FILE = "newsreel -> HTTP, clients: 16, one file";
const NZBGET = "nzbget, discard";
const NZBGET_TO_DISK = "nzbget to disk";
const bareName = (clients: number) => `bare loop -> HTTP, clients: ${clients}`;
const productName = (clients: number) => `newsreel -> HTTP, clients: ${clients}`;

/** Floors of a prototype where the targets were set, and the targets. */
const TARGETS = {
  TLS: { speed: { floor: 1419, target: 1150, unit: " MB/s" }, cpu: { floor: 0.727, target: 0.9, unit: " s/GB" } },
  plain: { speed: { floor: 2543, target: 2000, unit: " MB/s" }, cpu: { floor: 0.405, target: 0.52, unit: " s/GB" } },
  memory: { speed: { floor: 4181, target: 3300, unit: " MB/s" }, cpu: { floor: 0.223, target: 0.28, unit: " s/GB" } },
};

interface Setup {
  readonly news: News;
  readonly bare: Child;
  readonly bareUrl: string;
  readonly rounds: number;
}

/** Throughput and CPU of reading on and on. */
export const sequential: Topic = {
  name: "sequential",
  about: "reading on and on: MB/s and CPU, beside the bare loop and nzbget",
  seconds: [155, 30],
  async *run({ isQuick }: Scale) {
    const file = (name: string, megabytes: number) => {
      const bytes = (megabytes * 1e6) / (isQuick ? 2 : 1);
      return { name: `${name}.mkv`, bytes, partSize: PART_SIZE };
    };
    await using news = await startNews([
      file("long", 600),
      ...Array.from({ length: 4 }, (_, n) => file(`middle-${n}`, 150)),
      ...Array.from({ length: 16 }, (_, n) => file(`short-${n}`, 40)),
    ]);
    const { plainPort, tlsPort } = news;
    await using bare = startChild("bare-loop", { plainPort, tlsPort, partSize: PART_SIZE });
    const { httpPort } = await bare.ask<{ httpPort: number }>("ready");
    const setup = { news, bare, bareUrl: `http://127.0.0.1:${httpPort}`, rounds: isQuick ? 1 : 5 };
    for (const transport of TRANSPORTS) yield await measure(setup, transport);
  },
};

function filesFor(clients: number, files: readonly BenchFile[]): readonly BenchFile[] {
  const first = { 1: 0, 4: 1, 16: 5 }[clients] ?? 0;
  return files.slice(first, first + clients);
}

async function measure(setup: Setup, transport: (typeof TRANSPORTS)[number]): Promise<Table> {
  const { news, rounds } = setup;
  const isTls = transport === "TLS";
  await using closers = new Closers();
  const provider = providerOf(news, { connections: CONNECTIONS, pipeline: DEPTH, isTls });
  const product = closers.use(await startProduct({ provider }));
  const paths = new Map<BenchFile, string>();
  for (const file of news.files) paths.set(file, await product.add(file));
  const read = (file: BenchFile, [start, end]: readonly [number, number] = [0, file.bytes]): Read => ({
    path: paths.get(file) as string,
    start,
    end,
  });

  const sides: Record<string, Side<Sample>> = {
    [DISCARD]: () => runBare(setup, { isTls, files: filesFor(1, news.files), output: "discard" }),
  };
  for (const clients of CLIENTS) {
    const files = filesFor(clients, news.files);
    sides[bareName(clients)] = () => runBare(setup, { isTls, files, output: "http" });
    const others = news.files.filter((file) => !files.includes(file));
    sides[productName(clients)] = async () => {
      // The round before may have ended with this side, and its last segments may still be in the cache.
      await runReads(
        product,
        others.slice(0, OTHERS).map((file) => read(file)),
      );
      return await runCold(
        { news, product },
        files.map((file) => read(file)),
      );
    };
  }
  if (isTls) Object.assign(sides, cacheSides(setup, product, read));
  const version = nzbgetVersion();
  for (const isDiscarding of version === undefined ? [] : [true, false]) {
    const nzbget = closers.use(await startNzbget({ news, isTls, connections: CONNECTIONS, isDiscarding }));
    sides[isDiscarding ? NZBGET : NZBGET_TO_DISK] = async () => {
      // Whoever cannot be compared with is left out.
      const downloaded = await nzbget.download(news.files[0] as BenchFile).catch(() => undefined);
      return downloaded === undefined ? NOTHING : sampleOf(downloaded.bytes, downloaded.seconds, downloaded.cpu);
    };
  }
  const samples = await takeTurns(sides, rounds);
  const memory = `newsreel's peak memory: ${(peakRss(product.pid) / 1e6).toFixed(0)} MB`;
  return {
    title: `sequential, ${transport}: ${CONNECTIONS} connections, depth ${DEPTH}, medians of ${rounds}`,
    columns: ["MB/s", "of bare", "CPU s/GB", "x bare"],
    rows: rowsOf(samples, transport),
    notes: [
      `ratios against the bare loop with as many clients; from memory: against ${MEMORY_FLOOR}; one file: against 16 files`,
      memory,
      ...(version === undefined ? [] : [version]),
    ],
  };
}

/** What the product serves without asking for every byte: from its memory, and one file to many. */
function cacheSides(
  { news, bare, bareUrl }: Setup,
  product: Product,
  read: (file: BenchFile, range?: readonly [number, number]) => Read,
): Readonly<Record<string, Side<Sample>>> {
  const long = news.files[0] as BenchFile;
  const small = news.files.at(-1) as BenchFile;
  const repeats = Math.ceil(long.bytes / small.bytes);
  const nextRange = rangesOf(long);
  return {
    [MEMORY_FLOOR]: async () => {
      const before = cpuSeconds(bare.pid);
      const { bytes, seconds } = await getOnce({ url: bareUrl, path: `/memory?${long.bytes}` });
      return sampleOf(bytes, seconds, cpuSeconds(bare.pid) - before);
    },
    [MEMORY]: async () => {
      await runReads(product, [read(small)]);
      return await runReads(
        product,
        Array.from({ length: repeats }, () => read(small)),
        "in turn",
      );
    },
    [ONE_FILE]: () => {
      const range = nextRange(Math.floor(long.bytes / 6));
      return runReads(
        product,
        Array.from({ length: 16 }, () => read(long, range)),
      );
    },
  };
}

async function runBare({ bare, bareUrl }: Setup, run: Pick<BareRun, "isTls" | "files" | "output">): Promise<Sample> {
  const before = cpuSeconds(bare.pid);
  const clients = run.output === "http" ? run.files.map(() => getOnce({ url: bareUrl, path: "/news" })) : [];
  const files = run.files.map(({ bytes, ids }) => ({ bytes, ids }));
  const request: BareRun = { ...run, files, connections: CONNECTIONS, depth: DEPTH };
  const [{ bytes, seconds }] = await Promise.all([bare.ask<BareResult>("run", request), ...clients]);
  return sampleOf(bytes, seconds, cpuSeconds(bare.pid) - before);
}

interface Read {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

/** A run that should not find anything in the cache. */
export async function runCold(
  { news, product }: { news: News; product: Product },
  reads: readonly Read[],
): Promise<Sample> {
  await news.reset();
  const sample = await runReads(product, reads);
  const wanted = reads.reduce((sum, { start, end }) => sum + Math.ceil((end - start) / PART_SIZE), 0);
  const { bodies } = await news.counters();
  return { ...sample, fetched: bodies / wanted };
}

/** Says so when the cache gave much of what cold runs read: then they have measured something else. */
export function coldChecks(samples: readonly Sample[]): readonly Check[] {
  const least = Math.min(...samples.map(({ fetched = 1 }) => fetched));
  return least < 0.9 ? [atLeast(least, 0.9, " of the articles fetched")] : [];
}

/** All at once, each over a connection of its own; or over one, one after another. */
async function runReads(product: Product, reads: readonly Read[], how?: "in turn"): Promise<Sample> {
  await using closers = new Closers();
  const clients: HttpClient[] = [];
  for (const _read of how === "in turn" ? reads.slice(0, 1) : reads) clients.push(closers.use(await product.connect()));
  const before = cpuSeconds(product.pid);
  const startedAt = performance.now();
  let bytes = 0;
  const one = async ({ path, start, end }: Read, client: number) => {
    const got = await (clients[client] as HttpClient).request(path, { range: [start, end] });
    if (got.bytes !== end - start) throw new Error(`got ${got.bytes} of ${end - start} bytes`);
    bytes += got.bytes;
  };
  if (how === "in turn") for (const read of reads) await one(read, 0);
  else await Promise.all(reads.map(one));
  const seconds = (performance.now() - startedAt) / 1000;
  return sampleOf(bytes, seconds, cpuSeconds(product.pid) - before);
}

function sampleOf(bytes: number, seconds: number, cpu: number): Sample {
  return { speed: bytes / 1e6 / seconds, cpu: cpu / (bytes / 1e9) };
}

function rowsOf(samples: Samples, transport: (typeof TRANSPORTS)[number]): readonly Row[] {
  const ratio = (name: string, of: string, what: "speed" | "cpu") => {
    const figures = (side: string) => (samples[side] ?? []).map((sample) => sample[what]);
    return medianRatio(figures(name), figures(of));
  };
  const typical = (name: string, what: "speed" | "cpu") => median((samples[name] ?? []).map((sample) => sample[what]));
  const scaled = (name: string, { floor, of }: { floor: string; of: keyof typeof TARGETS }) =>
    (["speed", "cpu"] as const).flatMap((what) =>
      againstFloor(typical(name, what), { ...TARGETS[of][what], here: typical(floor, what) }),
    );
  const checks = (name: string): readonly Check[] => {
    const clients = CLIENTS.find((count) => name === productName(count));
    if (name === MEMORY) return scaled(MEMORY, { floor: MEMORY_FLOOR, of: "memory" });
    if (name === ONE_FILE) return [atMost(ratio(ONE_FILE, productName(16), "cpu"), 0.6, "x the CPU of 16 files")];
    if (clients === undefined) return [];
    const ofBare = atMost(ratio(name, bareName(clients), "cpu"), 1.25, "x CPU");
    if (clients > 1) return [ofBare];
    const beside = transport === "TLS" && samples[NZBGET] !== undefined;
    return [
      ofBare,
      ...scaled(name, { floor: bareName(1), of: transport }),
      ...(beside
        ? [
            atMost(ratio(name, NZBGET, "cpu"), 1.05, "x nzbget"),
            atMost(ratio(name, NZBGET_TO_DISK, "cpu"), 0.5, "x nzbget to disk"),
          ]
        : []),
    ];
  };
  const floorOf = (name: string) => {
    const clients = CLIENTS.find((count) => name === productName(count));
    if (name === MEMORY) return MEMORY_FLOOR;
    return name === ONE_FILE ? productName(16) : bareName(clients ?? 1);
  };
  const rows = Object.keys(samples).map((name) => ({
    name,
    cells: [
      typical(name, "speed").toFixed(0),
      times(ratio(name, floorOf(name), "speed")),
      typical(name, "cpu").toFixed(3),
      times(ratio(name, floorOf(name), "cpu")),
    ],
    checks: [...checks(name), ...coldChecks(samples[name] ?? [])],
  }));
  return samples[NZBGET] === undefined ? [...rows, { name: "nzbget: not installed here", cells: [] }] : rows;
}
