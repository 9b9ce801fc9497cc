import { setMaxListeners } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { onAbort } from "../base/abort.ts";
import { RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Catalog, Entry, Segment } from "../catalog/catalog.ts";
import type { ArticleSource, Presence } from "../nntp/article-source.ts";

/** STATs under way at once; the pool decides how many connections they get. */
const CONCURRENCY = 64;
/** Results between two reports of progress. */
const REPORT_EVERY = 64;
/** Articles counted before everything else in the process gets its turn. */
const COUNT_AT_ONCE = 4096;
const PAGE = 200;

export interface VerifyProgress {
  readonly checked: number;
  readonly total: number;
  readonly missing: number;
  /** Neither present nor missing: a provider could not be asked. */
  readonly unknown: number;
}

/** One file that is not healthy, as soon as all of it was asked for. */
export interface VerifyFinding {
  /** As it is shown and asked for: `/library/movies/Film/film.mkv`. */
  readonly file: string;
  readonly articles: number;
  readonly missing: number;
  readonly unknown: number;
}

/** healthy: every article is there. damaged: some are missing everywhere. unknown: none is missing for certain, but not all could be asked for. */
export type Verdict = "healthy" | "damaged" | "unknown";

export type VerifyReport = VerifyProgress & { readonly verdict: Verdict };

interface VerifyContext {
  readonly catalog: Catalog;
  readonly source: ArticleSource;
}

interface Asked {
  readonly file: FileTally;
  readonly presence: Promise<Presence>;
}

interface FileTally {
  readonly path: string;
  articles: number;
  missing: number;
  unknown: number;
}

/**
 * Asks the providers for every article of a file, or of all files beneath a folder (`""`: the library), without fetching one (STAT,
 * lane health). Reports as it goes, in bounded memory; the verdict comes last. Rejects with NOT_FOUND or the signal's reason.
 */
export async function* verify(
  { catalog, source }: VerifyContext,
  path: string,
  { signal }: Cancel,
): AsyncGenerator<VerifyProgress | VerifyFinding | VerifyReport, void, undefined> {
  const entry = catalog.find(path);
  if (entry === undefined) {
    throw new RequestError("NOT_FOUND", `there is no /library/${path}`, { hint: "`newsreel ls` shows what is there" });
  }
  const total = await countArticles(catalog, entry, path, signal);
  const counts = { checked: 0, total, missing: 0, unknown: 0 };

  // Dozens wait for the same end, which on the caller's signal would look like a leak.
  const stop = new AbortController();
  setMaxListeners(CONCURRENCY, stop.signal);
  using _ = onAbort(signal, () => stop.abort(signal.reason));
  const asked: Asked[] = [];
  let current: FileTally | undefined;
  try {
    const articles = articlesBelow(catalog, entry, path);
    for (let next = articles.next(); ; next = articles.next()) {
      if (next.done !== true) {
        signal.throwIfAborted();
        const { file, segment } = next.value;
        const presence = statPart(source, segment, stop.signal);
        // Awaited in its turn; until then an abort must not count as unhandled.
        presence.catch(() => {});
        asked.push({ file, presence });
        if (asked.length < CONCURRENCY) continue;
      }
      const oldest = asked.shift();
      if (oldest === undefined) break;
      const presence = await oldest.presence;
      if (oldest.file !== current) {
        if (isUnsound(current)) yield finding(current);
        current = oldest.file;
      }
      count(counts, current, presence);
      if (counts.checked % REPORT_EVERY === 0) yield { ...counts };
    }
    if (isUnsound(current)) yield finding(current);
    yield { ...counts, verdict: verdictOf(counts) };
  } finally {
    stop.abort(new Error("the verification has ended"));
    await Promise.allSettled(asked.map(({ presence }) => presence));
  }
}

function count(
  counts: { checked: number; missing: number; unknown: number },
  file: FileTally,
  presence: Presence,
): void {
  counts.checked += 1;
  file.articles += 1;
  if (presence === "present") return;
  counts[presence] += 1;
  file[presence] += 1;
}

function isUnsound(file: FileTally | undefined): file is FileTally {
  return file !== undefined && file.missing + file.unknown > 0;
}

function finding({ path, articles, missing, unknown }: FileTally): VerifyFinding {
  return { file: `/library/${path}`, articles, missing, unknown };
}

function verdictOf({ missing, unknown }: { readonly missing: number; readonly unknown: number }): Verdict {
  if (missing > 0) return "damaged";
  return unknown > 0 ? "unknown" : "healthy";
}

/** A part is there when its article or one of its alternates is. */
async function statPart(source: ArticleSource, segment: Segment, signal: AbortSignal): Promise<Presence> {
  let answer: Presence = "missing";
  for (const id of [segment.id, ...segment.alternates]) {
    if (id === undefined) continue;
    const presence = await source.stat(id, { urgency: { lane: "health" }, signal });
    if (presence === "present") return "present";
    if (presence === "unknown") answer = "unknown";
  }
  return answer;
}

async function countArticles(catalog: Catalog, entry: Entry, path: string, signal: AbortSignal): Promise<number> {
  let total = 0;
  for (const _ of articlesBelow(catalog, entry, path)) {
    total += 1;
    if (total % COUNT_AT_ONCE !== 0) continue;
    await nextTurn();
    signal.throwIfAborted();
  }
  return total;
}

/** File by file, in the order of the library. Sidecars have none: their bytes lie in the database. */
function* articlesBelow(
  catalog: Catalog,
  entry: Entry,
  path: string,
): Generator<{ readonly file: FileTally; readonly segment: Segment }, void, undefined> {
  for (const { entry: found, path: filePath } of postedFilesBelow(catalog, entry, path)) {
    const file: FileTally = { path: filePath, articles: 0, missing: 0, unknown: 0 };
    const map = catalog.extents(found.id);
    for (let offset = 0; offset < map.size; ) {
      const extent = map.at(offset);
      yield { file, segment: extent.segment };
      offset = extent.end;
    }
  }
}

function* postedFilesBelow(
  catalog: Catalog,
  entry: Entry,
  path: string,
): Generator<{ readonly entry: Entry; readonly path: string }, void, undefined> {
  if (entry.kind === "file") {
    if (!entry.isSidecar) yield { entry, path };
    return;
  }
  for (let page = catalog.list(path, undefined, PAGE); page.length > 0; ) {
    for (const member of page)
      yield* postedFilesBelow(catalog, member, path === "" ? member.name : `${path}/${member.name}`);
    page = catalog.list(path, page.at(-1)?.name, PAGE);
  }
}
