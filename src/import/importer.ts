import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { AddedRelease, Catalog, NewFile, NewRelease } from "../catalog/catalog.ts";
import type { Job } from "../catalog/jobs.ts";
import type { ArticleSource } from "../nntp/article-source.ts";
import type { NzbParser } from "../nzb/parser-thread.ts";
import { checkArticles } from "./article-check.ts";
import { ArticleProbe, type Remember } from "./article-probe.ts";
import type { CategoryRule, CategoryRules } from "./category-rules.ts";
import { chosenFiles } from "./chosen-files.ts";
import { openArchives } from "./open-archives.ts";
import { par2Names } from "./par2-names.ts";
import { planPosts } from "./plan.ts";
import { countOf, draftRelease, type MappedPost, postsOf, releaseOfFiles } from "./release-draft.ts";
import { survey } from "./survey.ts";
import { assertPayload } from "./wanted-payload.ts";

export interface ImporterOptions {
  readonly catalog: Catalog;
  readonly parser: Pick<NzbParser, "parse">;
  readonly source: ArticleSource;
  /** Looked at anew for each job. */
  readonly rules: CategoryRules;
  /** Whether somebody must be told of a release before its job counts as completed: see `NewRelease.mustAnnounce`. */
  readonly mustAnnounce: () => boolean;
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
   * Takes a claimed job through all steps; the release and the job's completion appear in one transaction, or nothing does. The release
   * is a folder in that of its category, called as the job is: what the request asked for, else the first of the NZB's title, the NZB's
   * own name and what its files have in common that says something, made safe for every file system (`releaseName`). Where that name
   * is taken by another release it becomes `name (2)`, `name (3)` and so on, in the order in which they are completed. A post that is in the
   * library already stays where and what it is, whatever the job is called, and nothing is asked for.
   * Rejects with FormatError or ArticleError when the post is at fault or not what its category wants, ProviderError when nothing is
   * known of the post, CatalogError or RequestError when the catalog refuses, or the signal's reason.
   */
  run(job: Job, options: ImportOptions): Promise<Imported>;
}

/** What the survey is of the whole work, by what follows it. */
const SURVEY_SHARE: Readonly<Record<CategoryRule["check"], number>> = { none: 1, sampled: 0.7, all: 0.1 };

/** Reads few articles, keeps none of their bytes; all jobs share its places for requests. */
export function createImporter(options: ImporterOptions): Importer {
  const { catalog, parser, source, rules, mustAnnounce, remember, passwords = [], rarWorker, clock, log } = options;
  const probe = new ArticleProbe(source, remember);

  /** The category may have been changed since the job was claimed. */
  function complete({ id, name, digest, category }: Job, content: Pick<NewRelease, "posts" | "files">): AddedRelease {
    const { folder } = rules.of(catalog.jobs.get(id)?.category ?? category);
    const announced = mustAnnounce() ? ({ mustAnnounce: true } as const) : {};
    return catalog.addRelease({ category: folder, name, digest, ...content, job: id, ...announced });
  }

  return {
    async run(job, { signal, onProgress }) {
      const there = catalog.releaseOf(job.digest);
      if (there !== undefined) {
        const release = complete(job, { posts: [], files: [] });
        return { release, files: catalog.releaseFiles(there.id).length, note: inLibrary(release) };
      }
      const rule = rules.of(job.category);
      const surveyShare = SURVEY_SHARE[rule.check];
      const { nzb: packed, passwords: given } = catalog.jobs.source(job.id);
      const nzb = await parser.parse({ bytes: packed }, { signal });
      const { mapped, leftOut, par2 } = await survey(planPosts(nzb), {
        probe,
        signal,
        onProgress: (progress) => onProgress(progress * surveyShare),
      });
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
      const drafted = opened.leaves.map(({ file: { size }, kind }, at) => ({
        file: draft.files[at] as NewFile,
        size,
        kind,
      }));
      const chosen = chosenFiles(drafted, rule);
      assertPayload(chosen.files, rule.payload);
      const files = chosen.files.map(({ file }) => file);
      const lost = await checkArticles(mappedUnder(files, mapped), {
        rule,
        probe,
        clock,
        signal,
        onProgress: (progress) => onProgress(surveyShare + progress * (1 - surveyShare)),
      });
      signal.throwIfAborted();
      const release = complete(job, releaseOfFiles(draft, files));
      const notes = release.isNew
        ? [draft.notes, opened.notes, inShort(opened.report), chosen.notes, lost ?? []].flat()
        : [inLibrary(release)];
      if (leftOut.length > 0) notes.push(`${countOf(leftOut.length, "small file")} left out: nobody has the articles`);
      return { release, files: files.length, note: notes.length === 0 ? undefined : notes.join("; ") };
    },
  };
}

/** The posts that the bytes of these files lie in. */
function mappedUnder(files: readonly NewFile[], mapped: readonly MappedPost[]): readonly MappedPost[] {
  const used = postsOf(files);
  return mapped.filter((_, post) => used.has(post));
}

function inLibrary({ path }: AddedRelease): string {
  return `the library has this post already, as ${path}`;
}

/** A season has a set for each episode; a person reads the first. */
function inShort(report: readonly string[]): readonly string[] {
  if (report.length <= 1) return report;
  return [`${report[0]}; and ${countOf(report.length - 1, "archive")} more`];
}
