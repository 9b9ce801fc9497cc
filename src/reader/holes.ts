import { LRUCache } from "lru-cache";
import type { Clock } from "../base/clock.ts";
import { ArticleError, type ArticleErrorCode, errorCode } from "../base/errors.ts";

const MINUTE = 60_000;

/**
 * How long nobody is asked again: at first, and at most, since it doubles whenever a question is answered as before.
 * Articles that all providers deny hardly ever come back; a copy that was spoilt on its way, or by one sick server, does.
 */
const REMEMBERED: Readonly<Record<ArticleErrorCode, { readonly firstMs: number; readonly maxMs: number }>> = {
  ARTICLE_MISSING: { firstMs: 10 * MINUTE, maxMs: 360 * MINUTE },
  ARTICLE_CORRUPT: { firstMs: MINUTE, maxMs: 10 * MINUTE },
};

/** A few megabytes; beyond that, the holes that nobody came across for longest are forgotten. */
const MAX_HOLES = 10_000;

interface Noted {
  readonly code: ArticleErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
  readonly at: number;
  readonly forMs: number;
}

/**
 * Remembers for a while which segments cannot be had, so that the next read is told so without asking any provider.
 * Only the article's own errors are remembered: silence of a provider says nothing about what exists.
 */
export class Holes {
  readonly #clock: Clock;
  readonly #noted = new LRUCache<string, Noted>({ max: MAX_HOLES });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `fetch` for the segment of this key unless it is known to be a hole, and remembers what becomes of it. */
  async around<T>(key: string, fetch: () => Promise<T>): Promise<T> {
    const known = this.known(key);
    if (known !== undefined) throw known;
    try {
      const fetched = await fetch();
      this.forget(key);
      return fetched;
    } catch (error) {
      this.note(key, error);
      throw error;
    }
  }

  /** What a fetch of this segment would end with; undefined when providers are to be asked. */
  known(key: string): ArticleError | undefined {
    const noted = this.#noted.get(key);
    if (noted === undefined) return undefined;
    const ageMs = this.#clock.now() - noted.at;
    if (ageMs >= noted.forMs) return undefined;
    const again = `providers were asked ${words(ageMs)} ago and are asked again in ${words(noted.forMs - ageMs)}`;
    return new ArticleError(noted.code, noted.message, {
      hint: noted.hint === undefined ? again : `${noted.hint}; ${again}`,
    });
  }

  /** A fetch of this segment ended so. Whatever is not ARTICLE_MISSING or ARTICLE_CORRUPT is passed over. */
  note(key: string, error: unknown): void {
    const code = errorCode(error);
    if (code !== "ARTICLE_MISSING" && code !== "ARTICLE_CORRUPT") return;
    const { message, hint } = error as ArticleError;
    const before = this.#noted.peek(key);
    const at = this.#clock.now();
    // A fetch that began before the hole was known tells nothing new.
    if (before?.code === code && at - before.at < before.forMs) return;
    const { firstMs, maxMs } = REMEMBERED[code];
    const forMs = before?.code === code ? Math.min(before.forMs * 2, maxMs) : firstMs;
    this.#noted.set(key, { code, message, hint, at, forMs });
  }

  /** The segment turned out to be there. */
  forget(key: string): void {
    this.#noted.delete(key);
  }

  /** Somebody wants to know anew. */
  clear(): void {
    this.#noted.clear();
  }
}

function words(ms: number): string {
  return ms < 2 * MINUTE ? `${Math.ceil(ms / 1000)} s` : `${Math.ceil(ms / MINUTE)} min`;
}
