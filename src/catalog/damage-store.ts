import type { Clock } from "../base/clock.ts";
import { type DamageCount, type DamageKind, type DamageLog, type Hole, MAX_HOLES_PER_FILE } from "./damage.ts";
import { inTransaction } from "./database.ts";
import type { Database } from "./sqlite.ts";

/** The searches, each in the primary key. */
export const DAMAGE_QUERIES = {
  list: `SELECT start, stop AS end, message_id AS messageId, kind, first_seen AS since, last_seen AS lastSeen
    FROM damage WHERE entry = ? ORDER BY start`,
  count: "SELECT count(*) FROM damage WHERE entry = ?",
  clear: "DELETE FROM damage WHERE entry = ? AND start < ? AND stop > ?",
} as const;

type HoleRow = Omit<Hole, "messageId"> & { readonly messageId: Hole["messageId"] | null };

export function damageStore(db: Database, clock: Clock): DamageLog {
  const again = db.prepare(
    `UPDATE damage SET stop = @end, message_id = @messageId, kind = @kind, last_seen = @at
     WHERE entry = @file AND start = @start`,
  );
  const insert = db.prepare(
    `INSERT INTO damage (entry, start, stop, message_id, kind, first_seen, last_seen)
     SELECT id, @start, @end, @messageId, @kind, @at, @at FROM entry WHERE id = @file AND kind = 'file'`,
  );
  const count = db.prepare<[number], number>(DAMAGE_QUERIES.count).pluck();
  const list = db.prepare<[number], HoleRow>(DAMAGE_QUERIES.list);
  const clear = db.prepare(DAMAGE_QUERIES.clear);
  const totals = db.prepare<[], [DamageKind, number, number]>("SELECT kind, holes, bytes FROM damage_count").raw();

  return {
    record(file, { start, end, messageId, kind }) {
      const row = { file, start, end, messageId: messageId ?? null, kind, at: Math.round(clock.wall()) };
      inTransaction(db, () => {
        if (again.run(row).changes > 0 || (count.get(file) as number) >= MAX_HOLES_PER_FILE) return;
        insert.run(row);
      });
    },
    list: (file) => list.all(file).map((row) => ({ ...row, messageId: row.messageId ?? undefined })),
    clear: (file, { start, end } = { start: 0, end: Number.MAX_SAFE_INTEGER }) =>
      inTransaction(db, () => clear.run(file, end, start).changes),
    totals: () =>
      Object.fromEntries(totals.all().map(([kind, holes, bytes]) => [kind, { holes, bytes }])) as Record<
        DamageKind,
        DamageCount
      >,
  };
}
