import { LRUCache } from "lru-cache";
import type { Clock } from "../base/clock.ts";
import type { Provider } from "./provider.ts";

/** Posts that are remembered. */
const POSTS = 1_000;
/** For so long since the last miss. */
const MEMORY_MS = 600_000;
/** A single article is lost now and then; two in a row are a sign. */
const A_SIGN = 2;

interface Misses {
  inARow: number;
  lastAt: number;
}

/** Who lacked the neighbours of an article: providers lose posts, not articles. */
export class Absences {
  readonly #clock: Clock;
  readonly #posts = new LRUCache<number, Map<Provider, Misses>>({ max: POSTS });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  missing(post: number | undefined, provider: Provider): void {
    if (post === undefined) return;
    let providers = this.#posts.get(post);
    if (providers === undefined) {
      providers = new Map();
      this.#posts.set(post, providers);
    }
    const now = this.#clock.now();
    const before = providers.get(provider);
    const inARow = before !== undefined && now - before.lastAt < MEMORY_MS ? before.inARow + 1 : 1;
    providers.set(provider, { inARow, lastAt: now });
  }

  present(post: number | undefined, provider: Provider): void {
    if (post !== undefined && this.#posts.size > 0) this.#posts.get(post)?.delete(provider);
  }

  /** Whether the provider is likely to lack this post's articles. */
  isLikely(post: number | undefined, provider: Provider): boolean {
    if (post === undefined || this.#posts.size === 0) return false;
    const misses = this.#posts.get(post)?.get(provider);
    return misses !== undefined && misses.inARow >= A_SIGN && this.#clock.now() - misses.lastAt < MEMORY_MS;
  }
}
