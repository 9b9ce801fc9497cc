import { ArticleError, errorCode } from "../base/errors.ts";
import type { Slot } from "../base/slot.ts";
import type { Segment } from "../catalog/catalog.ts";
import type { ArticleSource, FetchOptions } from "../nntp/article-source.ts";

/**
 * Fetches one part of a posted file: its article, then its alternates where that one is missing or corrupt everywhere.
 * `options` are those of this segment. Rejects with the first article's error when none of them will do; a known hole is ARTICLE_MISSING without a question.
 */
export async function fetchPart(
  source: ArticleSource,
  segment: Segment,
  slot: Slot,
  options: FetchOptions,
): Promise<void> {
  const ids = segment.id === undefined ? segment.alternates : [segment.id, ...segment.alternates];
  let first: unknown;
  for (const id of ids) {
    if (first !== undefined) await options.onRestart?.();
    try {
      await source.body(id, slot, options);
      return;
    } catch (error) {
      const code = errorCode(error);
      if (options.signal.aborted || (code !== "ARTICLE_MISSING" && code !== "ARTICLE_CORRUPT")) throw error;
      first ??= error;
    }
  }
  throw (
    first ??
    new ArticleError("ARTICLE_MISSING", `the NZB names no article for the part at byte ${segment.begin}`, {
      hint: "the NZB is incomplete; another NZB of the same post may have it",
    })
  );
}
