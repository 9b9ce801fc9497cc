import type { Statement } from "better-sqlite3";
import type { Entry, EntryId } from "./catalog.ts";
import type { Database } from "./sqlite.ts";

export const ROOT = 1 as EntryId;

export interface NewFolder {
  readonly parent: EntryId;
  readonly name: string;
  /** Both of its times, milliseconds since 1970. */
  readonly at: number;
}

export interface NewFileEntry extends NewFolder {
  readonly size: number;
  readonly modifiedAt: number;
  readonly contentTag: string;
  readonly release: number;
  readonly runs: Uint8Array;
}

/** The rows of the tree. What writes is called inside the caller's transaction. */
export interface EntryTree {
  find(path: string): Entry | undefined;
  list(path: string, after: string | undefined, limit: number): readonly Entry[];
  /** The member of a folder with exactly this name. */
  child(parent: EntryId, name: string): { readonly id: EntryId; readonly kind: Entry["kind"] } | undefined;
  /** Throws SQLite's constraint error when the name is taken; the folder's own time changes. */
  addFolder(folder: NewFolder): EntryId;
  addFile(file: NewFileEntry): EntryId;
  /** From the root, `""` for the root itself. */
  pathOf(id: EntryId): string;
  filesOf(release: number): readonly { readonly path: string; readonly size: number }[];
}

const COLUMNS = `entry.id, entry.kind, entry.name, entry.size, entry.created_at AS createdAt,
  entry.modified_at AS modifiedAt, entry.content_tag AS contentTag`;

/** Takes one name after the other off the path, each an exact search in the index of (parent, name). */
export const FIND = `
  WITH RECURSIVE step (id, rest) AS (
    VALUES (${ROOT}, ?)
    UNION ALL
    SELECT entry.id, substr(step.rest, instr(step.rest, '/') + 1)
    FROM step CROSS JOIN entry
      ON entry.parent = step.id AND entry.name = substr(step.rest, 1, instr(step.rest, '/') - 1)
    WHERE step.rest <> ''
  )
  SELECT ${COLUMNS} FROM step CROSS JOIN entry ON entry.id = step.id WHERE step.rest = ''`;

/** The same for paths of up to so many names: a join costs half of what the recursion costs. */
const JOINED = 8;

/** Parameters: the names from the root on, `depth` of them. */
export function findAtDepth(depth: number): string {
  const tables = Array.from({ length: depth }, (_, n) => `entry AS e${n}`);
  const steps = tables.map((_, n) => `e${n}.parent = ${n === 0 ? ROOT : `e${n - 1}.id`} AND e${n}.name = ?`);
  const columns = COLUMNS.replaceAll("entry.", `e${depth - 1}.`);
  return `SELECT ${columns} FROM ${tables.join(" CROSS JOIN ")} WHERE ${steps.join(" AND ")}`;
}

export const LIST = `SELECT ${COLUMNS} FROM entry WHERE parent = ? AND name > ? ORDER BY name LIMIT ?`;

const PATH = `
  WITH RECURSIVE up (parent, path) AS (
    SELECT parent, name FROM entry WHERE id = ?
    UNION ALL
    SELECT entry.parent, entry.name || '/' || up.path FROM up CROSS JOIN entry ON entry.id = up.parent WHERE up.parent <> ${ROOT}
  )
  SELECT path FROM up WHERE parent = ${ROOT}`;

const FILES = `
  WITH RECURSIVE up (file, size, parent, path) AS (
    SELECT id, size, parent, name FROM entry WHERE release = ?
    UNION ALL
    SELECT up.file, up.size, entry.parent, entry.name || '/' || up.path
    FROM up CROSS JOIN entry ON entry.id = up.parent WHERE up.parent <> ${ROOT}
  )
  SELECT path, size FROM up WHERE parent = ${ROOT} ORDER BY path`;

export function entryTree(db: Database): EntryTree {
  const find = db.prepare<[string], Entry>(FIND);
  const byDepth: Statement<string[], Entry>[] = [];
  const list = db.prepare<[number, string, number], Entry>(LIST);
  const child = db.prepare<[number, string], { id: EntryId; kind: Entry["kind"] }>(
    "SELECT id, kind FROM entry WHERE parent = ? AND name = ?",
  );
  const insert = db.prepare(
    `INSERT INTO entry (parent, name, kind, size, created_at, modified_at, content_tag, release, runs)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const touch = db.prepare("UPDATE entry SET modified_at = ? WHERE id = ?");
  const path = db.prepare<[number], string>(PATH).pluck();
  const files = db.prepare<[number], { path: string; size: number }>(FILES);

  function findEntry(wanted: string): Entry | undefined {
    // SQLite's text functions stop at a NUL, so what follows it would go unnoticed; no name has one.
    if (wanted.includes("\0")) return undefined;
    const names = wanted.split("/");
    if (wanted === "" || names.length > JOINED) return find.get(wanted === "" ? "" : `${wanted}/`);
    byDepth[names.length] ??= db.prepare<string[], Entry>(findAtDepth(names.length));
    return byDepth[names.length]?.get(...names);
  }

  function add(file: NewFolder, kind: Entry["kind"], rest: readonly unknown[]): EntryId {
    const at = Math.round(file.at);
    const { lastInsertRowid } = insert.run(file.parent, file.name, kind, ...rest);
    touch.run(at, file.parent);
    return Number(lastInsertRowid) as EntryId;
  }

  return {
    find: findEntry,
    list(wanted, after, limit) {
      const folder = findEntry(wanted);
      return folder === undefined ? [] : list.all(folder.id, after ?? "", Math.max(0, limit));
    },
    child: (parent, name) => child.get(parent, name),
    addFolder(folder) {
      const at = Math.round(folder.at);
      return add(folder, "folder", [0, at, at, "", null, null]);
    },
    addFile(file) {
      const times = [Math.round(file.at), Math.round(file.modifiedAt)];
      return add(file, "file", [file.size, ...times, file.contentTag, file.release, file.runs]);
    },
    pathOf: (id) => path.get(id) ?? "",
    filesOf: (release) => files.all(release),
  };
}

/** Makes the root of a fresh library. */
export function ensureRoot(db: Database, at: number): void {
  db.prepare(
    `INSERT INTO entry (id, parent, name, kind, created_at, modified_at) VALUES (${ROOT}, NULL, '', 'folder', ?, ?)
     ON CONFLICT (id) DO NOTHING`,
  ).run(Math.round(at), Math.round(at));
}
