import { expect } from "@jest/globals";
import type { Clock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { MessageId } from "../../src/base/message-id.ts";
import type { Segment } from "../../src/catalog/catalog.ts";
import { ArticleStore } from "../../src/newsserver/article-store.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import { type NewsServer, type NewsServerOptions, startNewsServer } from "../../src/newsserver/news-server.ts";
import type { FetchOptions } from "../../src/nntp/article-source.ts";
import type { Lane } from "../../src/nntp/lanes.ts";
import { Pool } from "../../src/nntp/pool.ts";
import type { ProviderOptions } from "../../src/nntp/provider-options.ts";
import type { SchedulerLimits } from "../../src/nntp/scheduler.ts";
import { SegmentCache, type SegmentLease, type Want } from "../../src/reader/segment-cache.ts";
import { capacityFor } from "../../src/reader/slots.ts";
import { loadKernel } from "../../src/yenc/load-kernel.ts";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";

export type ProviderWish = Partial<ProviderOptions> & { readonly server?: NewsServerOptions };

export interface EngineOptions {
  /** One news server each, all with the same articles; tiers in this order unless said otherwise. */
  readonly providers?: readonly ProviderWish[];
  readonly limits?: Partial<SchedulerLimits>;
  readonly partSize?: number;
  readonly parts?: number;
  /** Articles that fit into memory. */
  readonly slots?: number;
  /** What the product takes for the time; stands still with the manual clock unless given. */
  readonly clockOver?: (manual: ManualClock) => Clock;
}

export type Asking = Partial<Want> & { readonly signal?: AbortSignal; readonly post?: number };

/** The cache over the pool over real news servers on loopback; time stands still unless a test moves it. */
export interface Engine extends AsyncDisposable {
  readonly pool: Pool;
  readonly cache: SegmentCache;
  readonly servers: readonly NewsServer[];
  readonly server: NewsServer;
  readonly clock: ManualClock;
  readonly partSize: number;
  id(index: number): string;
  content(index: number): Buffer;
  segment(index: number): Segment;
  /** Asks the cache for a part, for the playhead unless said otherwise. */
  get(index: number, asking?: Asking): SegmentLease;
  /** The whole part, by way of the cache. */
  read(index: number, asking?: Asking): Promise<Buffer>;
  /** The whole part, straight from the pool: nothing is hedged. */
  fetch(index: number, options?: Partial<FetchOptions> & { readonly lane?: Lane }): Promise<Buffer>;
  /** How often a provider was asked for the body of a part. */
  asked(index: number, server?: number): number;
  /** Lets time pass in small steps, and sockets have their turn after each. */
  pass(ms: number): Promise<void>;
  /** Waits until nobody waits, nothing is under way and nothing is pinned. */
  settled(): Promise<void>;
}

export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const { providers: wishes = [{}], partSize = 50_000, parts = 64, slots = 64, limits = {}, clockOver } = options;
  const store = new ArticleStore();
  const content = patternContent(5, partSize * parts);
  const file = store.addFile({ name: "test.bin", content, partSize });
  const servers = await Promise.all(wishes.map(({ server }) => startNewsServer({ store, ...server })));
  const manual = new ManualClock();
  const clock = clockOver?.(manual) ?? manual;
  const pool = new Pool({
    providers: wishes.map(({ server: _server, ...wish }, index) => ({
      id: `p${index}`,
      host: "127.0.0.1",
      port: servers[index]?.port ?? 0,
      tls: false,
      verifyTls: true,
      username: "",
      password: "",
      connections: 4,
      tier: index,
      backup: false,
      pipeline: 2,
      timeoutMs: 15_000,
      ...wish,
    })),
    kernel: loadKernel(),
    clock,
    log: silentLogger,
    random: () => 0.5,
    limits: { importConnections: () => 1000, reserve: () => 0, ...limits },
  });
  const cache = new SegmentCache({ source: pool, budgetBytes: slots * capacityFor(partSize), clock });
  const ids = [...file.segments].map(({ id }) => id);
  const segment = (index: number): Segment => ({
    id: ids[index] as MessageId,
    alternates: [],
    begin: index * partSize,
    size: partSize,
    encodedSize: Math.ceil(partSize * 1.03),
  });
  const get = (
    index: number,
    { lane = "playhead", signal = new AbortController().signal, stream, post }: Asking = {},
  ) => cache.get({ ...segment(index), ...(post === undefined ? {} : { post }) }, { lane, signal, stream });

  return {
    pool,
    cache,
    servers,
    server: servers[0] as NewsServer,
    clock: manual,
    partSize,
    id: (index) => ids[index] as string,
    content: (index) => content.read(index * partSize, partSize),
    segment,
    get,
    async read(index, asking) {
      using lease = get(index, asking);
      return Buffer.from(await lease.ready(partSize));
    },
    async fetch(index, { lane = "playhead", ...more } = {}) {
      const into = { bytes: Buffer.alloc(capacityFor(partSize)) };
      const info = await pool.body(ids[index] as MessageId, into, {
        urgency: { lane },
        signal: new AbortController().signal,
        expect: { size: partSize, begin: index * partSize },
        ...more,
      });
      return into.bytes.subarray(0, info.size);
    },
    asked: (index, server = 0) => servers[server]?.counters.bodies.get(ids[index] as string) ?? 0,
    async pass(ms) {
      for (let left = ms; left > 0; left -= 50) {
        manual.advance(Math.min(50, left));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    async settled() {
      const isSettled = () => {
        const { flights, pinnedSlots } = cache.stats();
        return (
          flights === 0 &&
          pinnedSlots === 0 &&
          pool.waiting === 0 &&
          servers.every(({ counters }) => counters.bodiesInFlight === 0)
        );
      };
      await until(isSettled);
    },
    async [Symbol.asyncDispose]() {
      cache[Symbol.dispose]();
      await pool[Symbol.asyncDispose]();
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

/** Makes the first provider known as one that answers at once: from then on 100 ms of silence are a stall. */
export async function measured(engine: Engine): Promise<Engine> {
  for (let index = 56; index < 64; index += 1) {
    expect((await engine.fetch(index)).equals(engine.content(index))).toBe(true);
  }
  return engine;
}

/** Long enough for the first provider's silence to be a stall, and short enough for the connection not to be given up. */
export const STALL_MS = 200;
