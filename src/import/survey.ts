import { type AppError, ArticleError, FormatError } from "../base/errors.ts";
import type { ArticleProbe, Probe } from "./article-probe.ts";
import { askAll, type Question } from "./ask-all.ts";
import { inventory, isEntry, withPayload } from "./payload.ts";
import { settleJoin } from "./plan.ts";
import type { Post } from "./post.ts";
import type { MappedPost } from "./release-draft.ts";
import { assertListed, Sample, scoutsOf, spreadOver } from "./sample.ts";

export interface SurveyOptions {
  readonly probe: ArticleProbe;
  readonly signal: AbortSignal;
  /** Called with a share of the work, 0 to 1, that never shrinks; often. */
  readonly onProgress: (progress: number) => void;
}

export interface SurveyResult {
  readonly mapped: readonly MappedPost[];
  /** Files that are no payload and whose articles are gone. */
  readonly leftOut: readonly Post[];
  /** Files of recovery sets; nothing was asked of those that are called so. */
  readonly par2: readonly Post[];
}

/**
 * Asks as few articles as it takes to place every part of every post, and gives up early on what is gone: a few posts first, more of
 * them when something is missing there, then the first and last article of the rest, then whatever is still in doubt.
 * Rejects with ArticleError or FormatError when the post is at fault, ProviderError when nobody knows, or the signal's reason.
 */
export async function survey(posts: readonly Post[], options: SurveyOptions): Promise<SurveyResult> {
  const { probe, signal } = options;
  const asked = posts.filter(({ role }) => isEntry(role));
  const payload = payloadOf(asked);
  if (payload.length === 0) throw nothingToShow(posts);
  assertListed(payload);
  const progress = progressOf(asked, options.onProgress);
  const sample = new Sample();
  const counted = new Set(payload);
  const isAsked = new Set(asked);

  const read = (questions: readonly Question[]) =>
    askAll(
      questions,
      async ({ post, index }, stop) => {
        post.learn(index, await probe.read(post.target(index), stop));
        progress();
      },
      { signal },
    );
  const readWanted = async (among: readonly Post[]) => {
    const questions = among.flatMap((post) => post.wanted().map((index) => ({ post, index })));
    await read(questions);
    return questions;
  };
  const readSample = async (among: readonly Post[]) => {
    for (const { post, index } of await readWanted(among)) {
      if (counted.has(post)) sample.count((post.answers.get(index) as Probe).state);
    }
  };

  const scouts = scoutsOf(payload);
  await readSample(scouts);
  await askAll(
    spreadOver(scouts, sample.lacking),
    async ({ post, index }, stop) => {
      const presence = await probe.exists(post.target(index), stop);
      if (presence === "present") {
        sample.count("found");
        return;
      }
      // A server that does not know STAT may yet have it; where nobody knows, reading it says why.
      const answer: Probe = presence === "missing" ? { state: "missing" } : await probe.read(post.target(index), stop);
      post.learn(index, answer);
      sample.count(answer.state);
    },
    { signal },
  );
  sample.assertAlive();
  await readSample(asked.filter((post) => !scouts.includes(post)));
  sample.assertAlive();

  const settled: Post[] = [];
  for (const post of asked) settled.push(...(await settleJoin(post, read)));
  while ((await readWanted(settled)).length > 0);
  const par2 = [...posts.filter((post) => !isAsked.has(post)), ...settled].filter(({ role }) => role === "par2");
  return { ...mapAll(settled), par2 };
}

function mapAll(posts: readonly Post[]): Omit<SurveyResult, "par2"> {
  const roles = withPayload(posts.map(({ role }) => role));
  if (!roles.includes("payload")) throw nothingToShow(posts);
  const mapped: MappedPost[] = [];
  const leftOut: Post[] = [];
  posts.forEach((post, at) => {
    const role = roles[at] as MappedPost["role"];
    if (!isEntry(role)) return;
    const map = post.map();
    if (map !== undefined) mapped.push({ post, map, role });
    else if (role === "payload") throw lost(post);
    else leftOut.push(post);
  });
  return { mapped, leftOut };
}

function payloadOf(posts: readonly Post[]): readonly Post[] {
  const roles = withPayload(posts.map(({ role }) => role));
  return posts.filter((_, at) => roles[at] === "payload");
}

/** Counts answers against what the first round expects; later rounds are short. */
function progressOf(posts: readonly Post[], onProgress: SurveyOptions["onProgress"]): () => void {
  let expected = posts.reduce((sum, post) => sum + post.wanted().length, 0) + 1;
  let answered = 0;
  let shown = 0;
  return () => {
    answered += 1;
    expected = Math.max(expected, answered + 1);
    shown = Math.max(shown, answered / expected);
    onProgress(shown);
  };
}

function nothingToShow(posts: readonly Post[]): AppError {
  const what = inventory(posts.map(({ role }) => role));
  return new FormatError("NZB_MALFORMED", `the post holds nothing to show, only ${what}`, {
    hint: "the NZB lists the extras of a release without the release; get another NZB",
  });
}

function lost(post: Post): AppError {
  const { failure, label } = post;
  if (failure !== undefined) {
    const hint = failure.hint === undefined ? {} : { hint: failure.hint };
    return new FormatError(failure.code, `cannot map ${label}: ${failure.message}`, { cause: failure, ...hint });
  }
  const asked = post.answers.size;
  return new ArticleError(
    "ARTICLE_MISSING",
    `${asked} of ${asked} sampled articles of ${label} are missing on all providers`,
    {
      hint: "the file has been removed or has expired; try another release, or add a provider",
    },
  );
}
