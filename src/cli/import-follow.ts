import { setTimeout as wait } from "node:timers/promises";
import type { Cancel } from "../base/seekable-file.ts";
import { callApi, readShape } from "./api-call.ts";
import { hasEnded, IMPORT, type ImportView, PAGE_LIMIT, QUEUE_PAGE, type QueuePage } from "./import-view.ts";
import type { ServerAddress } from "./server-address.ts";
import { send } from "./server-client.ts";

/** Fewer imports than this are asked after one by one; more are looked for in the queue. */
const FEW = 5;
/** Every so many looks the whole queue is read instead of its first page, for imports that ended out of their turn. */
const WHOLE_EVERY = 30;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;

/** What is known of the followed imports by id, in the order they were given; one that was merged into another has its place behind them. */
export type Followed = ReadonlyMap<string, ImportView | undefined>;

interface FollowOptions extends Cancel {
  /** Called after each look. */
  readonly onLook: (followed: Followed) => void;
}

/**
 * Looks at imports again and again until all have ended, and resolves with how: undefined for one that the server does not know any more. In
 * the place of one that fetched a post which another import has, that one is followed.
 * Costs about one request a second however many there are, and one for each that ends. Rejects when the server goes away.
 */
export async function followImports(
  server: ServerAddress,
  ids: readonly string[],
  { signal, onLook }: FollowOptions,
): Promise<Followed> {
  const views = new Map<string, ImportView | undefined>(ids.map((id) => [id, undefined]));
  const left = new Set(ids);
  const known = new Set(ids);
  /** Those that the last look found in the queue. */
  let seen: ReadonlySet<string> = new Set();

  const ask = async (id: string) => {
    const view = await askAfter(server, id, { signal });
    const other = view?.mergedInto;
    views.set(id, view);
    if (other || view === undefined || hasEnded(view)) left.delete(id);
    if (!other) return;
    // The other one brings what this one should.
    views.delete(id);
    if (known.has(other)) return;
    known.add(other);
    left.add(other);
    await ask(other);
  };
  const lookAtQueue = async (isWhole: boolean) => {
    const { listed, isComplete } = await readQueue(server, isWhole, { signal });
    for (const view of listed) if (left.has(view.id)) views.set(view.id, view);
    const now = new Set(listed.map(({ id }) => id));
    const gone = [...(isComplete ? left : seen)].filter((id) => left.has(id) && !now.has(id));
    seen = now;
    for (const id of gone) await ask(id);
  };

  let pauseMs = FIRST_PAUSE_MS;
  for (let look = 0; left.size > 0; look += 1) {
    if (look > 0) {
      await wait(pauseMs, undefined, { signal });
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    }
    if (left.size < FEW) for (const id of left) await ask(id);
    else await lookAtQueue(look % WHOLE_EVERY === 0);
    onLook(views);
  }
  return views;
}

/** One import with its files; undefined when there is none of this id. */
async function askAfter(server: ServerAddress, id: string, cancel: Cancel): Promise<ImportView | undefined> {
  const subject = `import ${id}`;
  const path = `api/v1/imports/${encodeURIComponent(id)}`;
  const answer = await send(server, { method: "GET", path }, cancel);
  if (answer.status === 404) {
    await answer.body.return();
    return undefined;
  }
  return await readShape(answer, { subject, shape: IMPORT });
}

/** The first page of the queue, or all of them; it is complete when nothing is behind what was read. */
async function readQueue(server: ServerAddress, isWhole: boolean, cancel: Cancel) {
  const listed: ImportView[] = [];
  for await (const { imports } of queuePages(server, cancel)) {
    listed.push(...imports);
    if (imports.length < PAGE_LIMIT) return { listed, isComplete: true };
    if (!isWhole) break;
  }
  return { listed, isComplete: false };
}

/** The queue page by page, in the order it is served, the last one being shorter than PAGE_LIMIT. What moves meanwhile may be missed or come twice. */
export async function* queuePages(server: ServerAddress, cancel: Cancel): AsyncGenerator<QueuePage, void, undefined> {
  for (let skip = 0; ; skip += PAGE_LIMIT) {
    const path = `api/v1/queue?limit=${PAGE_LIMIT}&skip=${skip}`;
    const page = await callApi(server, { method: "GET", path, subject: "queue", shape: QUEUE_PAGE }, cancel);
    yield page;
    if (page.imports.length < PAGE_LIMIT) return;
  }
}
