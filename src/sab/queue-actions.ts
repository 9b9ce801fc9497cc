import { errorCode } from "../base/errors.ts";
import type { Job, JobId } from "../catalog/jobs.ts";
import type { CategoryRules } from "../import/category-rules.ts";
import type { ImportQueue } from "../import/import-queue.ts";
import { DEFAULT_CATEGORY } from "../import/wish.ts";
import { wantedCategory } from "./categories.ts";
import { inTurn } from "./in-turn.ts";
import { type ListsCatalog, readQueue } from "./lists.ts";
import { type SabCall, type SabModes, writes } from "./mode.ts";
import { jobIdOf, nzoId } from "./nzo-id.ts";
import type { PauseTimer } from "./pause-timer.ts";
import { priorityNumber, priorityWish } from "./priorities.ts";
import { namedJobs, rowFilter } from "./queue.ts";
import { NO_VALUE, NO_VALUES, NOT_WHOLE, notImplemented, refused } from "./refusal.ts";

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
    ["queue sort", writes(notImplemented)],
    ["queue delete_nzf", writes(notImplemented)],
    ["change_cat", writes((call) => changeCategory(deps, call))],
    ["switch", writes((call) => switchPlaces(deps, call))],
    ["pause", writes(() => pauseAll(deps))],
    ["resume", writes(() => resumeAll(deps))],
  ];
}

function pauseAll({ queue, pauseTimer }: QueueActionDeps) {
  pauseTimer.clear();
  queue.pauseAll();
  return { status: true };
}

function resumeAll({ queue, pauseTimer }: QueueActionDeps) {
  pauseTimer.clear();
  queue.resumeAll();
  return { status: true };
}

/** Ids that are not there are as good as deleted: SABnzbd refuses them, and Sonarr would take that for a failure. */
async function deleteJobs(deps: QueueActionDeps, call: SabCall) {
  const ids = call.params.list("value");
  if (ids.length === 0) throw refused(NO_VALUE);
  if (ids.length === 1 && ids[0]?.toLowerCase() === "all") return await purge(deps, call);
  await inTurn(namedJobs(deps.catalog, ids), (id) => removeJob(deps, id));
  return { status: true, nzo_ids: ids.map((id) => nzoId(jobIdOf(id) as JobId)) };
}

async function purge(deps: QueueActionDeps, { params }: SabCall) {
  const jobs = readQueue(deps.catalog, rowFilter(params)).map(({ id }) => id);
  await inTurn(jobs, (id) => removeJob(deps, id));
  return { status: true, nzo_ids: jobs.map(nzoId) };
}

/** Whatever it is doing ends first. */
function removeJob({ queue }: QueueActionDeps, id: JobId): void {
  passing(() => queue.cancel(id));
  queue.remove(id);
}

function eachOf({ catalog }: QueueActionDeps, { params }: SabCall, act: (id: JobId) => Job) {
  const ids = params.list("value");
  if (ids.length === 0) throw refused(NO_VALUE);
  const done = namedJobs(catalog, ids).filter((id) => passing(() => act(id)));
  return { status: done.length > 0, nzo_ids: done.map(nzoId) };
}

/** Answers with the place of the last one, -1 when there is none of them, as SABnzbd does. */
function setPriority(deps: QueueActionDeps, { params }: SabCall) {
  const { catalog, queue, rules } = deps;
  const ids = params.list("value");
  if (ids.length === 0 || params.text("value2") === "") throw refused(NO_VALUES);
  const number = params.whole("value2");
  if (number === undefined) throw refused(NOT_WHOLE);
  const { priority, isPaused } = priorityWish(number);
  let position = -1;
  for (const id of namedJobs(catalog, ids)) {
    const category = catalog.jobs.get(id)?.category ?? DEFAULT_CATEGORY;
    passing(() => (isPaused ? queue.pause(id) : queue.setPriority(id, priority ?? rules.of(category).priority)));
    position = catalog.jobs.positionOf(id) ?? position;
  }
  return { position };
}

/** A job keeps the name that it came with; what can be changed here is its password. */
function rename({ catalog }: QueueActionDeps, { params }: SabCall) {
  const [value, name, password] = [params.text("value"), params.text("value2"), params.text("value3")];
  if (value === "" || name === "") throw refused(NO_VALUES);
  const [id] = namedJobs(catalog, [value]);
  if (id === undefined) return { status: false };
  if (name !== catalog.jobs.get(id)?.name) {
    throw refused("a job cannot be renamed", "give the name when it is added, as nzbname");
  }
  if (password !== "") catalog.jobs.addPasswords(id, [password]);
  return { status: true };
}

function changeCategory({ catalog, queue }: QueueActionDeps, { params }: SabCall) {
  const [ids, shown] = [params.list("value"), params.text("value2")];
  if (ids.length === 0 || shown === "") throw refused(NO_VALUE);
  const category = wantedCategory(shown) || DEFAULT_CATEGORY;
  const changed = namedJobs(catalog, ids).filter((id) => passing(() => queue.setCategory(id, category)));
  return { status: changed.length > 0 };
}

/** `value2` is the job whose place it takes, or that place itself. */
function switchPlaces({ catalog, queue }: QueueActionDeps, { params }: SabCall) {
  const [value, target] = [params.text("value"), params.text("value2")];
  if (value === "" || target === "") throw refused(NO_VALUES);
  const { jobs } = catalog;
  const [id] = namedJobs(catalog, [value]);
  const position = /^\d{1,9}$/.test(target) ? Number(target) : jobs.positionOf(jobIdOf(target) as JobId);
  const isMoved = id !== undefined && position !== undefined && passing(() => queue.moveTo(id, position));
  if (!isMoved) return { result: { position: -1, priority: 0 } };
  const priority = priorityNumber(jobs.get(id)?.priority ?? "normal");
  return { result: { position: jobs.positionOf(id) ?? -1, priority } };
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
