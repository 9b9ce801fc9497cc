import type { SeekableFile } from "../base/seekable-file.ts";
import { matchPar2 } from "../par2/file-names.ts";
import { readPar2Packets } from "../par2/packets.ts";
import { RecoverySets } from "../par2/recovery-sets.ts";
import type { ArticleProbe } from "./article-probe.ts";
import { isHole } from "./holes.ts";
import { isObfuscated } from "./obfuscated.ts";
import type { Post } from "./post.ts";
import type { MappedPost } from "./release-draft.ts";
import { nameParts } from "./safe-name.ts";

/** The index of a recovery set is one article, rarely some more; the volumes beside it repeat what it says. */
const MAX_ARTICLES = 8;
/** A post of many sets has an index for each. */
const MAX_INDEXES = 200;
const BUDGET_BYTES = 16 * 1024 * 1024;

export interface Par2NamesOptions {
  readonly probe: ArticleProbe;
  readonly signal: AbortSignal;
}

/**
 * What the recovery sets of a post call its files, one answer for each; undefined for those that no set describes. Asks for nothing
 * unless some name says nothing. What cannot be had of the sets is left out; rejects with ProviderError or the signal's reason.
 */
export async function par2Names(
  mapped: readonly MappedPost[],
  par2: readonly Post[],
  options: Par2NamesOptions,
): Promise<readonly (string | undefined)[]> {
  const nothing = mapped.map(() => undefined);
  if (par2.length === 0 || !mapped.some(({ post }) => isNameless(post))) return nothing;
  const sets = new RecoverySets();
  const budget = { bytes: BUDGET_BYTES, reads: 4 * MAX_INDEXES };
  for (const post of indexesAmong(par2)) {
    const file = await readWhole(post, options);
    if (file === undefined) continue;
    for await (const packet of readPar2Packets(file, { budget, signal: options.signal })) sets.add(packet);
  }
  const matches = matchPar2(
    sets.list(),
    mapped.map(({ post, map }) => ({
      name: post.label,
      md5Of16k: post.start?.md5Of16k ?? "",
      size: map.isSizeExact ? map.size : undefined,
    })),
  );
  return matches.map((match) => (match?.as === "whole" ? match.file.name : undefined));
}

function isNameless({ file, yencName }: Post): boolean {
  const name = file.name ?? yencName;
  return name === undefined || isObfuscated(nameParts(name).stem);
}

/** The smallest of them: where all are large, one. */
function indexesAmong(par2: readonly Post[]): readonly Post[] {
  const bySize = [...par2].sort((a, b) => a.segments.length - b.segments.length);
  const small = bySize.filter(({ segments }) => segments.length <= (bySize[0] as Post).segments.length);
  return small.slice(0, MAX_INDEXES);
}

/** The beginning of a small posted file; undefined when an article of it is not to be had. */
async function readWhole(post: Post, { probe, signal }: Par2NamesOptions): Promise<SeekableFile | undefined> {
  const parts: Buffer[] = [];
  for (let index = 0; index < Math.min(MAX_ARTICLES, post.segments.length); index++) {
    const read = isHole(post.segments, index) ? undefined : await probe.bytes(post.target(index), signal);
    if (read?.state !== "found") break;
    parts.push(read.bytes);
  }
  if (parts.length === 0) return undefined;
  const bytes = Buffer.concat(parts);
  return {
    size: bytes.length,
    async *read({ start, end }) {
      yield bytes.subarray(start, end);
    },
  };
}
