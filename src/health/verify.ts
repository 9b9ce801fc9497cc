import { RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Catalog, Segment } from "../catalog/catalog.ts";
import type { ArticleSource, Presence } from "../nntp/article-source.ts";

/** STATs under way at once; the pool decides how many connections they get. */
const CONCURRENCY = 64;

export interface VerifyProgress {
  readonly checked: number;
  readonly total: number;
  readonly missing: number;
  /** Neither present nor missing: a provider could not be asked. */
  readonly unknown: number;
}

/** healthy: every article is there. damaged: some are missing everywhere. unknown: none is missing for certain, but not all could be asked for. */
export type Verdict = "healthy" | "damaged" | "unknown";

export type VerifyReport = VerifyProgress & { readonly verdict: Verdict };

/** Asks the providers for every article of a file without fetching one (STAT, lane health). Reports as it goes; the verdict comes last. */
export async function* verifyFile(
  context: { readonly catalog: Catalog; readonly source: ArticleSource },
  path: string,
  { signal }: Cancel,
): AsyncGenerator<VerifyProgress | VerifyReport> {
  const entry = context.catalog.find(path);
  if (entry?.kind !== "file") {
    throw new RequestError("NOT_FOUND", `/library/${path} is no file of the library`, {
      hint: "name a file, not a folder; `newsreel ls` shows what is there",
    });
  }
  const map = context.catalog.extents(entry.id);
  const segments = segmentsOf(map);
  const total = segments.length;
  const counts = { present: 0, missing: 0, unknown: 0 };
  const progress = () => ({
    checked: counts.present + counts.missing + counts.unknown,
    total,
    missing: counts.missing,
    unknown: counts.unknown,
  });
  for (let at = 0; at < total; at += CONCURRENCY) {
    const batch = segments.slice(at, at + CONCURRENCY);
    for (const presence of await Promise.all(batch.map((segment) => statPart(context.source, segment, signal)))) {
      counts[presence] += 1;
    }
    yield progress();
  }
  yield { ...progress(), verdict: verdictOf(counts) };
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

function segmentsOf(map: ReturnType<Catalog["extents"]>): readonly Segment[] {
  const segments: Segment[] = [];
  for (let offset = 0; offset < map.size; ) {
    const extent = map.at(offset);
    segments.push(extent.segment);
    offset = extent.end;
  }
  return segments;
}
