import type { Cancel } from "../base/seekable-file.ts";
import type { Job, JobPriority, NewJob } from "../catalog/jobs.ts";

/** What a request may say about what it brings. */
export interface ImportWish {
  /** Names the release; what the NZB and its file say does not count then. */
  readonly name?: string;
  /** Empty for the default one. */
  readonly category: string;
  readonly passwords?: readonly string[];
  /** The category's unless given. */
  readonly priority?: JobPriority;
  /** It waits until somebody resumes it. */
  readonly isPaused?: boolean;
  /** See `NewJob.whenCompleted`. */
  readonly whenCompleted?: NewJob["whenCompleted"];
}

export interface Submission extends ImportWish, Cancel {
  /** The NZB, plain or gzip. */
  readonly body: AsyncIterable<Uint8Array>;
  /** As the client calls it, `name{{password}}.nzb` and the like; names the release unless `name` does. */
  readonly fileName: string | undefined;
  /** See `NewJob.isDropped`. */
  readonly isDropped?: true;
}

export interface Submitted {
  readonly job: Job;
  /** False: the same post was there already. */
  readonly isNew: boolean;
}

/** What became of one NZB of several. */
export interface BundleResult {
  readonly fileName: string | undefined;
  readonly outcome: Submitted | { readonly error: unknown };
}

/** An NZB that is somewhere else. */
export interface FetchRequest extends ImportWish {
  readonly url: string;
}

/** Every way in ends here. */
export interface Intake {
  /**
   * Reads and checks the NZB and queues it durably before resolving. The same post again is the job that is there already.
   * Rejects with FormatError NZB_MALFORMED or NZB_TOO_LARGE, RequestError BAD_REQUEST for a bad category or name, or the signal's reason.
   */
  submit(submission: Submission): Promise<Submitted>;
  /**
   * The same for what may be a ZIP of NZBs, each of which is submitted; a single NZB is a bundle of one. Rejects with FormatError when the
   * ZIP itself cannot be read or holds no NZB; what is wrong with one of its NZBs is that one's result.
   */
  submitBundle(submission: Submission): Promise<readonly BundleResult[]>;
  /** Queues a fetch durably. Throws BAD_REQUEST for what is no http or https URL, or for a bad category or name. */
  submitUrl(request: FetchRequest): Submitted;
}

/** A body that has come, in a file of its own; disposing removes that. */
export interface Received extends AsyncDisposable {
  /** As `Intake.submitBundle`. */
  submit(submission: Omit<Submission, "body">): Promise<readonly BundleResult[]>;
}

/** For whoever knows only after the body what is to become of it. */
export interface Receiver {
  /** Reads a body to its end. Rejects with NZB_MALFORMED when it is empty, NZB_TOO_LARGE, DISK_FULL, its own error, or the signal's reason. */
  receive(body: AsyncIterable<Uint8Array>, cancel: Cancel): Promise<Received>;
}
