import { inTransaction } from "./database.ts";
import type { JobStore } from "./jobs.ts";
import type { Database } from "./sqlite.ts";

/** Whether the whole queue is paused: durable, and known without a query. */
export function queuePause(db: Database): Pick<JobStore, "isPaused"> {
  const write = db.prepare("UPDATE queue SET is_paused = ?");
  let isPaused = db.prepare<[], number>("SELECT is_paused FROM queue").pluck().get() === 1;
  return {
    get isPaused() {
      return isPaused;
    },
    set isPaused(value) {
      inTransaction(db, () => void write.run(value ? 1 : 0));
      isPaused = value;
    },
  };
}
