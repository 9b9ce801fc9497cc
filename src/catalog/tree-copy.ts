import { RequestError } from "../base/errors.ts";
import type { EntryId } from "./catalog.ts";
import type { Database } from "./sqlite.ts";
import { MAX_COPIED } from "./writable-tree.ts";

interface CopyTarget {
  readonly parent: EntryId;
  readonly name: string;
  /** When the copies come into being, milliseconds since 1970. */
  readonly at: number;
  readonly depth: "0" | "infinity";
}

/** Bytes are shared, and a file keeps its time; an import came of the original alone. */
const COPIED =
  "kind, size, @at, iif(kind = 'folder', @at, modified_at), content_tag, release, content, properties, runs, cipher";
const COLUMNS =
  "parent, name, kind, size, created_at, modified_at, content_tag, release, content, properties, runs, cipher";

/** The searches, each in an index. */
export const COPY_QUERIES = {
  one: `INSERT INTO entry (${COLUMNS}) SELECT @parent, @name, ${COPIED} FROM entry WHERE id = @id`,
  files: `INSERT INTO entry (${COLUMNS})
    SELECT @parent, name, ${COPIED} FROM entry WHERE parent = @id AND kind = 'file' LIMIT @limit`,
  folders: "SELECT id, name FROM entry WHERE parent = ? AND kind = 'folder' LIMIT ?",
} as const;

/**
 * Copies an entry, inside the caller's transaction, to a name that is free and not below it. Throws FORBIDDEN when that would make
 * more than MAX_COPIED entries.
 */
export function treeCopier(db: Database): (id: EntryId, target: CopyTarget) => void {
  const copyOne = db.prepare(COPY_QUERIES.one);
  const copyFiles = db.prepare(COPY_QUERIES.files);
  const foldersIn = db.prepare<[number, number], { id: EntryId; name: string }>(COPY_QUERIES.folders);

  return (id, { parent, name, at, depth }) => {
    let left = MAX_COPIED;
    function spend(made: number): void {
      left -= made;
      if (left >= 0) return;
      throw new RequestError("FORBIDDEN", `a copy of more than ${MAX_COPIED} files and folders at once is refused`, {
        hint: "copy the folders in it one by one",
      });
    }

    spend(1);
    const waiting: { readonly id: EntryId; readonly parent: EntryId; readonly name: string }[] = [{ id, parent, name }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const copy = Number(copyOne.run({ ...next, at }).lastInsertRowid) as EntryId;
      if (depth === "0") return;
      spend(copyFiles.run({ id: next.id, parent: copy, at, limit: left + 1 }).changes);
      const folders = foldersIn.all(next.id, left + 1);
      spend(folders.length);
      for (const folder of folders) waiting.push({ ...folder, parent: copy });
    }
  };
}
