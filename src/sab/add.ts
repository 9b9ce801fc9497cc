import { errorMessage } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { JobId } from "../catalog/jobs.ts";
import { allOf } from "../catalog/row-list.ts";
import type { ImportQueue } from "../import/import-queue.ts";
import type { BundleResult, ImportWish, Intake, Receiver } from "../import/intake.ts";
import { wantedCategory } from "./categories.ts";
import { inTurn } from "./in-turn.ts";
import { type SabCall, type SabModes, takes, writes } from "./mode.ts";
import { nzoId } from "./nzo-id.ts";
import type { Params } from "./params.ts";
import { priorityWish } from "./priorities.ts";
import { namedJobs } from "./queue.ts";
import type { ReceivedFile } from "./received-files.ts";
import { NO_ITEM, NO_VALUE, refused } from "./refusal.ts";

const MOST_RETRIED = 10_000;

export interface AddDeps {
  readonly catalog: Pick<Catalog, "jobs">;
  readonly intake: Pick<Intake, "submitUrl"> & Receiver;
  readonly queue: Pick<ImportQueue, "retry" | "remove">;
  readonly log: Logger;
}

/** Ways into the queue. */
export function addModes(deps: AddDeps): SabModes {
  return [
    ["addfile", takes((call) => addFiles(deps, call))],
    ["addurl", writes((call) => addUrl(deps, call))],
    ["addlocalfile", writes(() => refuseLocalFile())],
    ["retry", takes((call) => retry(deps, call))],
    ["retry_all", writes(() => retryAll(deps))],
  ];
}

/** All NZBs that come with the call. What is wrong with one of several keeps nobody from adding the others. */
async function addFiles({ log }: AddDeps, { params, files, signal }: SabCall) {
  if (files.length === 0) throw refused(NO_VALUE, "send the NZB as a file of a form, in the field name or nzbfile");
  const results: BundleResult[] = [];
  const wish = wishOf(params);
  for (const [index, file] of files.entries()) {
    // The name that was asked for can only be one's.
    const { name, ...rest } = wish;
    results.push(...(await submitted(file, { ...(index === 0 ? wish : rest), signal })));
  }
  return added(results, log);
}

async function submitted(
  { fileName, outcome }: ReceivedFile,
  wish: ImportWish & Cancel,
): Promise<readonly BundleResult[]> {
  if ("error" in outcome) return [{ fileName, outcome }];
  try {
    return await outcome.submit({ ...wish, fileName });
  } catch (error) {
    wish.signal.throwIfAborted();
    return [{ fileName, outcome: { error } }];
  }
}

function added(results: readonly BundleResult[], log: Logger) {
  const ids = results.flatMap(({ outcome }) => ("job" in outcome ? [nzoId(outcome.job.id)] : []));
  const failures = results.flatMap(({ outcome }) => ("error" in outcome ? [outcome.error] : []));
  if (ids.length === 0) throw failures[0];
  for (const error of failures) log.warn({ error: errorMessage(error) }, "one nzb of several was not added");
  return { status: true, nzo_ids: [...new Set(ids)] };
}

/** What is to be fetched is queued; nobody waits for it here. */
function addUrl({ intake }: AddDeps, { params }: SabCall) {
  const url = params.text("name");
  if (url === "") throw refused(NO_VALUE);
  const { job } = intake.submitUrl({ ...wishOf(params), url });
  return { status: true, nzo_ids: [nzoId(job.id)] };
}

/** Scripts and unpack options of the client have no meaning here, and are passed over. */
function wishOf(params: Params): ImportWish {
  const [name, password] = [params.text("nzbname"), params.text("password")];
  const { priority, isPaused } = priorityWish(params.whole("priority"));
  return {
    category: wantedCategory(params.text("cat") || params.text("category")),
    ...(name === "" ? {} : { name }),
    ...(password === "" ? {} : { passwords: [password] }),
    ...(priority === undefined ? {} : { priority }),
    ...(isPaused ? { isPaused } : {}),
    // Whoever asks for a download waits for one that ends after it was asked for.
    whenCompleted: "a new job",
  };
}

function refuseLocalFile(): never {
  throw refused(
    "files of the server's disk are not taken",
    "send the NZB with addfile, or put it into the watch folder",
  );
}

/** A failed job begins anew under its id; with another NZB of it that comes along, as a new job in its place. */
async function retry({ catalog, queue }: AddDeps, { params, files, signal }: SabCall) {
  const [id] = namedJobs(catalog, [params.text("value")]);
  const job = id === undefined ? undefined : catalog.jobs.get(id);
  if (id === undefined || job === undefined) throw refused(NO_ITEM);
  const password = params.text("password");
  const passwords = password === "" ? [] : [password];
  const [file] = files;
  if (file === undefined) return { status: true, nzo_id: nzoId(queue.retry(id, passwords).id) };
  const { name, category, priority } = job;
  const wish = { name, category, priority, passwords, whenCompleted: "a new job", signal } as const;
  const results = await submitted(file, wish);
  const another = results.flatMap(({ outcome }) => ("job" in outcome ? [outcome.job] : []))[0];
  if (another === undefined) throw results.flatMap(({ outcome }) => ("error" in outcome ? [outcome.error] : []))[0];
  if (another.id !== id) queue.remove(id);
  return { status: true, nzo_id: nzoId(another.id) };
}

async function retryAll({ catalog, queue, log }: AddDeps) {
  const failed = allOf(catalog.jobs.pressing({ states: ["failed"], limit: MOST_RETRIED })).map(({ id }) => id);
  const begun: string[] = [];
  await inTurn(failed, (id) => {
    if (isBegun(id, queue, log)) begun.push(nzoId(id));
  });
  return { status: begun };
}

function isBegun(id: JobId, queue: AddDeps["queue"], log: Logger): boolean {
  try {
    queue.retry(id);
    return true;
  } catch (error) {
    log.info({ job: id, error: errorMessage(error) }, "a failed import cannot begin anew");
    return false;
  }
}
