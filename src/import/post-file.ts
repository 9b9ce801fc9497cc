import { LRUCache } from "lru-cache";
import { type ByteRange, clampRange } from "../base/byte-range.ts";
import { ArticleError } from "../base/errors.ts";
import type { Cancel, SeekableFile } from "../base/seekable-file.ts";
import type { SegmentList } from "../base/segment-list.ts";
import type { ArticleProbe } from "./article-probe.ts";
import { targetIn, withGaps } from "./holes.ts";
import { partRange } from "./part-map.ts";
import type { MappedPost } from "./release-draft.ts";

/** Articles that are kept while one import looks into archives: directories lie together, and are read piece by piece. */
const KEPT_ARTICLES = 4;

const LOST = "the article has been removed or has expired; try another release, or add a provider";

/** The articles that an import has read last, by the post they are of. */
export type RecentParts = LRUCache<string, Promise<Buffer>>;

export function recentParts(): RecentParts {
  return new LRUCache({ max: KEPT_ARTICLES });
}

export interface PostFileOptions {
  readonly probe: ArticleProbe;
  readonly recent: RecentParts;
  /** Which post of the import it is. */
  readonly index: number;
}

/**
 * A posted file whose headers are looked at: its first bytes are there already, every other article is fetched whole, in lane
 * _import_. Throws ArticleError for what nobody has, ProviderError when nobody knows.
 */
export class PostFile implements SeekableFile {
  readonly #mapped: MappedPost;
  readonly #segments: SegmentList;
  readonly #options: PostFileOptions;

  constructor(mapped: MappedPost, options: PostFileOptions) {
    this.#mapped = mapped;
    this.#segments = withGaps(mapped.post.segments, mapped.map.gaps);
    this.#options = options;
  }

  get size(): number {
    return this.#mapped.map.size;
  }

  async *read(range: ByteRange, { signal }: Cancel): AsyncGenerator<Uint8Array, void, undefined> {
    const { start, end } = clampRange(range, this.size);
    const head = this.#mapped.post.start?.head;
    for (let at = start; at < end; ) {
      if (head !== undefined && at < head.length) {
        const stop = Math.min(end, head.length);
        yield head.subarray(at, stop);
        at = stop;
        continue;
      }
      const index = this.#partAt(at);
      const bytes = await this.#part(index, signal);
      const offset = at - partRange(this.#mapped.map, index).start;
      const piece = bytes.subarray(offset, offset + (end - at));
      yield piece;
      at += piece.length;
    }
  }

  #part(index: number, signal: AbortSignal): Promise<Buffer> {
    const { recent, index: post } = this.#options;
    const key = `${post} ${index}`;
    let part = recent.get(key);
    if (part === undefined) {
      part = this.#fetch(index, signal);
      recent.set(key, part);
      part.catch(() => recent.delete(key));
    }
    return part;
  }

  async #fetch(index: number, signal: AbortSignal): Promise<Buffer> {
    const { label } = this.#mapped.post;
    const read = await this.#options.probe.bytes(targetIn(this.#segments, index), signal);
    if (read.state !== "found") {
      const code = read.state === "missing" ? "ARTICLE_MISSING" : "ARTICLE_CORRUPT";
      throw new ArticleError(code, `article ${index + 1} of ${label} is ${read.state} on all providers`, {
        hint: LOST,
      });
    }
    const { start, end } = partRange(this.#mapped.map, index);
    const isInPlace = read.info.begin === undefined || read.info.begin === start;
    if (isInPlace && read.bytes.length === end - start) return read.bytes;
    throw new ArticleError("ARTICLE_CORRUPT", `article ${index + 1} of ${label} is not the part that belongs there`, {
      hint: LOST,
    });
  }

  #partAt(offset: number): number {
    const { partSize, partEnds } = this.#mapped.map;
    if (partEnds === undefined) return Math.floor(offset / (partSize ?? this.size));
    let low = 0;
    let high = partEnds.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((partEnds[middle] as number) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
