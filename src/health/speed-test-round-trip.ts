import { onAbort } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { ArticleSource } from "../nntp/article-source.ts";
import type { FreshArticles } from "./speed-test-articles.ts";

/** All of it takes no longer. */
const MOST_MS = 10_000;
/** The first of them opens the connection and is not counted. */
const ASKED = 6;

interface RoundTripContext {
  readonly provider: string;
  readonly source: ArticleSource;
  readonly articles: FreshArticles;
  readonly clock: Clock;
}

/** Milliseconds between a STAT and its answer, the quickest of some; null when they are not answered. Rejects only with the signal's reason. */
export async function measureRoundTrip(context: RoundTripContext, { signal }: Cancel): Promise<number | null> {
  const { provider, source, articles, clock } = context;
  const id = articles.next()?.id;
  if (id === undefined) return null;
  const stop = new AbortController();
  using _abort = onAbort(signal, () => stop.abort(signal.reason));
  using _most = clock.after(MOST_MS, () => stop.abort(new Error("no answer in time")));
  const options = {
    urgency: { lane: "health" },
    only: { provider, connections: 1, depth: 1 },
    signal: stop.signal,
  } as const;
  let quickest: number | null = null;
  try {
    for (let asked = 0; asked < ASKED; asked += 1) {
      const askedAt = clock.now();
      if ((await source.stat(id, options)) === "unknown") break;
      const ms = Math.round((clock.now() - askedAt) * 10) / 10;
      if (asked > 0) quickest = Math.min(quickest ?? ms, ms);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!stop.signal.aborted) throw error;
  }
  return quickest;
}
