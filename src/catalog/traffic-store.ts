import { inTransaction } from "./database.ts";
import type { Database } from "./sqlite.ts";
import type { TrafficLog, TrafficOfDay } from "./traffic.ts";

/** Days that are kept one by one; what was before them counts in the totals alone. */
export const KEPT_DAYS = 400;

/** The searches, each in the primary key. */
export const TRAFFIC_QUERIES = {
  since: `SELECT provider, day, bytes, tried AS articlesTried, found AS articlesFound FROM traffic WHERE day >= ?
    ORDER BY day, provider`,
  // Counted in days and not by the date, so that a clock gone wrong for a moment costs nothing.
  forget: `DELETE FROM traffic
    WHERE day <= (SELECT DISTINCT day FROM traffic ORDER BY day DESC LIMIT 1 OFFSET ${KEPT_DAYS})`,
} as const;

export function trafficStore(db: Database): TrafficLog {
  const add = db.prepare<[TrafficOfDay]>(
    `INSERT INTO traffic (provider, day, bytes, tried, found) VALUES (@provider, @day, @bytes, @articlesTried, @articlesFound)
     ON CONFLICT (day, provider) DO UPDATE SET
       bytes = bytes + excluded.bytes, tried = tried + excluded.tried, found = found + excluded.found`,
  );
  const addTotal = db.prepare<[TrafficOfDay]>(
    `INSERT INTO traffic_total (provider, bytes) VALUES (@provider, @bytes)
     ON CONFLICT (provider) DO UPDATE SET bytes = bytes + excluded.bytes`,
  );
  const forget = db.prepare(TRAFFIC_QUERIES.forget);
  const since = db.prepare<[number], TrafficOfDay>(TRAFFIC_QUERIES.since);
  const totals = db.prepare<[], [string, number]>("SELECT provider, bytes FROM traffic_total ORDER BY provider").raw();

  return {
    add: (traffic) =>
      inTransaction(db, () => {
        add.run(traffic);
        addTotal.run(traffic);
        forget.run();
      }),
    since: (day) => since.all(day),
    totals: () => new Map(totals.all()),
  };
}
