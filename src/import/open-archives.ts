import type { HeaderBudget } from "../archive/header-reader.ts";
import { RarKeys } from "../archive/rar-keys.ts";
import { SevenZipKeys } from "../archive/seven-zip-keys.ts";
import { FormatError } from "../base/errors.ts";
import type { ArticleProbe } from "./article-probe.ts";
import { isTellingName } from "./names.ts";
import { PostFile, recentParts } from "./post-file.ts";
import { countOf, type MappedPost } from "./release-draft.ts";
import type { Source } from "./source.ts";
import { subjectCounters } from "./subject-order.ts";
import { type Refused, unpack } from "./unpack.ts";

export interface OpenArchivesOptions {
  readonly probe: ArticleProbe;
  readonly signal: AbortSignal;
  /** What recovery sets call the posts, one answer for each. */
  readonly trueNames: readonly (string | undefined)[];
  readonly passwords: readonly string[];
  /** Where the built rar3-worker.js lies, when that is not beside the archive code. */
  readonly rarWorker?: URL;
}

export interface Opened {
  readonly leaves: readonly Source[];
  /** How archives were put together, a phrase each. */
  readonly report: readonly string[];
  /** What a person should know of it, in words. */
  readonly notes: readonly string[];
}

/** What the headers of one import may cost: real sets take 4 KiB and one read a volume. */
const BUDGET: Readonly<HeaderBudget> = { bytes: 128 * 1024 * 1024, reads: 20_000 };
const READS_PER_POST = 8;
const BYTES_PER_POST = 32 * 1024;
/** What is refused matters when it is this share of everything, or a film. */
const MATTERS = 0.1;
const FILM = /\.(?:mkv|mp4|m4v|avi|mov|wmv|mpe?g|ts|m2ts|vob|iso|flv|webm|divx)$/i;

/**
 * What there is to show of the posts of a release once archives are opened. Throws FormatError ARCHIVE_... when what matters in them
 * cannot be served, saying why; ArticleError, ProviderError, or the signal's reason.
 */
export async function openArchives(mapped: readonly MappedPost[], options: OpenArchivesOptions): Promise<Opened> {
  const { probe, signal, trueNames, passwords, rarWorker } = options;
  const recent = recentParts();
  const sources = mapped.map((one, index): Source => {
    const { post, map } = one;
    return {
      path: trueNames[index] ?? bestName(post.file.name, post.yencName),
      file: new PostFile(one, { probe, recent, index }),
      runs: [{ post: index, start: 0, end: map.size }],
      cipher: undefined,
      modifiedAt: post.file.postedAt,
      kind: post.kind,
      head: post.start?.head ?? new Uint8Array(),
      post: index,
    };
  });
  const { leaves, refused, report } = await unpack(inPostedOrder(sources, mapped), {
    passwords,
    budget: {
      bytes: BUDGET.bytes + mapped.length * BYTES_PER_POST,
      reads: BUDGET.reads + mapped.length * READS_PER_POST,
    },
    rarKeys: new RarKeys(passwords, rarWorker === undefined ? {} : { workerUrl: rarWorker }),
    sevenZipKeys: new SevenZipKeys(),
    signal,
  });
  assertWorthwhile(leaves, refused);
  if (leaves.length === 0) throw nothingInside();
  return { leaves, report, notes: notesOn(refused) };
}

/** Where volumes say nothing of their order, that of the post counts: the poster's own numbers, else the order of the NZB. */
function inPostedOrder(sources: readonly Source[], mapped: readonly MappedPost[]): readonly Source[] {
  const numbers = subjectCounters(mapped.map(({ post }) => post.file.subject));
  if (numbers === undefined) return sources;
  const numberOf = ({ post }: Source) => numbers[post as number] as number;
  return [...sources].sort((a, b) => numberOf(a) - numberOf(b));
}

/** Before the true name of a volume a random word in the subject says nothing. */
function bestName(subject: string | undefined, yenc: string | undefined): string {
  const names = [subject, yenc].filter((name) => name !== undefined);
  return names.find(isTellingName) ?? names[0] ?? "";
}

function nothingInside(): FormatError {
  return new FormatError("ARCHIVE_MALFORMED", "there is no file in the archives of this post", {
    hint: "the post is empty; get another one",
  });
}

function assertWorthwhile(leaves: readonly Source[], refused: readonly Refused[]): void {
  const [largest] = [...refused].sort((a, b) => b.size - a.size);
  if (largest === undefined) return;
  const total = [...leaves.map(({ file }) => file), ...refused].reduce((sum, { size }) => sum + size, 0);
  const failure = refused.find(({ size, path }) => size >= total * MATTERS || FILM.test(path));
  if (failure === undefined && leaves.length > 0) return;
  const { code, message, hint } = failure ?? largest;
  throw new FormatError(code, message, { hint });
}

function notesOn(refused: readonly Refused[]): readonly string[] {
  const [first] = refused;
  if (first === undefined) return [];
  return [`${countOf(refused.length, "member")} of archives left out: ${first.message}`];
}
