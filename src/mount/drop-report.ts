import { createHash } from "node:crypto";
import { AppError, errorMessage } from "../base/errors.ts";
import type { Entry } from "../catalog/catalog.ts";
import type { Job, JobState } from "../catalog/jobs.ts";
import type { DavEntry } from "../webdav/tree.ts";
import { dismissedJob } from "./dead-properties.ts";

const MAX_NAME_BYTES = 255;
const NZB = /.\.nzb(?:\.gz)?$/is;
const REPORT = /^(.+\.nzb(?:\.gz)?)\.(?:progress|error)\.txt$/is;

const WORDS: Readonly<Partial<Record<JobState, string>>> = {
  queued: "queued: it is imported when its turn comes",
  waiting: "waiting: it is tried again by itself",
  importing: "importing",
  paused: "paused: it goes on when somebody says so",
};

/** Whether a file of this name is imported. */
export function isNzbName(name: string): boolean {
  return NZB.test(name);
}

/** The NZB that a text of this name would be about. */
export function reportedNzb(name: string): string | undefined {
  return REPORT.exec(name)?.[1];
}

/** The NZBs whose text may follow a name although they themselves do not: what the name begins with. At most a few dozen. */
export function nzbsBefore(name: string): readonly string[] {
  return [...name.matchAll(/\.nzb(?=(\.gz)?)/gi)].flatMap((match) => {
    const plain = name.slice(0, match.index + match[0].length);
    return match[1] === undefined ? [plain] : [plain, plain + match[1]];
  });
}

/** The name of the text that says why an NZB was not imported; undefined when no file could be called so. */
export function errorTextName(nzb: string): string | undefined {
  return fitting(`${nzb}.error.txt`);
}

/** That text for an NZB that was refused when it came. */
export function refusalText(nzb: string, error: unknown): string {
  const hint = error instanceof AppError ? error.hint : undefined;
  return lines([`${nzb} was not imported, and is not kept.`, errorMessage(error), hint]);
}

/** The text beside a dropped NZB that tells of its import, while there is something to tell. */
export function dropReport(entry: Entry, job: Job | undefined): DavEntry | undefined {
  if (job === undefined || job.state === "completed" || !isNzbName(entry.name)) return undefined;
  const hasEnded = isEnded(job);
  if (hasEnded && dismissedJob(entry.properties) === job.id) return undefined;
  const name = hasEnded ? errorTextName(entry.name) : fitting(`${entry.name}.progress.txt`);
  if (name === undefined) return undefined;
  const content = Buffer.from(hasEnded ? errorText(entry.name, job) : progressText(job));
  return {
    kind: "resource",
    name,
    size: content.length,
    createdAt: job.createdAt,
    modifiedAt: job.updatedAt,
    etag: `job-${job.updatedAt.toString(36)}-${createHash("sha1").update(content).digest("base64url").slice(0, 16)}`,
    contentType: "text/plain; charset=utf-8",
    content,
  };
}

/** Whether the text that a job has tells of an error. */
export function isEnded({ state }: Job): boolean {
  return state === "failed" || state === "cancelled";
}

function progressText(job: Job): string {
  return lines([
    `state: ${WORDS[job.state] ?? job.state}`,
    `done: ${Math.floor(job.progress * 100)} %`,
    job.reason === undefined ? undefined : `reason: ${job.reason}`,
    `since: ${time(job.createdAt)}`,
    `last change: ${time(job.updatedAt)}`,
    job.notBefore === undefined ? undefined : `next try: ${time(job.notBefore)}`,
  ]);
}

function errorText(nzb: string, job: Job): string {
  const again = "To try again, put the NZB here once more.";
  if (job.state === "cancelled") {
    return lines([`The import of ${nzb} was cancelled.`, job.reason, again, `since: ${time(job.updatedAt)}`]);
  }
  return lines([`${nzb} could not be imported.`, job.error, job.hint, again, `since: ${time(job.updatedAt)}`]);
}

function lines(all: readonly (string | undefined)[]): string {
  return `${all.filter((line) => line !== undefined).join("\n")}\n`;
}

function time(at: number): string {
  return new Date(at).toISOString();
}

function fitting(name: string): string | undefined {
  return Buffer.byteLength(name) <= MAX_NAME_BYTES ? name : undefined;
}
