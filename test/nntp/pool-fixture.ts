import type { Clock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { MessageId } from "../../src/base/message-id.ts";
import type { Slot } from "../../src/base/slot.ts";
import { ArticleStore } from "../../src/newsserver/article-store.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import { type NewsServer, type NewsServerOptions, startNewsServer } from "../../src/newsserver/news-server.ts";
import type { FetchOptions } from "../../src/nntp/article-source.ts";
import type { Lane } from "../../src/nntp/lanes.ts";
import { Pool } from "../../src/nntp/pool.ts";
import type { ProviderOptions } from "../../src/nntp/provider-options.ts";
import type { SchedulerLimits } from "../../src/nntp/scheduler.ts";
import { loadKernel } from "../../src/yenc/load-kernel.ts";
import { ManualClock } from "../manual-clock.ts";

export const PART = 50_000;
const PARTS = 64;

export interface PoolSystem extends AsyncDisposable {
  readonly pool: Pool;
  readonly servers: readonly NewsServer[];
  readonly server: NewsServer;
  readonly clock: ManualClock;
  readonly ids: readonly MessageId[];
  /** The decoded bytes of part `index`. */
  content(index: number): Buffer;
  /** Fetches part `index` and returns its bytes. */
  fetch(index: number, options?: Partial<FetchOptions> & { readonly lane?: Lane }): Promise<Buffer>;
}

export type Wish = Partial<ProviderOptions> & { readonly server?: NewsServerOptions };

/** A pool over real news servers on loopback, which all have the same articles; time stands still unless a test moves it. */
export async function startPool(
  wishes: readonly Wish[] = [{}],
  limits: Partial<SchedulerLimits> = {},
): Promise<PoolSystem> {
  const store = new ArticleStore();
  const content = patternContent(5, PART * PARTS);
  const file = store.addFile({ name: "test.bin", content, partSize: PART });
  const servers = await Promise.all(wishes.map(({ server }) => startNewsServer({ store, ...server })));
  const clock = new ManualClock();
  const providers = wishes.map(
    ({ server: _server, ...wish }, index): ProviderOptions => ({
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
      timeoutMs: 10_000,
      ...wish,
    }),
  );
  const pool = new Pool({
    providers,
    kernel: loadKernel(),
    clock: clock as Clock,
    log: silentLogger,
    random: () => 0.5,
    limits: { importConnections: () => 1000, reserve: () => 0, ...limits },
  });
  const ids = [...file.segments].map(({ id }) => id);
  const part = (index: number) => content.read(index * PART, PART);
  return {
    pool,
    servers,
    server: servers[0] as NewsServer,
    clock,
    ids,
    content: part,
    async fetch(index, { lane = "playhead", ...options } = {}) {
      const into = slot();
      const info = await pool.body(ids[index] as MessageId, into, {
        urgency: { lane },
        signal: new AbortController().signal,
        expect: { size: PART, begin: index * PART },
        ...options,
      });
      return into.bytes.subarray(0, info.size);
    },
    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]();
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

export function slot(): Slot {
  return { bytes: Buffer.alloc(PART + 64 * 1024) };
}

/** Moves the clock on, a step at a time, until the work is done. */
export async function whileTimePasses<T>(clock: ManualClock, work: Promise<T>, stepMs = 100): Promise<T> {
  let isDone = false;
  const end = () => {
    isDone = true;
  };
  work.then(end, end);
  for (let steps = 0; !isDone && steps < 3000; steps += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (!isDone) clock.advance(stepMs);
  }
  return work;
}
