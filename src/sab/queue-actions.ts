import { errorCode } from "../base/errors.ts";
import type { Job, JobId, SortKey } from "../catalog/jobs.ts";
import { allOf } from "../catalog/row-list.ts";
import type { CategoryRules } from "../import/category-rules.ts";
import type { ImportQueue } from "../import/import-queue.ts";
import { DEFAULT_CATEGORY } from "../import/wish.ts";
import { wantedCategory } from "./categories.ts";
import { inTurn } from "./in-turn.ts";
import type { ListsCatalog } from "./lists.ts";
import { type SabCall, type SabModes, writes } from "./mode.ts";
import { jobIdOf, nzoId } from "./nzo-id.ts";
import type { PauseTimer } from "./pause-timer.ts";
import { priorityNumber, priorityWish } from "./priorities.ts";
import { namedJobs, rowFilter } from "./queue.ts";
import { readQueue, WHOLE_QUEUE } from "./queue-rows.ts";
import { NO_VALUE, NO_VALUES, NOT_WHOLE, refused } from "./refusal.ts";

export interface QueueActionDeps {
  readonly catalog: ListsCatalog;
  readonly queue: ImportQueue;
  readonly rules: CategoryRules;
  readonly pauseTimer: PauseTimer;
}

/** What can be done to the queue and the jobs in it. */
export function queueActions(deps: QueueActionDeps): SabModes {
  return [
    ["queue delete", writes((call) => deleteJobs(deps, call))],
    ["queue purge", writes((call) => purge(deps, call))],
    ["queue pause", writes((call) => eachOf(deps, call, (id) => deps.queue.pause(id)))],
    ["queue resume", writes((call) => eachOf(deps, call, (id) => deps.queue.resume(id)))],
    ["queue priority", writes((call) => setPriority(deps, call))],
    ["queue rename", writes((call) => rename(deps, call))],
    // There is nothing to shut down or to put to sleep when the queue is empty.
    ["queue change_complete_action", writes(() => ({ status: true }))],
    ["queue sort", writes((call) => sort(deps, call))],
    ["queue delete_nzf", writes(() => refuseDeleteFile())],
    ["change_cat", writes((call) => changeCategory(deps, call))],
    ["switch", writes((call) => switchPlaces(deps, call))],
    ["pause", writes((call) => pauseAll(deps, call))],
    ["resume", writes((call) => resumeAll(deps, call))],
  ];
}

/** Who names jobs means those alone, although SABnzbd does not listen. */
function pauseAll(deps: QueueActionDeps, call: SabCall) {
  if (call.params.text("value") !== "") return eachOf(deps, call, (id) => deps.queue.pause(id));
  deps.pauseTimer.clear();
  deps.queue.pauseAll();
  return { status: true };
}

function resumeAll(deps: QueueActionDeps, call: SabCall) {
  if (call.params.text("value") !== "") return eachOf(deps, call, (id) => deps.queue.resume(id));
  deps.pauseTimer.clear();
  deps.queue.resumeAll();
  return { status: true };
}

/** Ids that are not there are as good as deleted: SABnzbd refuses them, and Sonarr would take that for a failure. */
async function deleteJobs(deps: QueueActionDeps, call: SabCall) {
  const ids = call.params.list("value");
  if (ids.length === 0) throw refused(NO_VALUE);
  if (ids.length === 1 && ids[0]?.toLowerCase() === "all") return await purge(deps, call);
  await eachNamed(deps.catalog, ids, (id) => removeJob(deps, id));
  return { status: true, nzo_ids: ids.map((id) => nzoId(jobIdOf(id))) };
}

async function purge(deps: QueueActionDeps, { params }: SabCall) {
  const { rows } = readQueue(deps.catalog, { ...rowFilter(params), ...WHOLE_QUEUE });
  const jobs = allOf(rows).map(({ id }) => id);
  await inTurn(jobs, (id) => removeJob(deps, id));
  return { status: true, nzo_ids: jobs.map(nzoId) };
}

/** Whatever it is doing ends first. */
function removeJob({ queue }: QueueActionDeps, id: JobId): void {
  passing(() => queue.cancel(id));
  queue.remove(id);
}

async function eachOf({ catalog }: QueueActionDeps, { params }: SabCall, act: (id: JobId) => Job) {
  const ids = params.list("value");
  if (ids.length === 0) throw refused(NO_VALUE);
  const done: JobId[] = [];
  await eachNamed(catalog, ids, (id) => {
    if (passing(() => act(id))) done.push(id);
  });
  return { status: done.length > 0, nzo_ids: done.map(nzoId) };
}

/** Answers with the place of the last one, -1 when there is none of them, as SABnzbd does. */
async function setPriority(deps: QueueActionDeps, { params }: SabCall) {
  const { catalog, queue, rules } = deps;
  const ids = params.list("value");
  if (ids.length === 0 || params.text("value2") === "") throw refused(NO_VALUES);
  const number = params.whole("value2");
  if (number === undefined) throw refused(NOT_WHOLE);
  const { priority, isPaused } = priorityWish(number);
  let last: JobId | undefined;
  await eachNamed(catalog, ids, (id) => {
    const category = catalog.jobs.get(id)?.category ?? DEFAULT_CATEGORY;
    passing(() => (isPaused ? queue.pause(id) : queue.setPriority(id, priority ?? rules.of(category).priority)));
    last = id;
  });
  return { position: (last && catalog.jobs.positionOf(last)) ?? -1 };
}

/** The name may hold a password, too: `name{{password}}`. */
function rename({ catalog, queue }: QueueActionDeps, { params }: SabCall) {
  const [value, name, password] = [params.text("value"), params.text("value2"), params.text("value3")];
  if (value === "" || name === "") throw refused(NO_VALUES);
  const [id] = namedJobs(catalog, [value]);
  if (id === undefined) return { status: false };
  queue.rename(id, name);
  if (password !== "") catalog.jobs.addPasswords(id, [password]);
  return { status: true };
}

const SORT_KEYS: Readonly<Record<string, SortKey>> = {
  name: "name",
  size: "bytes",
  bytes: "bytes",
  remaining: "bytesLeft",
  remaining_bytes: "bytesLeft",
  // How old the post is stands in its NZB alone, which stays packed: how long the job has been here.
  avg_age: "createdAt",
};
/** Once; what comes later is served as always. The youngest is what has the least age. */
async function sort({ queue }: QueueActionDeps, { params }: SabCall) {
  const field = params.text("sort").toLowerCase();
  if (field === "") throw refused(NO_VALUES);
  if (!Object.hasOwn(SORT_KEYS, field)) throw refused("the queue is sorted by name, size, remaining or avg_age");
  const key = SORT_KEYS[field] as SortKey;
  const isDown = params.text("dir").toLowerCase() === "desc";
  await queue.sort(key, key === "createdAt" ? !isDown : isDown);
  return { status: true };
}

function refuseDeleteFile(): never {
  throw refused("a file cannot be taken out of a job", "what is not wanted can be left out by the category's settings");
}

async function changeCategory({ catalog, queue }: QueueActionDeps, { params }: SabCall) {
  const [ids, shown] = [params.list("value"), params.text("value2")];
  if (ids.length === 0 || shown === "") throw refused(NO_VALUE);
  const category = wantedCategory(shown) || DEFAULT_CATEGORY;
  let changed = 0;
  await eachNamed(catalog, ids, (id) => {
    if (passing(() => queue.setCategory(id, category))) changed += 1;
  });
  return { status: changed > 0 };
}

/** `value2` is the job whose place it takes, or that place itself. */
function switchPlaces(deps: QueueActionDeps, { params }: SabCall) {
  const { catalog, queue } = deps;
  const [value, target] = [params.text("value"), params.text("value2")];
  if (value === "" || target === "") throw refused(NO_VALUES);
  const { jobs } = catalog;
  const [id] = namedJobs(catalog, [value]);
  const position = /^\d{1,9}$/.test(target) ? Number(target) : placeOfJob(deps, target);
  const isMoved = id !== undefined && position !== undefined && passing(() => queue.moveTo(id, position));
  if (!isMoved) return { result: { position: -1, priority: 0 } };
  const priority = priorityNumber(jobs.get(id)?.priority ?? "normal");
  return { result: { position: jobs.positionOf(id) ?? -1, priority } };
}

function placeOfJob({ catalog }: QueueActionDeps, given: string): number | undefined {
  const [id] = namedJobs(catalog, [given]);
  return id === undefined ? undefined : catalog.jobs.positionOf(id);
}

/** Does it for each job that a list of ids names, giving way in between; ids of jobs that are gone are passed over. */
async function eachNamed(catalog: ListsCatalog, ids: readonly string[], act: (id: JobId) => void): Promise<void> {
  await inTurn([...new Set(ids)], (given) => {
    for (const id of namedJobs(catalog, [given])) act(id);
  });
}

/** Whether it could be done: a job that is gone by now, or has gone on, is no reason to refuse the others. */
function passing(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (errorCode(error) === "NOT_FOUND" || errorCode(error) === "CONFLICT") return false;
    throw error;
  }
}
