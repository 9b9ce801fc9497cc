import { RequestError } from "../base/errors.ts";
import { FORCE_BELOW, rankBetween } from "./job-rank.ts";
import { hasEnded } from "./job-rows.ts";
import type { Job, JobState } from "./jobs.ts";
import type { Database } from "./sqlite.ts";

/** The order in which jobs are served that have not ended: those being imported, then by rank, then by age. */
export interface QueueOrder {
  positionOf(job: Job): number | undefined;
  /**
   * The rank that brings a job to a position, or as near as it may come: jobs of priority force stay before all others, and what is being
   * imported keeps its place. Inside the caller's transaction: where two neighbours leave no room, those around them are moved apart.
   */
  rankAt(job: Job, position: number): number;
}

/** What the index of jobs to come holds. */
export const TO_COME = "job INDEXED BY job_queue WHERE state IN ('queued', 'waiting', 'paused')";

/** The searches, each in an index. */
export const ORDER_QUERIES = {
  importing: "SELECT id, rank FROM job WHERE state = 'importing'",
  below: `SELECT count(*) FROM ${TO_COME} AND rank < ?`,
  older: `SELECT count(*) FROM ${TO_COME} AND rank = ? AND id < ?`,
  others: `SELECT id, rank FROM ${TO_COME} AND id <> @id AND rank >= @from AND rank < @to ORDER BY rank, id LIMIT @limit OFFSET @skip`,
} as const;

/** Jobs on either side that are moved apart at first; more, where they stand too close as well. */
const REACH = 16;
/** What moving apart leaves between two jobs, so that the next moves find room. */
const LEAST_GAP = 1 / 16;

interface Ranked {
  readonly id: string;
  readonly rank: number;
}

/** Jobs among which one may be moved, apart from itself: those whose ranks are `from` <= rank < `to`. */
interface Group {
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

export function queueOrder(db: Database): QueueOrder {
  const importing = db.prepare<[], Ranked>(ORDER_QUERIES.importing);
  const below = db.prepare<[number], number>(ORDER_QUERIES.below).pluck();
  const older = db.prepare<[number, string], number>(ORDER_QUERIES.older).pluck();
  const others = db.prepare<[Group & { limit: number; skip: number }], Ranked>(ORDER_QUERIES.others);
  const jobsIn = db.prepare<[JobState], number>("SELECT jobs FROM job_count WHERE state = ?").pluck();
  const setRank = db.prepare("UPDATE job SET rank = ? WHERE id = ?");

  function count(...states: readonly JobState[]): number {
    return states.reduce((sum, state) => sum + (jobsIn.get(state) ?? 0), 0);
  }

  /** Moves jobs around a place apart, evenly, and returns the rank that is free at that place then. */
  function makeRoom(group: Group, place: number): number {
    for (let reach = REACH; ; reach *= 4) {
      const skip = Math.max(0, place - reach);
      const around = others.all({ ...group, limit: place - skip + reach, skip });
      const first = around[0]?.rank ?? 0;
      const gap = ((around.at(-1)?.rank ?? 0) - first) / around.length;
      const isAll = skip === 0 && around.length < place + reach;
      if (gap < LEAST_GAP && !isAll) continue;
      const step = Math.max(gap, LEAST_GAP);
      around.forEach(({ id }, index) => {
        setRank.run(first + step * (skip + index < place ? index : index + 1), id);
      });
      return first + step * (place - skip);
    }
  }

  return {
    positionOf({ id, state, rank }) {
      if (hasEnded(state)) return undefined;
      if (state === "importing") return importing.all().filter((job) => isBefore(job, { id, rank })).length;
      return count("importing") + (below.get(rank) ?? 0) + (older.get(rank, id) ?? 0);
    },

    rankAt({ id, state, priority, rank }, position) {
      if (hasEnded(state)) throw new RequestError("CONFLICT", `job ${id} is ${state}, and no longer in the queue`);
      if (state === "importing") return rank;
      const forced = below.get(FORCE_BELOW) ?? 0;
      const isForced = priority === "force";
      const group = isForced ? { id, from: -Infinity, to: FORCE_BELOW } : { id, from: FORCE_BELOW, to: Infinity };
      const jobs = isForced ? forced : count("queued", "waiting", "paused") - forced;
      const start = count("importing") + (isForced ? 0 : forced);
      const place = Math.min(jobs - 1, Math.max(0, Math.trunc(position) - start));
      const around = others.all({ ...group, limit: place === 0 ? 1 : 2, skip: Math.max(0, place - 1) });
      const [left, right] = place === 0 ? [undefined, ...around] : around;
      const self = { id, rank };
      const isThere = (!left || isBefore(left, self)) && (!right || isBefore(self, right));
      return isThere ? rank : (rankBetween(left?.rank, right?.rank) ?? makeRoom(group, place));
    },
  };
}

function isBefore(one: Ranked, other: Ranked): boolean {
  return one.rank < other.rank || (one.rank === other.rank && one.id < other.id);
}
