import type { Clock } from "../base/clock.ts";
import { FormatError, ProviderError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { FetchTrace } from "../nntp/fetch-trace.ts";
import { type ArticleProbe, type Probe, STATS_AT_ONCE } from "./article-probe.ts";
import { askAll, type Question } from "./ask-all.ts";
import type { CategoryRule } from "./category-rules.ts";
import { type Answer, CheckTally } from "./check-tally.ts";
import { isHole } from "./holes.ts";
import { partRange } from "./part-map.ts";
import type { MappedPost } from "./release-draft.ts";
import { spreadOver } from "./sample.ts";

export interface CheckOptions extends Cancel {
  readonly rule: Pick<CategoryRule, "check" | "leastPercent">;
  readonly probe: ArticleProbe;
  readonly clock: Clock;
  /** Called with a share of the check, 0 to 1, that never shrinks; often. */
  readonly onProgress: (progress: number) => void;
}

/** Articles of a sample, by the size of the post. */
const LEAST_SAMPLE = 20;
const MOST_SAMPLE = 60;
/** The sample that a loss is judged by. */
const LARGE_SAMPLE = 200;
/** So many are read: a server may say that it has an article and then not give it, or give something else. */
const BODIES = 2;
/** So many are read where STATs cannot be relied on: too few are answered, or what is said to be there cannot be read. */
const BODIES_INSTEAD = 20;

/** One article that is looked for. */
interface Wanted extends Question {
  readonly mapped: MappedPost;
}

/**
 * Looks for articles of posts whose parts are placed: for a sample spread evenly over those that were not asked for yet, which grows
 * when something is missing in it, or for all. A few are read, more where what is read contradicts what was said. Resolves with what a person should know: holes that the rule puts up with.
 * Rejects with ArticleError, and numbers for each provider, when too few are there; with FormatError when the NZB lists too few; with
 * ProviderError when too many could not be asked for to tell; or with the signal's reason.
 */
export async function checkArticles(posts: readonly MappedPost[], options: CheckOptions): Promise<string | undefined> {
  if (options.rule.check === "none" || posts.length === 0) return undefined;
  const { listed, known } = countsOf(posts, options.rule.leastPercent);
  const check = new Check(posts, options);
  if (options.rule.check === "all") return await check.all(listed - known);
  return await check.sample(sampleSize(listed), listed - known);
}

type Look = (wanted: Wanted, told: { readonly trace: FetchTrace; readonly signal: AbortSignal }) => Promise<Answer>;

class Check {
  readonly #posts: readonly MappedPost[];
  readonly #byPost: ReadonlyMap<Question["post"], MappedPost>;
  readonly #options: CheckOptions;
  #tally = new CheckTally();
  /** Whether what a server says to have could not be read. */
  #isLiedTo = false;
  /** Articles that the tally is to hold. */
  #goal = 0;
  #asked = 0;
  #planned = 1;
  #shown = 0;

  constructor(posts: readonly MappedPost[], options: CheckOptions) {
    this.#posts = posts;
    this.#byPost = new Map(posts.map((mapped) => [mapped.post, mapped]));
    this.#options = options;
  }

  /** `left`: articles that were not asked for yet. */
  async all(left: number): Promise<string | undefined> {
    this.#goal = left;
    const read = evenly(this.#spread(LARGE_SAMPLE), BODIES);
    const isRead = ({ post, index }: Wanted) => read.some((one) => one.index === index && one.post === post);
    await this.#ask(unread(this.#posts), left, (wanted) => (isRead(wanted) ? this.#body : this.#stat));
    this.#tally.addKnown(answersOf(this.#posts));
    return await this.#judge("");
  }

  /** `size`: of the sample, as long as nothing is missing in it. */
  async sample(size: number, left: number): Promise<string | undefined> {
    const large = this.#spread(LARGE_SAMPLE);
    const small = evenly(large, size);
    // From the middle: the survey has read the ends.
    const read = new Set(evenly(small, BODIES));
    this.#goal = small.length;
    await this.#ask(small, small.length, (wanted) => (read.has(wanted) ? this.#body : this.#stat));
    if (this.#tally.lost > 0 && !this.#isLiedTo) {
      const isAsked = new Set(small);
      const more = large.filter((wanted) => !isAsked.has(wanted));
      this.#goal += more.length;
      await this.#ask(more, more.length, () => this.#stat);
    }
    if (this.#goal < left) return await this.#judge("of the sample ");
    this.#tally.addKnown(answersOf(this.#posts));
    return await this.#judge("");
  }

  async #judge(of: string): Promise<string | undefined> {
    if (!this.#isOpen && !this.#isLiedTo) return this.#verdict(of);
    await this.#readInstead();
    if (!this.#isOpen) return this.#verdict("of the sample ");
    const { unknown, total } = this.#tally;
    const what = `${unknown} of ${total} articles of the sample`;
    throw new ProviderError("PROVIDER_UNREACHABLE", `no provider would say whether ${what} exist`);
  }

  #verdict(of: string): string | undefined {
    if (this.#tally.isTooFew(this.#options.rule.leastPercent)) throw this.#tally.error(of);
    return this.#tally.note(of);
  }

  /** A server that does not know STAT may yet have everything, and one that lies nothing, so some are read; nothing else counts then. */
  async #readInstead(): Promise<void> {
    this.#tally = new CheckTally();
    const chosen = this.#spread(BODIES_INSTEAD);
    this.#goal = chosen.length;
    await this.#ask(chosen, chosen.length, () => this.#read);
  }

  async #ask(wanted: Iterable<Wanted>, count: number, lookAt: (wanted: Wanted) => Look): Promise<void> {
    const { clock, signal, onProgress } = this.#options;
    this.#planned += count;
    await askAll(
      wanted,
      async (one, stop) => {
        if (this.#isSilent) return;
        const trace = new FetchTrace(clock.now());
        this.#tally.add(await lookAt(one)(one, { trace, signal: stop }), trace.tries);
        this.#asked += 1;
        this.#shown = Math.max(this.#shown, this.#asked / this.#planned);
        onProgress(this.#shown);
      },
      { signal, atOnce: Math.min(count, STATS_AT_ONCE) },
    );
  }

  get #isOpen(): boolean {
    const { leastPercent } = this.#options.rule;
    return this.#isSilent || !(this.#tally.isEnough(leastPercent) || this.#tally.isTooFew(leastPercent));
  }

  /** So many are unknown that the rest cannot be enough. */
  get #isSilent(): boolean {
    return this.#tally.unknown * 100 > (100 - this.#options.rule.leastPercent) * this.#goal;
  }

  readonly #stat: Look = ({ post, index }, { trace, signal }) =>
    this.#options.probe.exists({ ...post.target(index), trace }, signal);

  readonly #body: Look = async (wanted, { trace, signal }) => {
    const answer = await this.#read(wanted, { trace, signal });
    if (answer === "corrupt") this.#isLiedTo = true;
    else if (answer === "missing" && !this.#isLiedTo) {
      this.#isLiedTo = (await this.#options.probe.exists(wanted.post.target(wanted.index), signal)) === "present";
    }
    return answer;
  };

  /** The article must be the part that belongs there. */
  readonly #read: Look = async ({ post, index, mapped: { map } }, { trace, signal }) => {
    const before = map.gaps.reduce((sum, { at, parts }) => (at <= index ? sum + parts : sum), 0);
    const { start, end } = partRange(map, index + before);
    const target = { ...post.target(index), expect: { begin: start, size: end - start }, trace };
    try {
      return answerOf(await this.#options.probe.read(target, signal));
    } catch (error) {
      if (error instanceof ProviderError) return "unknown";
      throw error;
    }
  };

  #spread(count: number): readonly Wanted[] {
    const posts = this.#posts.map(({ post }) => post);
    return spreadOver(posts, count).map((question) => ({
      ...question,
      mapped: this.#byPost.get(question.post) as MappedPost,
    }));
  }
}

function* unread(posts: readonly MappedPost[]): Generator<Wanted, void, undefined> {
  for (const mapped of posts) {
    const { post } = mapped;
    for (let index = 0; index < post.segments.length; index++) {
      if (!isHole(post.segments, index) && !post.answers.has(index)) yield { post, index, mapped };
    }
  }
}

function* answersOf(posts: readonly MappedPost[]): Generator<Answer, void, undefined> {
  for (const { post } of posts) for (const answer of post.answers.values()) yield answerOf(answer);
}

function answerOf({ state }: Probe): Answer {
  return state === "found" ? "present" : state;
}

/** Articles in the NZB, and those that were asked for. Throws FormatError when the NZB itself leaves out too much. */
function countsOf(
  posts: readonly MappedPost[],
  leastPercent: number,
): { readonly listed: number; readonly known: number } {
  let parts = 0;
  let listed = 0;
  let known = 0;
  for (const { post, map } of posts) {
    parts += post.segments.length + map.gaps.reduce((sum, gap) => sum + gap.parts, 0);
    known += post.answers.size;
    for (let index = 0; index < post.segments.length; index++) if (!isHole(post.segments, index)) listed += 1;
  }
  if (listed * 100 >= leastPercent * parts) return { listed, known };
  throw new FormatError("NZB_MALFORMED", `the NZB lists only ${listed} of the ${parts} articles of its files`, {
    hint: "the NZB is incomplete; get it from another indexer",
  });
}

function sampleSize(articles: number): number {
  return Math.min(MOST_SAMPLE, Math.max(LEAST_SAMPLE, Math.ceil(Math.sqrt(articles) / 4)));
}

/** At most `count` of them, from the whole length of the list, none of its ends if that can be. */
function evenly<T>(all: readonly T[], count: number): readonly T[] {
  const wanted = Math.min(count, all.length);
  return Array.from({ length: wanted }, (_, at) => all[Math.floor(((at + 0.5) * all.length) / wanted)] as T);
}
