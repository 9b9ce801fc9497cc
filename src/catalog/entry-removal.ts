import type { Entry, EntryId } from "./catalog.ts";
import type { Database } from "./sqlite.ts";

/** Deletes up to `limit` entries at and below one, inside the caller's transaction. Returns how many; the entry itself goes last. */
export type RemoveEntries = (id: EntryId, limit: number) => number;

/** The searches, each in an index. */
export const REMOVAL_QUERIES = {
  member: "SELECT id, kind FROM entry WHERE parent = ? LIMIT 1",
  entry: "DELETE FROM entry WHERE id = ?",
} as const;

export function entryRemoval(db: Database): RemoveEntries {
  const memberOf = db.prepare<[number], Pick<Entry, "id" | "kind">>(REMOVAL_QUERIES.member);
  const deleteEntry = db.prepare(REMOVAL_QUERIES.entry);

  return (id, limit) => {
    const chain = [id];
    let left = limit;
    for (let at = chain.at(-1); at !== undefined && left > 0; at = chain.at(-1)) {
      const member = memberOf.get(at);
      if (member?.kind === "folder") {
        chain.push(member.id);
        continue;
      }
      left -= deleteEntry.run(member?.id ?? at).changes;
      if (member === undefined) chain.pop();
    }
    return limit - left;
  };
}
