/**
 * Every way in ends here: a body is spooled, parsed, packed, queued, and its file removed in any case. What has come for a job that waits
 * for its NZB goes the same way.
 */
import { Limiter } from "../base/limiter.ts";
import type { JobStore, NewJob } from "../catalog/jobs.ts";
import type { NzbParser } from "../nzb/parser-thread.ts";
import { isZip, openBundle } from "./bundle.ts";
import type { CategoryRules } from "./category-rules.ts";
import type { BundleResult, Intake, Receiver, Submission, Submitted } from "./intake.ts";
import { releaseName } from "./names.ts";
import { type NzbNames, type ReadNzb, readNzb } from "./read-nzb.ts";
import { Spool, type SpooledFile } from "./spool.ts";
import { type CheckedWish, checkedUrl, checkedWish } from "./wish.ts";

export interface IntakeOptions {
  /** The spool folder is made in it. */
  readonly dataDir: string;
  readonly jobs: Pick<JobStore, "add" | "addFetch">;
  readonly parser: Pick<NzbParser, "parse">;
  /** Of one body as it is sent, so of the packed bytes when it is packed. */
  readonly maxNzbBytes: number;
  readonly rules: CategoryRules;
  /** Called after a new job was committed. */
  readonly onQueued: () => void;
  /** Called after a new job was committed whose NZB is to be fetched. */
  readonly onFetch: () => void;
}

/** What was fetched for a job that is there already. What the submission asks for is for the others of a ZIP. */
export interface Delivery extends Submission {
  /** What whoever sent it calls it. */
  readonly statedName: string | undefined;
  /** Gives the job its NZB: the first that could be read. */
  readonly settle: (nzb: ReadNzb) => Submitted;
}

export interface SpooledIntake extends Intake, Receiver {
  /** As `submitBundle`, but the first NZB that can be read becomes the job that waits for it. */
  deliver(delivery: Delivery): Promise<readonly BundleResult[]>;
}

/** NZBs that are parsed and packed at once; each is held in memory, packed. */
const AT_ONCE = 2;

type Asked = Omit<Submission, "body">;

interface Taking {
  readonly submission: Asked;
  readonly wish: CheckedWish;
  readonly names: NzbNames;
  readonly settle: (nzb: ReadNzb) => Submitted;
}

/** Makes the spool folder, empty. Rejects with the file system's error when it cannot. */
export async function createIntake(options: IntakeOptions): Promise<SpooledIntake> {
  const { dataDir, jobs, parser, maxNzbBytes, rules, onQueued, onFetch } = options;
  const spool = await Spool.open(dataDir);
  const places = new Limiter(AT_ONCE);

  function queue({ source, name, passwords }: ReadNzb, { submission, wish }: Taking): Submitted {
    const { whenCompleted, isDropped } = submission;
    const asked = { ...(whenCompleted && { whenCompleted }), ...(isDropped && { isDropped }) };
    const job: NewJob = { ...wish, ...source, name, passwords, ...asked };
    const added = jobs.add(job);
    if (added.isNew) onQueued();
    return added;
  }

  function prepared(submission: Asked, statedName?: string): Taking {
    const wish = checkedWish(submission, rules);
    const names = { requested: wish.name, stated: statedName, fileName: submission.fileName };
    const taking: Taking = { submission, wish, names, settle: (nzb) => queue(nzb, taking) };
    return taking;
  }

  async function take(file: SpooledFile, { submission, wish, names, settle }: Taking): Promise<Submitted> {
    const { signal } = submission;
    using _place = await places.acquire({ signal });
    return settle(await readNzb(file, { parser, maxBytes: maxNzbBytes, names, passwords: wish.passwords, signal }));
  }

  async function takeBody({ body, signal }: Submission, taking: Taking): Promise<readonly BundleResult[]> {
    await using file = await spool.keep(body, { signal, maxBytes: maxNzbBytes });
    return await takeAll(file, taking);
  }

  async function takeAll(file: SpooledFile, taking: Taking): Promise<readonly BundleResult[]> {
    const { submission, names } = taking;
    const { signal } = submission;
    if (!isZip(file.magic)) return [await resultOf(names.fileName, take(file, taking), signal)];
    using bundle = await openBundle(file.path, maxNzbBytes);
    const isAlone = bundle.nzbs.length === 1;
    const results: BundleResult[] = [];
    for (const { fileName, open } of bundle.nzbs) {
      // What the whole is called says nothing about each of several.
      const own = { requested: undefined, ...(isAlone && names), fileName };
      const taken = (async () => {
        await using nzb = await spool.keep(open(), { signal, maxBytes: maxNzbBytes });
        return await take(nzb, { ...taking, names: own });
      })();
      results.push(await resultOf(fileName, taken, signal));
    }
    return results;
  }

  return {
    async submit(submission) {
      const taking = prepared(submission);
      await using file = await spool.keep(submission.body, { signal: submission.signal, maxBytes: maxNzbBytes });
      return await take(file, taking);
    },

    submitBundle: async (submission) => await takeBody(submission, prepared(submission)),

    async receive(body, { signal }) {
      const file = await spool.keep(body, { signal, maxBytes: maxNzbBytes });
      return {
        submit: async (submission) => await takeAll(file, prepared(submission)),
        [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
      };
    },

    async deliver(delivery) {
      const taking = prepared(delivery, delivery.statedName);
      let isSettled = false;
      const settle = (nzb: ReadNzb): Submitted => {
        if (isSettled) return taking.settle(nzb);
        const settled = delivery.settle(nzb);
        isSettled = true;
        return settled;
      };
      return await takeBody(delivery, { ...taking, settle });
    },

    submitUrl(request) {
      const url = checkedUrl(request.url);
      const { whenCompleted } = request;
      const { name: asked, ...wish } = checkedWish(request, rules);
      const isNamed = asked !== undefined;
      // Until the NZB says more.
      const requested = asked ?? `NZB from ${new URL(url).hostname}`;
      const name = releaseName({ requested, title: undefined, nzbName: undefined, files: [] });
      const added = jobs.addFetch({ ...wish, name, isNamed, url, ...(whenCompleted && { whenCompleted }) });
      if (added.isNew) onFetch();
      return added;
    },
  };
}

async function resultOf(
  fileName: string | undefined,
  taken: Promise<Submitted>,
  signal: AbortSignal,
): Promise<BundleResult> {
  try {
    return { fileName, outcome: await taken };
  } catch (error) {
    signal.throwIfAborted();
    return { fileName, outcome: { error } };
  }
}
