import http from "node:http";
import { expect, test } from "@jest/globals";
import { ArticleStore } from "../../src/newsserver/article-store.ts";
import { type Content, patternContent } from "../../src/newsserver/content.ts";
import { startNewsServer } from "../../src/newsserver/news-server.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import type { CacheStats } from "../../src/reader/cache-stats.ts";
import { seededRandom } from "../random.ts";
import {
  eventually,
  importNzb,
  openSockets,
  type Product,
  peakMemory,
  provider,
  readAnswer,
  serve,
  serveVariables,
  tempDir,
  urlPath,
} from "./product.ts";

const SOAK_MS = 60_000;
const CLIENTS = 64;
const MIB = 1024 * 1024;
const PART_BYTES = 716_800;
/** Together more than the cache, so that it evicts all the time. */
const FILM_BYTES = 100 * PART_BYTES + 12_345;
const CACHE_BYTES = 128 * MIB;
/** The program itself, its heap, and what is on its way to 64 clients, which is more on a busy machine. */
const OVERHEAD_BYTES = 200 * MIB;
const CONNECTIONS = 20;

interface Film {
  readonly path: string;
  readonly content: Content;
}

interface Tally {
  readonly outcomes: Map<string, number>;
  readonly wrong: string[];
  bytes: number;
}

/** Where players read: head, tail, somewhere a little, somewhere for long, and over the ends of segments. */
function pickRange(random: () => number): { readonly start: number; readonly end: number } {
  const at = (most: number) => Math.floor(random() * most);
  const length = [1, 4096, 64 * 1024, 1 * MIB, 6 * MIB][at(5)] as number;
  const start = [0, FILM_BYTES - length, at(FILM_BYTES), PART_BYTES * at(100) - 10][at(4)] as number;
  const from = Math.min(Math.max(0, start), FILM_BYTES - 1);
  return { start: from, end: Math.min(FILM_BYTES, from + length) };
}

/** One player: asks for range after range over its own connections, and leaves some answers in the middle. */
async function play(product: Product, films: readonly Film[], { seed, until, tally }: Player): Promise<void> {
  const random = seededRandom(seed);
  const agent = new http.Agent({ keepAlive: true });
  while (performance.now() < until) {
    const film = films[Math.floor(random() * films.length)] as Film;
    const { start, end } = pickRange(random);
    const leavesAfter = random() < 0.25 ? Math.floor(random() * (end - start)) : undefined;
    const headers = { Range: `bytes=${start}-${end - 1}` };
    const response = await product.open(film.path, { headers, agent });
    if (leavesAfter !== undefined) {
      let seen = 0;
      response.on("data", (chunk: Buffer) => {
        seen += chunk.length;
        if (seen >= leavesAfter) response.destroy();
      });
    }
    const { status, body, isBroken } = await readAnswer(response);
    const wasLeft = leavesAfter !== undefined && response.destroyed;
    const outcome = isBroken ? (wasLeft ? "left" : "broken") : `${status}`;
    tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + 1);
    tally.bytes += body.length;
    if (status !== 206) continue;
    const isRight = (isBroken || body.length === end - start) && body.equals(film.content.read(start, body.length));
    if (!isRight) tally.wrong.push(`${start}-${end} of ${film.path}, ${body.length} bytes`);
  }
  agent.destroy();
}

interface Player {
  readonly seed: number;
  readonly until: number;
  readonly tally: Tally;
}

test("64 clients never get a wrong byte, memory stays bounded, and nothing is left of them", async () => {
  await using dir = await tempDir();
  const store = new ArticleStore({ cacheBytes: 4 * FILM_BYTES });
  await using news = await startNewsServer({ store, behaviour: { rttMs: 15 } });
  await using product = await serve(
    serveVariables(dir.path, news, {
      NEWSREEL_PROVIDERS: JSON.stringify([provider(news, { connections: CONNECTIONS })]),
      NEWSREEL_CACHE_MEMORY_BYTES: `${CACHE_BYTES}`,
    }),
  );
  const films: Film[] = [];
  for (const seed of [1, 2, 3]) {
    const content = patternContent(seed, FILM_BYTES);
    const posted = store.addFile({ name: `film-${seed}.mkv`, content, partSize: PART_BYTES });
    const { files } = await importNzb(product, toNzb([posted]), `Film ${seed}`);
    films.push({ path: urlPath(files[0]?.path ?? ""), content });
  }
  /** Its own listener, and whatever else it has beside connections to the news server and the one that asks. */
  const ownSockets = async () => (await openSockets(product.pid)) - news.counters.connectionsNow;
  const ownBefore = await eventually("no client is connected", async () => {
    const own = await ownSockets();
    return own <= 3 ? own : undefined;
  });

  const tally: Tally = { outcomes: new Map(), wrong: [], bytes: 0 };
  const until = performance.now() + SOAK_MS;
  await Promise.all(Array.from({ length: CLIENTS }, (_, seed) => play(product, films, { seed, until, tally })));
  const peak = await peakMemory(product.pid);

  expect(tally.wrong).toEqual([]);
  expect([...tally.outcomes.keys()].sort()).toEqual(["206", "left"]);
  expect(peak).toBeLessThan(CACHE_BYTES + OVERHEAD_BYTES);

  await eventually("all that the clients used is let go", async () => {
    const { flights, pinnedSlots } = await product.json<CacheStats>("/api/v1/cache");
    const { streams } = await product.json<{ streams: { openRequests: number }[] }>("/api/v1/streams");
    const { providers } = await product.json<{ providers: { connections: { open: number; busy: number } }[] }>(
      "/api/v1/providers",
    );
    const { open = -1, busy = -1 } = providers[0]?.connections ?? {};
    const reads = streams.reduce((sum, { openRequests }) => sum + openRequests, 0);
    const isQuiet = flights === 0 && pinnedSlots === 0 && reads === 0 && busy === 0;
    const areConnectionsKnown = open === news.counters.connectionsNow && news.counters.bodiesInFlight === 0;
    return isQuiet && areConnectionsKnown && (await ownSockets()) === ownBefore ? true : undefined;
  });
  const { entries, allocatedBytes, budgetBytes, evictions } = await product.json<CacheStats>("/api/v1/cache");
  expect(allocatedBytes).toBeLessThanOrEqual(budgetBytes);
  expect(entries).toBeGreaterThan(0);
  expect(evictions).toBeGreaterThan(0);
}, 300_000);
