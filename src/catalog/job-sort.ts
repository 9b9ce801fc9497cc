import { inTransaction } from "./database.ts";
import { TO_COME } from "./job-queue-order.ts";
import { type JobId, type JobPriority, type JobStore, type Placed, PRIORITIES, type SortKey } from "./jobs.ts";
import type { Database } from "./sqlite.ts";

/** What a rank is more than the one before it, at least; numbers as large as those of forced jobs hold just that. */
const STEP = 1 / 1024;

const COLUMN_OF: Readonly<Record<SortKey, string>> = {
  name: "folded_name",
  bytes: "bytes",
  bytesLeft: "bytes * (1 - progress)",
  // Which tells the time of jobs of one moment, too.
  createdAt: "id",
};

type Row = readonly [id: JobId, rank: number, priority: JobPriority, key: string | number];

/** Sorts the queue once; what comes later is served as always. */
export function jobSort(db: Database): Pick<JobStore, "sorted" | "place"> {
  const setRank = db.prepare(
    `UPDATE job SET rank = ? WHERE id = ? AND rank = ? AND state IN ('queued', 'waiting', 'paused')`,
  );

  return {
    sorted(by, isDescending) {
      const read = db.prepare<[], Row>(`SELECT id, rank, priority, ${COLUMN_OF[by]} FROM ${TO_COME} ORDER BY rank, id`);
      const rows = read.raw().all();
      const sign = isDescending ? -1 : 1;
      const urgency = (priority: JobPriority) => PRIORITIES.indexOf(priority);
      const wanted = [...rows].sort(
        (one, other) => urgency(other[2]) - urgency(one[2]) || sign * compared(one[3], other[3]),
      );
      let before = Number.NEGATIVE_INFINITY;
      return wanted.map(([id, from], index): Placed => {
        before = Math.max(rows[index]?.[1] ?? 0, before + STEP);
        return { id, from, rank: before };
      });
    },

    place: (jobs) =>
      inTransaction(db, () => {
        for (const { id, from, rank } of jobs) setRank.run(rank, id, from);
      }),
  };
}

function compared(one: string | number, other: string | number): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
