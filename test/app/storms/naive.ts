import { silentLogger } from "../../../src/base/logger.ts";
import type { ArticleSource } from "../../../src/nntp/article-source.ts";
import { Pool } from "../../../src/nntp/pool.ts";
import { Reader } from "../../../src/reader/reader.ts";
import { SegmentCache } from "../../../src/reader/segment-cache.ts";
import { loadKernel } from "../../../src/yenc/load-kernel.ts";
import { ManualClock } from "../../manual-clock.ts";
import type { Film, System } from "../fixture.ts";

export interface NaiveOptions {
  /** Where articles come from: the product's own pool unless given. */
  readonly source?: ArticleSource;
  readonly readAheadBytes?: number;
}

/**
 * The same parts, put together as one would without thinking of storms: a reader and a cache per request, so that nobody shares
 * anything, and nobody passes a client's leaving on. Disposing stops what is still read.
 */
export class NaiveReads implements Disposable {
  readonly #caches: SegmentCache[] = [];
  readonly #system: System;
  readonly #film: Film;
  readonly #options: NaiveOptions;

  constructor(system: System, film: Film, options: NaiveOptions = {}) {
    this.#system = system;
    this.#film = film;
    this.#options = options;
  }

  /** Fetches that are under way for anybody. */
  get flights(): number {
    return this.#caches.reduce((sum, cache) => sum + cache.stats().flights, 0);
  }

  /** Reads the bytes `[start, end)`, whether or not there is still somebody who wants them. */
  async read(start: number, end: number): Promise<Buffer> {
    const { app } = this.#system;
    const { source = app.pool, readAheadBytes = 0 } = this.#options;
    const clock = new ManualClock();
    const cache = new SegmentCache({ source, budgetBytes: 16 * 2 ** 20, clock });
    this.#caches.push(cache);
    const entry = app.catalog.find(decodeURIComponent(this.#film.path.slice("/dav/library/".length)));
    if (entry === undefined) throw new Error("the film is not in the library");
    const file = new Reader({ cache, clock, readAheadBytes }).open(app.catalog.extents(entry.id));
    const chunks: Buffer[] = [];
    const { signal } = new AbortController();
    for await (const chunk of file.read({ start, end }, { signal })) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }

  [Symbol.dispose](): void {
    for (const cache of this.#caches) cache[Symbol.dispose]();
  }
}

/** A pool that knows of no other, over the first news server of the system: what each of several readers would open for itself. */
export function ownPool(system: System, connections: number): Pool {
  return new Pool({
    providers: [
      {
        id: "own",
        host: "127.0.0.1",
        port: system.servers[0]?.port ?? 0,
        tls: false,
        verifyTls: true,
        username: "",
        password: "",
        connections,
        tier: 1,
        backup: false,
        pipeline: 1,
        timeoutMs: 10_000,
      },
    ],
    kernel: loadKernel(),
    clock: new ManualClock(),
    log: silentLogger,
    limits: { importConnections: () => connections, reserve: () => 0 },
  });
}
