import { getEventListeners, getMaxListeners } from "node:events";
import type { ArticleSource, FetchOptions } from "../../src/nntp/article-source.ts";

/**
 * Counts, whenever an article is asked for, how many listeners the asker's signal has: more than it allows is what node warns of as a
 * possible memory leak.
 */
export class ListenerWatch {
  readonly #signals = new Set<AbortSignal>();
  most = 0;
  /** Questions after which a signal had too many. */
  overfull = 0;

  over(source: ArticleSource): ArticleSource {
    return {
      body: (id, into, options) => {
        const answer = source.body(id, into, options);
        this.#look(options);
        return answer;
      },
      stat: (id, options) => {
        const answer = source.stat(id, options);
        this.#look(options);
        return answer;
      },
    };
  }

  /** Listeners that are still there. */
  left(): number {
    return [...this.#signals].reduce((sum, signal) => sum + getEventListeners(signal, "abort").length, 0);
  }

  #look({ signal }: FetchOptions): void {
    this.#signals.add(signal);
    const listeners = getEventListeners(signal, "abort").length;
    const allowed = getMaxListeners(signal);
    this.most = Math.max(this.most, listeners);
    if (allowed > 0 && listeners > allowed) this.overfull += 1;
  }
}
