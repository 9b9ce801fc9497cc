import { timeOfJobId } from "../../src/catalog/job-id.ts";
import type { Job, JobId, JobPriority } from "../../src/catalog/jobs.ts";
import { allOf } from "../../src/catalog/row-list.ts";
import { readHistory } from "../../src/sab/history-rows.ts";
import { readQueue } from "../../src/sab/queue-rows.ts";
import type { QueueWorld } from "./queue-world.ts";

/** What people have done to a job; the rest is up to the product. */
export interface KnownJob {
  readonly id: JobId;
  readonly post: number;
  wish: "run" | "pause" | "cancel" | "remove";
  category: string;
  priority: JobPriority;
  /** Somebody has given it another place than its age does. */
  isMoved: boolean;
  isArchived: boolean;
  /** Somebody has taken its folder away. */
  isTaken: boolean;
}

/** What is known of the whole queue. */
export interface KnownQueue {
  readonly jobs: ReadonlyMap<JobId, KnownJob>;
  readonly isPaused: boolean;
}

const HOUR_MS = 3_600_000;
const HEAD_START_MS: Readonly<Record<JobPriority, number>> = { low: -HOUR_MS, normal: 0, high: HOUR_MS, force: 0 };
const TO_COME: ReadonlySet<Job["state"]> = new Set(["queued", "waiting", "paused"]);
const WHOLE_QUEUE = { start: 0, limit: 0 } as const;
const WHOLE_HISTORY = { states: ["completed", "failed"], isArchive: false, start: 0, limit: 0 } as const;
const PREFIX = "SABnzbd_nzo_";

/** A line of the lists that download clients are given. */
interface Slot {
  readonly nzo_id: string;
  readonly status: string;
  readonly name: string;
  readonly category: string;
}

/** What holds of every queue, whatever was done to it. Each look throws what does not. */
export class QueueInvariants {
  readonly #world: QueueWorld;
  readonly #known: KnownQueue;
  /** Jobs to come in their order, when it was looked at last. */
  #order: readonly JobId[] = [];
  /** States that jobs were seen in. */
  readonly seen = new Set<Job["state"]>();

  constructor(world: QueueWorld, known: KnownQueue) {
    this.#world = world;
    this.#known = known;
  }

  /** At this instant. `touched`: jobs whose place may have changed since the last look. */
  assert(touched: (id: JobId) => boolean): void {
    const { catalog } = this.#world.app;
    const { jobs } = catalog;
    const all = jobs.list({ limit: 10_000 });
    for (const { state } of all) this.seen.add(state);
    const queue = jobs.queue({ limit: 10_000 });
    this.#assertLists(all);
    for (const [state, count] of Object.entries(jobs.counts())) {
      const counted = all.filter((job) => job.state === state).length;
      assert(count === counted, `${count} jobs are said to be ${state}, but ${counted} are`);
      assert(jobs.count({ states: [state as Job["state"]] }) === counted, `a search counts ${state} otherwise`);
    }
    assert(jobs.isPaused === this.#known.isPaused, "the queue has forgotten whether it is paused");
    for (const known of this.#known.jobs.values()) this.#assertJob(known);
    for (const { id } of all) assert(this.#known.jobs.has(id), `nobody has added ${id}`);
    this.#assertOrder(queue, touched);
    this.#order = queue.filter(isToCome).map(({ id }) => id);
  }

  /** What clients are told, unless something happens while they ask. */
  async assertTold(category: string | undefined): Promise<void> {
    const { catalog } = this.#world.app;
    const present = () =>
      JSON.stringify(catalog.jobs.list({ limit: 10_000 }).map(({ id, state, attempts }) => [id, state, attempts]));
    const before = present();
    const json = async (path: string) => JSON.parse((await this.#world.request(path)).body.toString());
    const only = `${category === undefined ? "" : `&cat=${category}`}&apikey=key`;
    const { queue } = await json(`/api?mode=queue&start=0&limit=0${only}`);
    const { history } = await json(`/api?mode=history&start=0&limit=60${only}`);
    const own = await json("/api/v1/queue?limit=500");
    if (present() !== before) return;
    const filter = category === undefined ? {} : { categories: [category] };
    const ids = (slots: readonly Slot[]) => slots.map(({ nzo_id }) => nzo_id.slice(PREFIX.length));
    const coming = allOf(readQueue(catalog, { ...WHOLE_QUEUE, ...filter }).rows).map(({ id }) => id);
    const past = allOf(readHistory(catalog, { ...WHOLE_HISTORY, ...filter }).rows).map(({ id }) => id);
    const told = { queue: ids(queue.slots), length: queue.noofslots, isPaused: queue.paused };
    assertSame(told, { queue: coming, length: coming.length, isPaused: this.#known.isPaused });
    assertSame([ids(history.slots), history.noofslots], [past.slice(0, history.slots.length), past.length]);
    if (category === undefined)
      assertSame(
        own.imports.map(({ id }: Job) => id),
        coming,
      );
    for (const slot of history.slots.slice(0, 3)) await this.#assertFolder(slot);
  }

  /** A job is in one list, unless it was cancelled or archived. */
  #assertLists(all: readonly Job[]): void {
    const { catalog } = this.#world.app;
    const queue = readQueue(catalog, WHOLE_QUEUE);
    const history = readHistory(catalog, WHOLE_HISTORY);
    const lines = [...allOf(queue.rows), ...allOf(history.rows)].map(({ id }): string => id);
    const shown = all.filter(({ state, isArchived }) => state !== "cancelled" && !isArchived).map(({ id }) => id);
    assertSame([...lines].sort(), [...shown].sort());
    assert(queue.totals.jobs === queue.rows.length, `${queue.totals.jobs} rows of the queue are ${queue.rows.length}`);
    assert(history.total === history.rows.length, `${history.total} rows of history are ${history.rows.length}`);
    const bytes = allOf(queue.rows).reduce((sum, job) => sum + job.bytes, 0);
    assert(queue.totals.bytes === bytes, `the queue's ${bytes} bytes are said to be ${queue.totals.bytes}`);
  }

  #assertJob({ id, wish, category, priority, isArchived, isTaken }: KnownJob): void {
    const { jobs, completed } = this.#world.app.catalog;
    const job = jobs.get(id);
    const folder = completed.ofJob(id);
    assert((job === undefined) === (wish === "remove"), `${id} is ${job?.state}, and should ${wish}`);
    if (job === undefined) {
      assert(folder === undefined, `${id} was removed, and its folder is there`);
      return;
    }
    const { state, progress } = job;
    const isAsWished = { pause: state === "paused", cancel: state === "cancelled", remove: false };
    const isLeft = state !== "paused" && state !== "cancelled";
    assert(wish === "run" ? isLeft : isAsWished[wish], `${id} is ${state}, and should ${wish}`);
    assertSame([job.category, job.priority, job.isArchived], [category, priority, isArchived]);
    const isShown = state === "completed" && !isArchived && !isTaken;
    assert((folder !== undefined) === isShown, `${id}, ${state}, has a folder: ${folder !== undefined}`);
    if (folder !== undefined) {
      assert(folder.isReady, `${id} waits to be announced to nobody`);
      assert(completed.find(folder.category, folder.name)?.job === id, `another job has the folder of ${id}`);
    }
    assert(jobs.source(id).nzb.length > 0, `${id} has lost its NZB`);
    assert(
      progress >= 0 && progress <= 1 && (state !== "completed" || progress === 1),
      `${id} is ${state}: ${progress}`,
    );
    assert((state === "waiting") === (job.notBefore !== undefined), `${id}, ${state}, waits for ${job.notBefore}`);
    const isExplained = (job.error !== undefined && job.errorCode !== undefined) === (state === "failed");
    assert(state === "cancelled" || isExplained, `${id}, ${state}: ${job.error} (${job.errorCode})`);
    assert(!job.errorCode?.startsWith("PROVIDER_"), `${id} has failed, though its news server was in trouble`);
  }

  /** First what is imported, then what is forced; within the rest the age, an hour more or less by priority, unless somebody moved it. */
  #assertOrder(queue: readonly Job[], touched: (id: JobId) => boolean): void {
    const { jobs } = this.#world.app.catalog;
    for (const [place, { id }] of queue.entries()) assertSame([id, jobs.positionOf(id)], [id, place]);
    const kinds = queue.map(({ state, priority }) => (state === "importing" ? 0 : priority === "force" ? 1 : 2));
    assert(isAscending(kinds), `what is imported, forced and else comes as ${kinds}`);
    const bornAt = ({ id, priority }: Job) => timeOfJobId(id) - HEAD_START_MS[priority];
    const isByAge = (job: Job) => isToCome(job) && job.priority !== "force" && !this.#known.jobs.get(job.id)?.isMoved;
    assert(
      isAscending(queue.filter(isByAge).map(bornAt)),
      `not in the order of age: ${queue.filter(isByAge).map(bornAt)}`,
    );
    const coming = new Set(queue.filter(isToCome).map(({ id }) => id));
    const before = this.#order.filter((id) => coming.has(id) && !touched(id));
    const kept = new Set(before);
    assertSame(
      [...coming].filter((id) => kept.has(id)),
      before,
    );
  }

  /** What is said to be completed can be listed where it is said to be, unless somebody has taken it away. */
  async #assertFolder({ nzo_id, status, name, category }: Slot): Promise<void> {
    if (status !== "Completed") return;
    const { isTaken } = this.#known.jobs.get(nzo_id.slice(PREFIX.length) as JobId) as KnownJob;
    const path = `/dav/completed/${category}/${encodeURIComponent(name)}/`;
    const answer = await this.#world.request(path, { method: "PROPFIND" });
    // Another of the same name may have come into its place.
    assert(answer.status === 207 || (isTaken && answer.status === 404), `${path} was answered ${answer.status}`);
  }
}

function isToCome({ state }: Job): boolean {
  return TO_COME.has(state);
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((number, at) => at === 0 || (numbers[at - 1] as number) <= number);
}

function assert(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what);
}

function assertSame(found: unknown, wanted: unknown): void {
  const [one, other] = [found, wanted].map((value) => JSON.stringify(value));
  assert(one === other, `${one}\nshould be ${other}`);
}
