import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import type { MessageId } from "../../src/base/message-id.ts";
import { SegmentList } from "../../src/base/segment-list.ts";
import type { FileCipher, NewPost } from "../../src/catalog/catalog.ts";
import { type BenchFile, type News, providerOf, startNews } from "../news.ts";
import { startProduct } from "../product.ts";
import { atMost, type Check, type Table, times } from "../report.ts";
import { median, medianRatio, takeTurns } from "../rounds.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import type { Topic } from "../topic.ts";
import { coldChecks, PART_SIZE, runCold, type Sample } from "./sequential.ts";

/** The built one, beside which the migrations lie. */
const CATALOG = new URL("../../../dist/catalog/open-catalog.js", import.meta.url);

const VOLUMES = 200;
/** What an archive puts before the bytes of a member, and behind them. */
const HEAD = 121;
const TAIL = 20;
/** All films lie in the same articles, so reads in a row begin further apart than what a small cache holds of the last one. */
const CACHE_BYTES = 32 * 2 ** 20;
const STARTS = [0, 40e6, 80e6, 120e6];
const CONNECTIONS = 8;
const DEPTH = 2;

/** Bytes are decrypted whatever they are, so nobody has to encrypt them. */
const KEY = Buffer.alloc(32, 7);
const CIPHERS: Readonly<Record<string, Pick<FileCipher, "mode" | "key" | "iv">>> = {
  cbc: { key: KEY, iv: Buffer.alloc(16, 9) },
  ctr: { mode: "ctr", key: KEY, iv: Buffer.alloc(0) },
};

const PLAIN = "one plain file";
/** Names of the files in the library, and what may be spent on them, as a share of what the plain one costs. */
const SIDES: Readonly<Record<string, { readonly path: string; readonly most?: number }>> = {
  [PLAIN]: { path: "plain.mkv" },
  [`over ${VOLUMES} volumes`]: { path: "archived.mkv", most: 1.05 },
  [`over ${VOLUMES} volumes, AES-256-CBC`]: { path: "cbc.mkv", most: 1.6 },
  [`over ${VOLUMES} volumes, AES-256 as in ZIP`]: { path: "ctr.mkv" },
};

/** What archives and encryption cost a reader. */
export const archived: Topic = {
  name: "archived",
  about: "a film inside a set of volumes, plain and encrypted: CPU beside a plain file",
  seconds: [95, 12],
  async *run({ isQuick }) {
    const volume = { bytes: PART_SIZE * (isQuick ? 2 : 5), partSize: PART_SIZE };
    await using news = await startNews([
      { name: "plain.mkv", ...volume, bytes: volume.bytes * VOLUMES },
      ...Array.from({ length: VOLUMES }, (_, n) => ({ name: `film.part${n}.rar`, ...volume })),
    ]);
    using data = temporaryFolder();
    const sizes = await addFilms(join(data.path, "catalog.db"), news.files);
    const setup = { news, dataDir: data.path, sizes };
    for (const isTls of isQuick ? [false] : [true, false]) yield await measure(setup, isTls, isQuick ? 3 : 9);
  },
};

/** Puts the films into a library, all but the plain one over the same volumes. Returns their sizes by path. */
async function addFilms(catalogPath: string, files: readonly BenchFile[]): Promise<ReadonlyMap<string, number>> {
  const { openCatalog } = (await import(CATALOG.href)) as typeof import("../../src/catalog/open-catalog.ts");
  using catalog = openCatalog({ path: catalogPath, clock: systemClock });
  const posts = files.map(
    ({ bytes, partSize, ids }): NewPost => ({
      segments: SegmentList.from(ids.map((id) => ({ id: id as MessageId, encodedSize: partSize }))),
      size: bytes,
      partSize,
    }),
  );
  const plain = { path: "plain.mkv", runs: [{ post: 0, start: 0, end: posts[0]?.size ?? 0 }], modifiedAt: 0 };
  const runs = posts.slice(1).map(({ size }, index) => ({ post: index + 1, start: HEAD, end: size - TAIL }));
  const packed = runs.reduce((sum, { start, end }) => sum + end - start, 0);
  const size = packed - (packed % 16);
  const { id } = catalog.addRelease({
    category: "bench",
    name: "Films",
    digest: "archived",
    posts,
    files: [
      plain,
      { path: "archived.mkv", runs, modifiedAt: 0 },
      ...Object.entries(CIPHERS).map(([name, cipher]) => ({
        path: `${name}.mkv`,
        runs,
        modifiedAt: 0,
        cipher: { ...cipher, size },
      })),
    ],
  });
  return new Map(catalog.releaseFiles(id).map((file) => [file.path.slice("bench/Films/".length), file.size]));
}

interface Setup {
  readonly news: News;
  readonly dataDir: string;
  readonly sizes: ReadonlyMap<string, number>;
}

async function measure({ news, dataDir, sizes }: Setup, isTls: boolean, rounds: number): Promise<Table> {
  const provider = providerOf(news, { connections: CONNECTIONS, pipeline: DEPTH, isTls });
  await using product = await startProduct({
    provider,
    dataDir,
    env: { NEWSREEL_CACHE_MEMORY_BYTES: String(CACHE_BYTES) },
  });
  let turn = 0;
  const sides = Object.entries(SIDES).map(([name, { path }]) => {
    const length = (sizes.get(path) as number) - Math.max(...STARTS);
    const read = (): Promise<Sample> => {
      const start = STARTS[turn % STARTS.length] as number;
      turn += 1;
      return runCold({ news, product }, [{ path: `/dav/library/bench/Films/${path}`, start, end: start + length }]);
    };
    return [name, read] as const;
  });
  const samples = await takeTurns(Object.fromEntries(sides), rounds);
  const figures = (name: string, what: "speed" | "cpu") => (samples[name] ?? []).map((sample) => sample[what]);
  return {
    title: `archived, ${isTls ? "TLS" : "plain"}: 1 client, ${CONNECTIONS} connections, medians of ${rounds}`,
    columns: ["MB/s", "CPU s/GB", "x plain"],
    rows: Object.entries(SIDES).map(([name, { most }]) => {
      const ratio = medianRatio(figures(name, "cpu"), figures(PLAIN, "cpu"));
      const bars: readonly Check[] = most === undefined ? [] : [atMost(ratio, most, "x CPU")];
      const checks = [...bars, ...coldChecks(samples[name] ?? [])];
      return {
        name,
        cells: [
          median(figures(name, "speed")).toFixed(0),
          median(figures(name, "cpu")).toFixed(3),
          name === PLAIN ? "" : times(ratio),
        ],
        checks,
      };
    }),
    notes: ["as many articles a byte in all of them; ratios are medians of those of the rounds"],
  };
}
