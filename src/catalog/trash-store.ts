import type { Clock } from "../base/clock.ts";
import { CatalogError } from "../base/errors.ts";
import type { EntryId } from "./catalog.ts";
import { inTransaction } from "./database.ts";
import type { RemoveEntries } from "./entry-removal.ts";
import { type EntryTree, TRASH } from "./entry-tree.ts";
import type { Leftovers } from "./leftovers.ts";
import { fileNameParts, folderNameParts, freeNames } from "./names.ts";
import type { Database } from "./sqlite.ts";
import type { Trash, TrashedItem } from "./trash.ts";

export interface SqliteTrash extends Trash {
  /** Takes an entry of the library, inside the caller's transaction: one row moves, whatever is below it. */
  take(id: EntryId, at: number): void;
}

const ITEM = `SELECT trash.entry AS id, entry.kind, trash.path, entry.size, trash.removed_at AS removedAt
  FROM trash CROSS JOIN entry ON entry.id = trash.entry`;

/** The searches, each in an index. */
export const TRASH_QUERIES = {
  first: `${ITEM} WHERE removed_at > 0 ORDER BY removed_at DESC, trash.entry DESC LIMIT ?`,
  next: `${ITEM} WHERE removed_at > 0 AND (removed_at, trash.entry) < (?, ?)
    ORDER BY removed_at DESC, trash.entry DESC LIMIT ?`,
  one: `${ITEM} WHERE trash.entry = ?`,
  oldest: `${ITEM} WHERE removed_at < ? ORDER BY removed_at, trash.entry LIMIT 1`,
} as const;

interface Parts {
  /** The library. */
  readonly tree: EntryTree;
  readonly clock: Clock;
  readonly removeEntries: RemoveEntries;
  readonly leftovers: Leftovers;
}

export function trashStore(db: Database, { tree, clock, removeEntries, leftovers }: Parts): SqliteTrash {
  const insert = db.prepare("INSERT INTO trash (entry, path, removed_at) VALUES (?, ?, ?)");
  const forget = db.prepare("DELETE FROM trash WHERE entry = ?");
  const condemn = db.prepare("UPDATE trash SET removed_at = 0 WHERE entry = ?");
  const first = db.prepare<[number], TrashedItem>(TRASH_QUERIES.first);
  const next = db.prepare<[number, number, number], TrashedItem>(TRASH_QUERIES.next);
  const one = db.prepare<[number], TrashedItem>(TRASH_QUERIES.one);
  const oldest = db.prepare<[number], TrashedItem>(TRASH_QUERIES.oldest);

  /** The folder of this path, made where it is not; beside a file that has come to stand in its place. */
  function folderAt(names: readonly string[], at: number): EntryId {
    const notAFile = freeNames((parent, name) => tree.child(parent as EntryId, name)?.kind === "file");
    let folder = tree.root;
    for (const wanted of names) {
      const name = notAFile(folder, folderNameParts(wanted));
      folder = tree.child(folder, name)?.id ?? tree.addFolder({ parent: folder, name, at });
    }
    return folder;
  }

  return {
    take(id, at) {
      insert.run(id, tree.pathOf(id), Math.max(1, at));
      tree.place(id, { parent: TRASH, name: String(id) });
    },

    list({ after, limit }) {
      const count = Math.max(0, limit);
      return after === undefined ? first.all(count) : next.all(after.removedAt, after.id, count);
    },

    restore: (id) =>
      inTransaction(db, () => {
        const item = one.get(id);
        if (item === undefined || item.removedAt === 0) {
          throw new CatalogError("PATH_MISSING", `the trash has no item ${id}`);
        }
        const at = Math.round(clock.wall());
        const names = item.path.split("/");
        const folder = folderAt(names.slice(0, -1), at);
        const parts = (item.kind === "file" ? fileNameParts : folderNameParts)(names.at(-1) as string);
        const name = freeNames((parent, tried) => tree.child(parent as EntryId, tried) !== undefined)(folder, parts);
        forget.run(id);
        tree.place(id, { parent: folder, name });
        tree.touch(folder, at);
        return tree.pathOf(id) as string;
      }),

    purge: (id, limit) =>
      inTransaction(db, () => {
        const rows = Math.max(1, limit);
        // What earlier steps left behind goes first, so that never more than one step's worth of it lies about.
        let done = leftovers.sweep(rows);
        if (condemn.run(id).changes > 0) done += removeEntries(id, rows - done);
        done += leftovers.sweep(rows - done);
        return done >= rows;
      }),

    oldest: (removedBefore) => oldest.get(removedBefore),
  };
}
