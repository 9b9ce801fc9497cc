import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { AddedRelease, Catalog } from "../catalog/catalog.ts";
import type { Job } from "../catalog/jobs.ts";
import type { ArticleSource } from "../nntp/article-source.ts";
import type { NzbParser } from "../nzb/parser-thread.ts";
import { ArticleProbe, type Remember } from "./article-probe.ts";
import { openArchives } from "./open-archives.ts";
import { par2Names } from "./par2-names.ts";
import { planPosts } from "./plan.ts";
import { countOf, draftRelease } from "./release-draft.ts";
import { survey } from "./survey.ts";

export interface ImporterOptions {
  readonly catalog: Catalog;
  readonly parser: Pick<NzbParser, "parse">;
  readonly source: ArticleSource;
  /** Is shown every article that was read. */
  readonly remember?: Remember;
  /** Tried on every archive, after those that the NZB and the request name. */
  readonly passwords?: readonly string[];
  /** Where the built rar3-worker.js lies, when that is not beside the archive code. */
  readonly rarWorker?: URL;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ImportOptions extends Cancel {
  /** Called with a share of the work, 0 to 1, that never shrinks; often. */
  readonly onProgress: (progress: number) => void;
}

export interface Imported {
  readonly release: AddedRelease;
  readonly files: number;
  /** What a person should know of it, in words; undefined when all is as it should be. */
  readonly note: string | undefined;
}

export interface Importer {
  /**
   * Takes a claimed job through all steps; the release and the job's completion appear in one transaction, or nothing does.
   * Rejects with FormatError or ArticleError when the post is at fault, ProviderError when nothing is known of the post,
   * CatalogError or RequestError when the catalog refuses, or the signal's reason.
   */
  run(job: Job, options: ImportOptions): Promise<Imported>;
}

/** Reads few articles, keeps none of their bytes; all jobs share its 36 places for requests. */
export function createImporter(options: ImporterOptions): Importer {
  const { catalog, parser, source, remember, passwords = [], rarWorker, clock, log } = options;
  const probe = new ArticleProbe(source, remember);
  return {
    async run(job, { signal, onProgress }) {
      const { nzb: packed, passwords: given } = catalog.jobs.source(job.id);
      const nzb = await parser.parse({ bytes: packed }, { signal });
      const { mapped, leftOut, par2 } = await survey(planPosts(nzb), { probe, signal, onProgress });
      signal.throwIfAborted();
      for (const { label, failure } of leftOut) {
        log.debug({ job: job.id, file: label, reason: failure?.message }, "small file left out of its release");
      }
      const trueNames = await par2Names(mapped, par2, { probe, signal });
      const known = [...nzb.meta.passwords, ...given, ...passwords];
      const opened = await openArchives(mapped, {
        probe,
        signal,
        trueNames,
        passwords: [...new Set(known)],
        ...(rarWorker === undefined ? {} : { rarWorker }),
      });
      signal.throwIfAborted();
      if (opened.report.length > 0) log.info({ job: job.id, archives: opened.report.slice(0, 20) }, "archives opened");
      const draft = draftRelease(mapped, opened.leaves, { name: job.name, importedAt: clock.wall() });
      const { posts, files } = draft;
      const notes = [...draft.notes, ...opened.notes, ...inShort(opened.report)];
      const { category, name, digest } = job;
      const release = catalog.addRelease({ category, name, digest, posts, files, job: job.id });
      const note = [
        ...(release.isNew ? notes : [`the library has this post already, as ${release.path}`]),
        ...(leftOut.length === 0 ? [] : [`${countOf(leftOut.length, "small file")} left out: nobody has the articles`]),
      ].join("; ");
      return { release, files: files.length, note: note === "" ? undefined : note };
    },
  };
}

/** A season has a set for each episode; a person reads the first. */
function inShort(report: readonly string[]): readonly string[] {
  if (report.length <= 1) return report;
  return [`${report[0]}; and ${countOf(report.length - 1, "archive")} more`];
}
