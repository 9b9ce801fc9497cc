import { type Job, type JobId, PRIORITIES } from "../../src/catalog/jobs.ts";
import type { Answer } from "./fixture.ts";
import { type KnownJob, type KnownQueue, QueueInvariants } from "./queue-invariants.ts";
import type { QueueWorld } from "./queue-world.ts";

type Acts = Readonly<Record<string, () => Promise<unknown>>>;

const CATEGORIES = ["tv", "movies"] as const;
const POSTS = 14;
const KEY = "apikey=key&output=json";
/** With what a step begins more often than chance would have it. */
const ADD_SHARE = 0.3;
const FOR_ALL_SHARE = 0.2;
/** Longer than any job waits after trouble. */
const LONGEST_WAIT_MS = 2 * 3_600_000;

/** Does random things to a queue whose jobs run meanwhile, as people and download clients would, and looks at all of it after each. */
export class QueueModel implements KnownQueue {
  readonly #world: QueueWorld;
  readonly #random: () => number;
  readonly jobs = new Map<JobId, KnownJob>();
  isPaused = false;
  /** How often each thing was done. */
  readonly done: Record<string, number> = {};
  readonly invariants: QueueInvariants;
  /** Jobs, and posts with their categories, that something is done to in this step. */
  readonly #busy = new Set<string>();
  #isSorted = false;

  constructor(world: QueueWorld, random: () => number) {
    this.#world = world;
    this.#random = random;
    this.invariants = new QueueInvariants(world, this);
  }

  /** One thing for all, or up to three at once for one job each. Throws what does not hold afterwards. */
  async step(): Promise<void> {
    if (this.#random() < FOR_ALL_SHARE) await this.#do(this.#forAll);
    else await Promise.all(Array.from({ length: 1 + this.#below(3) }, () => this.#do(this.#forOne)));
    this.invariants.assert((id) => this.#isSorted || this.#busy.has(id));
    this.#busy.clear();
    this.#isSorted = false;
    await this.invariants.assertTold(this.#random() < 0.3 ? this.#one(CATEGORIES) : undefined);
  }

  /** Lets everything run, and time with it, until nothing is left to be done. */
  async settle(): Promise<void> {
    this.#world.server.behave({ loginRefusal: undefined, fractions: {} });
    await this.#post("/api/v1/queue/resume");
    this.isPaused = false;
    for (const known of this.jobs.values()) if (known.wish === "pause") await this.#tell(known, "resume", "run");
    const { jobs } = this.#world.app.catalog;
    for (let turns = 0; jobs.queue({ limit: 1 }).length > 0; turns += 1) {
      if (turns > 2_000) throw new Error(`jobs do not end: ${JSON.stringify(jobs.queue({ limit: 5 }))}`);
      await pause(5);
      // What is under way would run out of time.
      if (jobs.counts().importing === 0) this.#world.clock.skip(LONGEST_WAIT_MS);
    }
    this.invariants.assert(() => true);
    await this.invariants.assertTold(undefined);
  }

  /** Takes all that has ended out of the history, and everything out of the trash. */
  async tidy(): Promise<void> {
    const { trash } = this.#world.app.catalog;
    for (const known of this.jobs.values()) {
      if (known.wish === "remove") continue;
      await this.#post(`/api/v1/imports/${known.id}/archive`);
      known.isArchived = true;
    }
    for (const { id } of trash.list({ limit: 1_000 })) await this.#ask(`/api/v1/trash/${id}`, "DELETE");
    this.invariants.assert(() => true);
  }

  readonly #forAll: Acts = {
    pauseOrResume: async () => {
      const verb = this.#random() < 0.35 ? "pause" : "resume";
      await this.#post(this.#one([`/api/v1/queue/${verb}`, `/api?mode=${verb}&${KEY}`]));
      this.isPaused = verb === "pause";
    },
    sort: async () => {
      const [key, dir] = [this.#one(["name", "size", "avg_age"]), this.#one(["asc", "desc"])];
      await this.#post(`/api?mode=queue&name=sort&sort=${key}&dir=${dir}&${KEY}`);
      this.#isSorted = true;
      for (const known of this.jobs.values()) known.isMoved = true;
    },
    restart: () => this.#world.restart(),
    provider: async () => {
      const isDown = this.#random() < 0.35;
      this.#world.server.behave({ loginRefusal: isDown ? "502 no permission" : undefined });
      this.#world.server.drop("all");
    },
    timePasses: async () => {
      this.#world.clock.skip(5_000 + this.#below(60_000));
      await pause(20 + this.#below(60));
    },
    limits: () => this.#post(`/api/v1/admission?maxJobs=${1 + this.#below(12)}`),
    twiceAtOnce: async () => {
      const [post, category] = [this.#below(POSTS), this.#one(CATEGORIES)];
      await Promise.all(Array.from({ length: 8 }, () => this.#add(post, category, "")));
    },
    emptyCategory: () => this.#remove(`library/${this.#one(CATEGORIES)}`),
    restore: async () => {
      for (const { id } of this.#world.app.catalog.trash.list({ limit: 1 }))
        await this.#post(`/api/v1/trash/${id}/restore`);
    },
    purge: async () => {
      for (const { id } of this.#world.app.catalog.trash.list({ limit: 2 }))
        await this.#ask(`/api/v1/trash/${id}`, "DELETE");
    },
  };

  readonly #forOne: Acts = {
    add: async () => {
      const [post, category] = [this.#below(POSTS), this.#one(CATEGORIES)];
      const wish = this.#one(["", "", "&paused=1", "&priority=high", "&priority=low", "&priority=force"]);
      if (!this.#isBusy(`${post} ${category}`)) await this.#add(post, category, wish);
    },
    pause: () => this.#tell(this.#anyone("importing", "waiting"), "pause", "pause"),
    resume: () => this.#tell(this.#anyone("paused", "waiting"), "resume", "run"),
    cancel: () => this.#tell(this.#anyone("importing", "failed"), "cancel", "cancel"),
    retry: () => this.#tell(this.#anyone("failed", "cancelled"), "retry", "run"),
    archive: async () => {
      const known = this.#anyone("failed", "completed");
      if (await this.#tell(known, "archive")) Object.assign(known as KnownJob, { isArchived: true });
    },
    priority: async () => {
      const [known, priority] = [this.#anyone(), this.#one(PRIORITIES)];
      const isSet = await this.#tell(known, `priority?value=${priority}`);
      if (isSet) Object.assign(known as KnownJob, { priority, isMoved: false });
    },
    category: async () => {
      const [known, category] = [this.#anyone(), this.#one(CATEGORIES)];
      if (await this.#tell(known, `category?value=${category}`)) Object.assign(known as KnownJob, { category });
    },
    move: async () => {
      const known = this.#anyone();
      const isMoved = await this.#tell(known, `move?position=${this.#below(POSTS)}`);
      if (isMoved) Object.assign(known as KnownJob, { isMoved });
    },
    remove: () => this.#forget(this.#anyone()),
    takeFolder: async () => {
      const known = this.#anyone("completed");
      const path = known && this.#folderOf(known);
      if (path === undefined) return;
      await this.#remove(path);
      Object.assign(known as KnownJob, { isTaken: true });
    },
    takeFile: async () => {
      const path = this.#fileOf(this.#anyone())?.path;
      if (path !== undefined) await this.#remove(path);
    },
    removeRelease: async () => {
      const { catalog } = this.#world.app;
      const known = this.#anyone();
      const release = known && catalog.jobs.get(known.id)?.release;
      const [file] = release === undefined ? [] : catalog.releaseFiles(release);
      if (file !== undefined) await this.#remove(encoded("library", ...file.path.split("/").slice(0, 2)));
    },
    read: async () => {
      const known = this.#anyone();
      const file = this.#fileOf(known);
      if (known === undefined || file === undefined) return;
      const { status, body, isBroken } = await this.#world.request(`/dav/${file.path}`);
      const posted = this.#world.post(known.post).files.find(({ name }) => name === file.name);
      const wanted = posted?.content.read(0, isBroken ? body.length : posted.size);
      // While the news server refuses there is nothing to be had.
      if (status === 200 && !wanted?.equals(body)) throw new Error(`${file.path} is not what was posted`);
    },
  };

  async #do(acts: Acts): Promise<void> {
    const name = "add" in acts && this.#random() < ADD_SHARE ? "add" : this.#one(Object.keys(acts));
    this.done[name] = (this.done[name] ?? 0) + 1;
    await acts[name]?.();
  }

  async #add(post: number, category: string, wish: string): Promise<void> {
    const { name, nzb } = this.#world.post(post);
    const before = new Set(this.#world.app.catalog.jobs.list({ limit: 10_000 }).map(({ id }): string => id));
    const path = `/api/v1/imports?category=${category}&name=${name}${wish}`;
    const { status, body } = await this.#ask(path, "POST", nzb);
    if (status !== 200 && status !== 202) throw new Error(`an NZB was answered ${status}: ${body}`);
    const { id } = JSON.parse(body.toString()) as { readonly id: JobId };
    this.#busy.add(id);
    if (status === 202 && before.has(id)) throw new Error(`${id} was there before it was added`);
    // Of several that come at once, the one that made the job may be answered last.
    if (this.jobs.has(id)) return;
    this.jobs.set(id, {
      ...{ id, post, category, isMoved: false, isArchived: false, isTaken: false },
      wish: wish.startsWith("&paused") ? "pause" : "run",
      priority: PRIORITIES.find((priority) => wish.endsWith(priority)) ?? "normal",
    });
  }

  /** Whether it could be done; the job's state is as wished then. */
  async #tell(known: KnownJob | undefined, action: string, wish?: "run" | "pause" | "cancel"): Promise<boolean> {
    if (known === undefined) return false;
    const { status, body } = await this.#ask(`/api/v1/imports/${known.id}/${action}`, "POST");
    if (status === 409 || (status === 404 && known.wish === "remove")) return false;
    if (status !== 200) throw new Error(`${action} of ${known.id}, ${known.wish}, was answered ${status}: ${body}`);
    if (wish === undefined) return true;
    known.wish = wish;
    if (action === "retry") known.isArchived = false;
    const { state } = JSON.parse(body.toString()) as Pick<Job, "state">;
    const held = state === "paused" ? "pause" : state === "cancelled" ? "cancel" : "run";
    if (held !== wish) throw new Error(`${known.id} is ${state} after ${action}`);
    return true;
  }

  async #forget(known: KnownJob | undefined): Promise<void> {
    if (known === undefined) return;
    const [path, method] = this.#one([
      [`/api/v1/imports/${known.id}`, "DELETE"],
      [`/api?mode=queue&name=delete&value=SABnzbd_nzo_${known.id}&${KEY}`, "GET"],
      [`/api?mode=history&name=delete&archive=0&value=SABnzbd_nzo_${known.id}&${KEY}`, "GET"],
    ] as const);
    const { status } = await this.#ask(path, method);
    if (status !== 200 && (status !== 404 || known.wish !== "remove"))
      throw new Error(`${path} was answered ${status}`);
    // The history's way leaves alone what is in the queue, and the queue's way what is in the history.
    if (this.#world.app.catalog.jobs.get(known.id) === undefined) known.wish = "remove";
    else if (method === "DELETE") throw new Error(`${known.id} was removed, and is there`);
  }

  async #remove(path: string): Promise<void> {
    const { status } = await this.#ask(`/dav/${path}`, "DELETE");
    if (status !== 204 && status !== 404) throw new Error(`removing ${path} was answered ${status}`);
    if (status === 404 && path.startsWith("completed")) throw new Error(`${path} was there, and is not`);
  }

  #folderOf({ id }: KnownJob): string | undefined {
    const folder = this.#world.app.catalog.completed.ofJob(id);
    return folder && encoded("completed", folder.category, folder.name);
  }

  /** One that a job shows, with its path and its name. */
  #fileOf(known: KnownJob | undefined): { readonly path: string; readonly name: string } | undefined {
    const folder = known && this.#folderOf(known);
    const [file] = known === undefined ? [] : this.#world.app.catalog.completed.files(known.id);
    if (folder === undefined || file === undefined) return undefined;
    return { path: `${folder}/${encoded(...file.path.split("/"))}`, name: file.path };
  }

  /** A job that nothing else is done to: mostly one of those that came last, or one that is in such a state. */
  #anyone(...states: readonly Job["state"][]): KnownJob | undefined {
    const { jobs } = this.#world.app.catalog;
    const all = [...this.jobs.values()].filter(({ id }) => !this.#busy.has(id));
    const fitting = all.filter(({ id }) => states.some((state) => state === jobs.get(id)?.state));
    const some = fitting.length > 0 && this.#random() < 0.7 ? fitting : this.#random() < 0.6 ? all.slice(-8) : all;
    const known = some[this.#below(some.length)];
    if (known !== undefined) this.#busy.add(known.id);
    return known;
  }

  #isBusy(what: string): boolean {
    if (this.#busy.has(what)) return true;
    this.#busy.add(what);
    return false;
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T;
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  async #post(path: string): Promise<void> {
    const { status, body } = await this.#ask(path, "POST");
    if (status !== 200) throw new Error(`${path} was answered ${status}: ${body}`);
  }

  async #ask(path: string, method: string, body?: string): Promise<Answer> {
    const answer = await this.#world.request(path, body === undefined ? { method } : { method, body });
    if (answer.status >= 500) throw new Error(`${method} ${path} was answered ${answer.status}: ${answer.body}`);
    return answer;
  }
}

function encoded(...names: readonly string[]): string {
  return names.map(encodeURIComponent).join("/");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
