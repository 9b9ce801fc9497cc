import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { FormatError, RequestError } from "../../src/base/errors.ts";
import type { JobStore } from "../../src/catalog/jobs.ts";
import type { FetchRequest, ImportWish, Intake, Submission } from "../../src/import/intake.ts";

interface MemoryIntake extends Intake {
  /** What was asked, in order. */
  readonly submissions: Submission[];
  readonly fetches: FetchRequest[];
  /** Bytes taken from the body of the last submission. */
  received: number;
  /** How the last submission ends. */
  last: ReturnType<Intake["submit"]> | undefined;
}

/** An intake that keeps its promises in the simplest way: everything that begins like an NZB is queued under the hash of its bytes. */
export function memoryIntake(jobs: JobStore, maxBytes: number): MemoryIntake {
  const intake: MemoryIntake = {
    submissions: [],
    fetches: [],
    received: 0,
    last: undefined,
    submit(submission) {
      intake.submissions.push(submission);
      intake.received = 0;
      intake.last = take(submission);
      return intake.last;
    },
    /** A bundle is two NZBs one after the other. */
    async submitBundle(submission) {
      const { job, isNew } = await intake.submit(submission);
      const whole = { fileName: submission.fileName, outcome: { job, isNew } };
      if (!job.name.startsWith("bundle")) return [whole];
      return [whole, { fileName: "broken.nzb", outcome: { error: new FormatError("NZB_MALFORMED", "it has no end") } }];
    },
    submitUrl(request) {
      intake.fetches.push(request);
      return jobs.addFetch({ ...wishOf(request), name: request.name ?? "", url: request.url });
    },
  };

  async function take(submission: Submission): ReturnType<Intake["submit"]> {
    if (submission.category.includes("/")) throw new RequestError("BAD_REQUEST", "a category is one name");
    const chunks: Uint8Array[] = [];
    for await (const chunk of submission.body) {
      intake.received += chunk.length;
      if (intake.received > maxBytes) throw new FormatError("NZB_TOO_LARGE", "the nzb is too large");
      chunks.push(Uint8Array.from(chunk));
    }
    const raw = Buffer.concat(chunks);
    const nzb = raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw;
    if (!nzb.includes("</nzb>"))
      throw new FormatError("NZB_MALFORMED", "the nzb has no end", { hint: "fetch it again" });
    return jobs.add({
      ...wishOf(submission),
      name: submission.name ?? submission.fileName ?? "unnamed",
      nzbName: submission.fileName,
      digest: createHash("sha256").update(nzb).digest("hex"),
      nzb: raw,
      bytes: nzb.length,
    });
  }
  return intake;
}

function wishOf({ category, passwords = [], priority, isPaused }: ImportWish) {
  return {
    category,
    passwords,
    ...(priority === undefined ? {} : { priority }),
    ...(isPaused === undefined ? {} : { isPaused }),
  };
}
