import { FormatError } from "../base/errors.ts";
import type { SegmentList } from "../base/segment-list.ts";
import type { Nzb, NzbFile } from "../nzb/nzb.ts";
import type { Probe } from "./article-probe.ts";
import type { Question } from "./ask-all.ts";
import { alone, type Joined, joinByNumbers, joinSingles, judgeJoin } from "./join.ts";
import type { PartFacts } from "./part-map.ts";
import { isEntry, roleOf } from "./payload.ts";
import { Post } from "./post.ts";

/** A release of more files would hold up everything else while it is stored. */
const MAX_POSTS = 50_000;
/** So many articles are read at most to find the order of parts that nothing else tells. */
const MAX_UNORDERED = 256;

/**
 * The posted files of an NZB; elements of one segment each that look like one file are taken together, on trial.
 * Throws FormatError NZB_TOO_LARGE when there are more than 50 000.
 */
export function planPosts({ files }: Nzb): readonly Post[] {
  const listed = files.filter(({ segments }) => segments.length > 0);
  const encodedTotal = listed.reduce((sum, { segments }) => sum + encodedBytes(segments), 0);
  const isJoinable = ({ name }: NzbFile) => isEntry(roleOf({ name, kind: undefined, share: 0 }));
  const { joined, others } = joinSingles(listed.filter(isJoinable));
  const whole = [...others, ...listed.filter((file) => !isJoinable(file))];
  assertCount(whole.length + joined.length);
  const position = new Map(files.map((file, at) => [file, at]));
  const share = (part: SegmentList) => (encodedTotal > 0 ? encodedBytes(part) / encodedTotal : 0);
  return [
    ...whole.map((file) => new Post({ file, segments: file.segments, share: share(file.segments) })),
    ...joined.map(
      (join) =>
        new Post({
          file: firstMember(join),
          segments: join.segments,
          share: share(join.segments),
          joined: join,
        }),
    ),
  ].sort((a, b) => (position.get(a.file) as number) - (position.get(b.file) as number));
}

/**
 * What a joined post turns out to be once its first articles are known: itself, its members in another order, or its members one by one.
 * `read` tells every post what its segment says. What was learned already is not asked again.
 */
export async function settleJoin(
  post: Post,
  read: (questions: readonly Question[]) => Promise<void>,
): Promise<readonly Post[]> {
  const { joined } = post;
  if (joined === undefined) return [post];
  const verdict = judgeJoin(factsOf(post.answers));
  if (verdict === "ordered") return [post];
  const { members } = joined;
  if (verdict === "unordered" && members.length > MAX_UNORDERED) {
    const error = new FormatError(
      "NZB_MALFORMED",
      `nothing says in which order its ${members.length} articles belong`,
      {
        hint: "the NZB lists every article as a file of its own, in no order; get it from another indexer",
      },
    );
    post.fail(error);
    return [post];
  }
  const singles = separated(post, joined);
  if (verdict === "separate") return singles;
  await read(singles.filter(({ answers }) => answers.size === 0).map((single) => ({ post: single, index: 0 })));
  return [reordered(post, joined, singles)];
}

function separated(post: Post, { members, indices }: Joined): readonly Post[] {
  assertCount(members.length);
  return members.map((file, at) => {
    const single = new Post({ file, share: post.share / members.length, segments: alone(file) });
    const answer = post.answers.get(indices[at] as number);
    if (answer !== undefined) single.learn(0, answer);
    return single;
  });
}

function reordered(post: Post, { members }: Joined, singles: readonly Post[]): Post {
  const answers = singles.map((single) => single.answers.get(0) as Probe);
  const join = joinByNumbers(
    members,
    answers.map((answer) => (answer.state === "found" ? answer.info.partNumber : undefined)),
  );
  const whole = new Post({ file: post.file, share: post.share, segments: join.segments, joined: join });
  join.indices.forEach((index, at) => {
    if (!Number.isNaN(index)) whole.learn(index, answers[at] as Probe);
  });
  return whole;
}

function firstMember({ members, indices }: Joined): NzbFile {
  const lowest = indices.reduce((least, index) => Math.min(least, index), Number.POSITIVE_INFINITY);
  return members[indices.indexOf(lowest)] as NzbFile;
}

function assertCount(posts: number): void {
  if (posts <= MAX_POSTS) return;
  throw new FormatError("NZB_TOO_LARGE", `the NZB lists ${posts} files; a release has at most ${MAX_POSTS}`, {
    hint: "split the NZB",
  });
}

function factsOf(answers: ReadonlyMap<number, Probe>): ReadonlyMap<number, PartFacts> {
  const facts = new Map<number, PartFacts>();
  for (const [index, answer] of answers) if (answer.state === "found") facts.set(index, answer.info);
  return facts;
}

function encodedBytes(segments: SegmentList): number {
  return segments.packed.encodedSizes.reduce((sum, size) => sum + size, 0);
}
