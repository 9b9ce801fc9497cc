import type { Cancel } from "../base/seekable-file.ts";
import type { Job } from "../catalog/jobs.ts";

export interface Submission extends Cancel {
  /** The NZB, plain or gzip. */
  readonly body: AsyncIterable<Uint8Array>;
  /** As the client calls it, `name{{password}}.nzb` and the like; names the release unless `name` does. */
  readonly fileName: string | undefined;
  readonly name?: string;
  readonly category: string;
  readonly passwords?: readonly string[];
}

/** Every way in ends here. */
export interface Intake {
  /**
   * Reads and checks the NZB and queues it durably before resolving. The same post again is the job that is there already.
   * Rejects with FormatError NZB_MALFORMED or NZB_TOO_LARGE, RequestError BAD_REQUEST for a bad category or name, or the signal's reason.
   */
  submit(submission: Submission): Promise<{ readonly job: Job; readonly isNew: boolean }>;
}
