/**
 * Removes for good what has been in the trash for long enough, and dropped files that have had their time. Starts with a first round in
 * the background, then one every hour; a round is a row of short steps with a turn of the event loop between them, so that nobody who
 * plays waits for it. It owns one timer. Disposing stops it after the step that is under way; the catalog may be closed then.
 */
import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Trash } from "../catalog/trash.ts";
import { sweepDrops } from "./drop-sweep.ts";

const ROUND_MS = 60 * 60 * 1000;
const DAY_MS = 24 * ROUND_MS;
/** Rows that are deleted at a time. */
const STEP_ROWS = 200;

export interface TrashKeeperOptions {
  readonly catalog: Pick<Catalog, "trash" | "drops" | "jobs">;
  /** How long what was removed from the library can be brought back. */
  readonly trashDays: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export function startTrashKeeper({ catalog, trashDays, clock, log }: TrashKeeperOptions): Disposable {
  let isRunning = false;
  let isStopped = false;

  /** Runs to the end, or until the keeper is disposed of; undefined then. */
  async function steps(work: Generator<void, number>): Promise<number | undefined> {
    for (;;) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (isStopped) return undefined;
      const step = work.next();
      if (step.done) return step.value;
    }
  }

  async function round(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    try {
      const now = clock.wall();
      const purged = await steps(purge(catalog.trash, now - trashDays * DAY_MS));
      const deleted = await steps(sweepDrops(catalog, now));
      if (purged || deleted) log.info({ purged, drops: deleted }, "what was removed long ago is gone for good");
    } catch (error) {
      log.error({ error: errorMessage(error) }, "the trash could not be emptied; it is tried again in an hour");
    } finally {
      isRunning = false;
    }
  }

  void round();
  const timer = clock.every(ROUND_MS, () => void round());
  return {
    [Symbol.dispose]() {
      isStopped = true;
      timer[Symbol.dispose]();
    },
  };
}

/** Deletes everything that was removed before a time, some rows in each step. Returns how many items that were. */
function* purge(trash: Trash, removedBefore: number): Generator<void, number> {
  let purged = 0;
  for (let item = trash.oldest(removedBefore); item !== undefined; item = trash.oldest(removedBefore)) {
    while (trash.purge(item.id, STEP_ROWS)) yield;
    purged += 1;
    yield;
  }
  return purged;
}
