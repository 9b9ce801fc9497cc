import type { Clock } from "../base/clock.ts";
import { errorCode } from "../base/errors.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Job } from "../catalog/jobs.ts";
import type { NzbFile } from "../nzb/nzb.ts";
import type { NzbParser } from "../nzb/parser-thread.ts";
import { age, megabytes } from "./figures.ts";
import { reads, type SabCall, type SabModes } from "./mode.ts";
import { namedJobs } from "./queue.ts";
import { NO_VALUE, refused } from "./refusal.ts";

export interface FilesDeps {
  readonly catalog: Pick<Catalog, "jobs">;
  readonly parser: Pick<NzbParser, "parse">;
  readonly clock: Clock;
}

const MOST_FILES = 10_000;

/** `get_files`: what a job's NZB lists. */
export function filesModes(deps: FilesDeps): SabModes {
  return [["get_files", reads((call) => filesOf(deps, call))]];
}

async function filesOf({ catalog, parser, clock }: FilesDeps, { params, signal }: SabCall) {
  const value = params.text("value");
  if (value === "") throw refused(NO_VALUE);
  const [id] = namedJobs(catalog, [value]);
  const job = id === undefined ? undefined : catalog.jobs.get(id);
  const bytes = job === undefined ? undefined : nzbOf(catalog, job);
  if (job === undefined || bytes === undefined) return { files: [] };
  const { files } = await parser.parse({ bytes }, { signal });
  const now = clock.wall();
  return { files: files.slice(0, MOST_FILES).map((file, index) => line(file, index, job, now)) };
}

/** undefined while it is still to be fetched. */
function nzbOf({ jobs }: FilesDeps["catalog"], { id }: Job): Buffer | undefined {
  try {
    return jobs.source(id).nzb;
  } catch (error) {
    if (errorCode(error) === "NOT_FOUND") return undefined;
    throw error;
  }
}

function line({ name, subject, postedAt, segments }: NzbFile, index: number, job: Job, now: number) {
  const bytes = segments.packed.encodedSizes.reduce((sum, size) => sum + size, 0);
  return {
    filename: name ?? subject,
    mbleft: megabytes(job.state === "completed" ? 0 : bytes * (1 - job.progress)),
    mb: megabytes(bytes),
    bytes: bytes.toFixed(2),
    age: postedAt === undefined ? "-" : age(now - postedAt),
    nzf_id: `SABnzbd_nzf_${index + 1}`,
    status: job.state === "completed" ? "finished" : job.state === "importing" ? "active" : "queued",
  };
}
