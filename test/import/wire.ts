import { silentLogger } from "../../src/base/logger.ts";
import { ArticleStore } from "../../src/newsserver/article-store.ts";
import type { Behaviour } from "../../src/newsserver/behaviour.ts";
import { type NewsServer, startNewsServer } from "../../src/newsserver/news-server.ts";
import { Pool } from "../../src/nntp/pool.ts";
import type { ProviderOptions } from "../../src/nntp/provider-options.ts";
import { loadKernel } from "../../src/yenc/load-kernel.ts";
import { ManualClock } from "../manual-clock.ts";

export interface WireWish extends Partial<ProviderOptions> {
  readonly behaviour?: Partial<Behaviour>;
}

/** Real news servers on loopback with the same articles, and the product's pool over them; time stands still unless a test moves it. */
export interface Wire extends AsyncDisposable {
  readonly pool: Pool;
  readonly clock: ManualClock;
  readonly store: ArticleStore;
  readonly servers: readonly NewsServer[];
  readonly server: NewsServer;
  /** How often anything was asked of one of the servers. */
  asked(server?: number): { readonly bodies: number; readonly stats: number };
  /** Commands under way, at the pool as at the servers; all zero when nobody imports. */
  underWay(): { readonly waiting: number; readonly busy: number; readonly bodies: number };
}

export async function startWire(wishes: readonly WireWish[] = [{}]): Promise<Wire> {
  const store = new ArticleStore();
  const clock = new ManualClock();
  const servers = await Promise.all(wishes.map(({ behaviour = {} }) => startNewsServer({ store, behaviour })));
  const providers = wishes.map(
    ({ behaviour: _, ...wish }, index): ProviderOptions => ({
      id: index === 0 ? "main" : "backup",
      host: "127.0.0.1",
      port: servers[index]?.port ?? 0,
      tls: false,
      verifyTls: true,
      username: "",
      password: "",
      connections: 4,
      tier: index,
      backup: index > 0,
      pipeline: 2,
      timeoutMs: 10_000,
      ...wish,
    }),
  );
  const limits = { importConnections: () => 1_000, reserve: () => 0 };
  const pool = new Pool({ providers, kernel: loadKernel(), clock, log: silentLogger, random: () => 0.5, limits });
  return {
    pool,
    clock,
    store,
    servers,
    server: servers[0] as NewsServer,
    asked(server = 0) {
      const { bodies, stats } = (servers[server] as NewsServer).counters;
      return { bodies: sum(bodies.values()), stats: sum(stats.values()) };
    },
    underWay: () => ({
      waiting: pool.waiting,
      busy: pool.snapshot().reduce((busy, { connections }) => busy + connections.busy, 0),
      bodies: servers.reduce((bodies, { counters }) => bodies + counters.bodiesInFlight, 0),
    }),
    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]();
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
