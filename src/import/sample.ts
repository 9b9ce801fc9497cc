import { ArticleError, FormatError } from "../base/errors.ts";
import type { Probe } from "./article-probe.ts";
import type { Question } from "./ask-all.ts";
import { isHole } from "./holes.ts";
import type { Post } from "./post.ts";

/** So many articles are asked for before a post is given up. */
export const SAMPLE_SIZE = 12;
/** Posts that are looked at before the others. */
export const SCOUTS = 6;
/** A post is given up when this share of the sample is gone. */
const LOST_SHARE = 0.5;
const HINT =
  "the post has been removed or has expired, or the providers never had it; try another release, or add a provider";

/** Its multiples modulo one are spread as evenly as can be, and have no period. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** Counts what a spread of the payload's articles turned out to be. */
export class Sample {
  #asked = 0;
  #missing = 0;
  #corrupt = 0;

  count(state: Probe["state"]): void {
    this.#asked += 1;
    if (state === "missing") this.#missing += 1;
    if (state === "corrupt") this.#corrupt += 1;
  }

  /** How many more must be asked before a loss can be judged; 0 when nothing is lost. */
  get lacking(): number {
    return this.#missing + this.#corrupt === 0 ? 0 : Math.max(0, SAMPLE_SIZE - this.#asked);
  }

  /** Throws ArticleError when too much is gone. */
  assertAlive(): void {
    const lost = this.#missing + this.#corrupt;
    if (lost === 0 || lost < this.#asked * LOST_SHARE) return;
    const word = this.#corrupt === 0 ? "missing" : this.#missing === 0 ? "corrupt" : "missing or corrupt";
    const code = this.#missing === 0 ? "ARTICLE_CORRUPT" : "ARTICLE_MISSING";
    throw new ArticleError(code, `${lost} of ${this.#asked} sampled articles are ${word} on all providers`, {
      hint: HINT,
    });
  }
}

/** A few posts from the whole length of the list. */
export function scoutsOf(posts: readonly Post[]): readonly Post[] {
  const count = Math.min(SCOUTS, posts.length);
  return Array.from({ length: count }, (_, at) => posts[Math.floor((at * posts.length) / count)] as Post);
}

/**
 * At most `count` segments that were not asked for, spread evenly over those of all the posts: one from each stretch of equal length, not
 * always at the same place in it, since what is removed may have a rhythm of its own. The same ones each time.
 */
export function spreadOver(posts: readonly Post[], count: number): readonly Question[] {
  const each = (visit: (post: Post, index: number) => void) => {
    for (const post of posts) {
      for (let index = 0; index < post.segments.length; index++) {
        if (!isHole(post.segments, index) && !post.answers.has(index)) visit(post, index);
      }
    }
  };
  let total = 0;
  each(() => {
    total += 1;
  });
  const wanted = Math.min(count, total);
  const picked: Question[] = [];
  let position = 0;
  each((post, index) => {
    const place = picked.length + (((picked.length + 0.5) * GOLDEN_RATIO) % 1);
    if (picked.length < wanted && position >= Math.floor((place * total) / wanted)) picked.push({ post, index });
    position += 1;
  });
  return picked;
}

/** Throws FormatError when the NZB itself leaves out most of the payload. */
export function assertListed(payload: readonly Post[]): void {
  let parts = 0;
  let listed = 0;
  for (const { segments } of payload) {
    parts += segments.length;
    for (let index = 0; index < segments.length; index++) if (!isHole(segments, index)) listed += 1;
  }
  if (listed >= parts * LOST_SHARE) return;
  throw new FormatError("NZB_MALFORMED", `the NZB lists only ${listed} of the ${parts} articles of its files`, {
    hint: "the NZB is incomplete; get it from another indexer",
  });
}
