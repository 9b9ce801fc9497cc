import type { Statement } from "better-sqlite3";
import type { Entry, EntryId, ReleaseId } from "./catalog.ts";
import { writesOf } from "./database.ts";
import type { JobId } from "./jobs.ts";
import type { Database } from "./sqlite.ts";

/** The roots of the trees. Below zero are those that came later: every id from 2 on may be taken. */
export const LIBRARY = 1 as EntryId;
export const TRASH = -1 as EntryId;
export const DROPS = -2 as EntryId;

/** Where an entry stands, or could. */
export interface Place {
  readonly parent: EntryId;
  readonly name: string;
}

export interface NewFolder extends Place {
  /** Both of its times, milliseconds since 1970. */
  readonly at: number;
}

export interface NewPostedFile extends NewFolder {
  readonly size: number;
  readonly modifiedAt: number;
  readonly contentTag: string;
  readonly release: ReleaseId;
  readonly runs: Uint8Array;
  /** `undefined`: the runs are not encrypted. */
  readonly cipher: Uint8Array | undefined;
}

export interface NewSidecar extends NewFolder {
  readonly size: number;
  readonly contentTag: string;
  /** Row of `content`. */
  readonly content: number;
}

/** As much of an entry as changes need. */
export interface Member {
  readonly id: EntryId;
  readonly kind: Entry["kind"];
  /** undefined for whatever is no sidecar. */
  readonly content: number | undefined;
}

/** The rows of one tree. What writes is called inside the caller's transaction. */
export interface EntryTree {
  readonly root: EntryId;
  find(path: string): Entry | undefined;
  list(path: string, after: string | undefined, limit: number): readonly Entry[];
  /** The member of a folder with exactly this name. */
  child(parent: EntryId, name: string): Member | undefined;
  /** Throws SQLite's constraint error when the name is taken; the folder's own time changes. */
  addFolder(folder: NewFolder): EntryId;
  addPostedFile(file: NewPostedFile): EntryId;
  addSidecar(file: NewSidecar): EntryId;
  /** Lets an entry, and with it all that is below, stand elsewhere; nobody's time changes. */
  place(id: EntryId, place: Place): void;
  /** A name came into a folder, or went. */
  touch(folder: EntryId, at: number): void;
  /** From the root, `""` for the root itself; undefined for what is not in this tree. */
  pathOf(id: EntryId): string | undefined;
}

const COLUMNS = `entry.id, entry.kind, entry.name, entry.size, entry.created_at, entry.modified_at, entry.content_tag,
  entry.content IS NOT NULL, entry.properties, entry.job`;

/** Takes one name after the other off the path, each an exact search in the index of (parent, name). */
export function findAtAnyDepth(root: EntryId): string {
  return `
  WITH RECURSIVE step (id, rest) AS (
    VALUES (${root}, ?)
    UNION ALL
    SELECT entry.id, substr(step.rest, instr(step.rest, '/') + 1)
    FROM step CROSS JOIN entry
      ON entry.parent = step.id AND entry.name = substr(step.rest, 1, instr(step.rest, '/') - 1)
    WHERE step.rest <> ''
  )
  SELECT ${COLUMNS} FROM step CROSS JOIN entry ON entry.id = step.id WHERE step.rest = ''`;
}

/** The same for paths of up to so many names: a join costs half of what the recursion costs. */
const JOINED = 8;

/** Parameters: the names from the root on, `depth` of them. */
export function findAtDepth(root: EntryId, depth: number): string {
  const tables = Array.from({ length: depth }, (_, n) => `entry AS e${n}`);
  const steps = tables.map((_, n) => `e${n}.parent = ${n === 0 ? root : `e${n - 1}.id`} AND e${n}.name = ?`);
  const columns = COLUMNS.replaceAll("entry.", `e${depth - 1}.`);
  return `SELECT ${columns} FROM ${tables.join(" CROSS JOIN ")} WHERE ${steps.join(" AND ")}`;
}

export const LIST = `SELECT ${COLUMNS} FROM entry WHERE parent = ? AND name > ? ORDER BY name LIMIT ?`;

/** Ends at whatever root it comes to; what comes to another one has no path. */
export function pathTo(root: EntryId): string {
  return `
  WITH RECURSIVE up (parent, path) AS (
    SELECT parent, name FROM entry WHERE id = ?
    UNION ALL
    SELECT entry.parent, entry.name || '/' || up.path
    FROM up CROSS JOIN entry ON entry.id = up.parent WHERE entry.parent IS NOT NULL
  )
  SELECT path FROM up WHERE parent = ${root}`;
}

/** COLUMNS, in their order. As a list, because SQLite's binding takes half as long to make one as to make an object. */
type EntryRow = readonly [
  id: EntryId,
  kind: Entry["kind"],
  name: string,
  size: number,
  createdAt: number,
  modifiedAt: number,
  contentTag: string,
  isSidecar: 0 | 1,
  properties: string | null,
  job: JobId | null,
];

function toEntry(row: EntryRow): Entry {
  return {
    id: row[0],
    kind: row[1],
    name: row[2],
    size: row[3],
    createdAt: row[4],
    modifiedAt: row[5],
    contentTag: row[6],
    isSidecar: row[7] === 1,
    properties: row[8] ?? undefined,
    job: row[9] ?? undefined,
  };
}

/**
 * Entries found since the last write, those that are small. Clients ask for the same few again and again, and each search costs as
 * much as the rest of an answer.
 */
const REMEMBERED = 4096;
const REMEMBERED_PROPERTIES = 1024;

export function entryTree(db: Database, root: EntryId): EntryTree {
  const writes = writesOf(db);
  const remembered = new Map<string, Entry>();
  let rememberedAt = writes.over;
  const findDeep = db.prepare<[string], EntryRow>(findAtAnyDepth(root)).raw();
  const byDepth: Statement<string[], EntryRow>[] = [];
  const list = db.prepare<[number, string, number], EntryRow>(LIST).raw();
  const child = db.prepare<[number, string], Omit<Member, "content"> & { readonly content: number | null }>(
    "SELECT id, kind, content FROM entry WHERE parent = ? AND name = ?",
  );
  const insert = db.prepare(
    `INSERT INTO entry (parent, name, kind, size, created_at, modified_at, content_tag, release, runs, cipher, content)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const placeRow = db.prepare("UPDATE entry SET parent = ?, name = ? WHERE id = ?");
  const touchRow = db.prepare("UPDATE entry SET modified_at = ? WHERE id = ?");
  const path = db.prepare<[number], string>(pathTo(root)).pluck();

  function findRow(wanted: string): EntryRow | undefined {
    // SQLite's text functions stop at a NUL, so what follows it would go unnoticed; no name has one.
    if (wanted.includes("\0")) return undefined;
    const names = wanted.split("/");
    if (wanted === "" || names.length > JOINED) return findDeep.get(wanted === "" ? "" : `${wanted}/`);
    byDepth[names.length] ??= db.prepare<string[], EntryRow>(findAtDepth(root, names.length)).raw();
    return byDepth[names.length]?.get(...names);
  }

  function find(wanted: string): Entry | undefined {
    if (rememberedAt !== writes.over) {
      remembered.clear();
      rememberedAt = writes.over;
    }
    const known = writes.open === 0 ? remembered.get(wanted) : undefined;
    if (known !== undefined) return known;
    const row = findRow(wanted);
    if (row === undefined) return undefined;
    const entry = toEntry(row);
    if (writes.open > 0 || (entry.properties?.length ?? 0) > REMEMBERED_PROPERTIES) return entry;
    if (remembered.size === REMEMBERED) remembered.clear();
    remembered.set(wanted, entry);
    return entry;
  }

  function touch(folder: EntryId, at: number): void {
    touchRow.run(Math.round(at), folder);
  }

  function add(file: NewFolder, kind: Entry["kind"], rest: readonly unknown[]): EntryId {
    const { lastInsertRowid } = insert.run(file.parent, file.name, kind, ...rest);
    touch(file.parent, file.at);
    return Number(lastInsertRowid) as EntryId;
  }

  return {
    root,
    find,
    list(wanted, after, limit) {
      const folder = find(wanted);
      return folder === undefined ? [] : list.all(folder.id, after ?? "", Math.max(0, limit)).map(toEntry);
    },
    child(parent, name) {
      const row = child.get(parent, name);
      return row && { ...row, content: row.content ?? undefined };
    },
    addFolder(folder) {
      const at = Math.round(folder.at);
      return add(folder, "folder", [0, at, at, "", null, null, null, null]);
    },
    addPostedFile(file) {
      const times = [Math.round(file.at), Math.round(file.modifiedAt)];
      const { size, contentTag, release, runs, cipher = null } = file;
      return add(file, "file", [size, ...times, contentTag, release, runs, cipher, null]);
    },
    addSidecar(file) {
      const at = Math.round(file.at);
      return add(file, "file", [file.size, at, at, file.contentTag, null, null, null, file.content]);
    },
    place: (id, { parent, name }) => void placeRow.run(parent, name, id),
    touch,
    pathOf: (id) => (id === root ? "" : path.get(id)),
  };
}

/** Makes the roots that a file does not have yet. */
export function ensureRoots(db: Database, at: number): void {
  const insert = db.prepare(
    `INSERT INTO entry (id, parent, name, kind, created_at, modified_at) VALUES (?, NULL, '', 'folder', ?, ?)
     ON CONFLICT (id) DO NOTHING`,
  );
  for (const root of [LIBRARY, TRASH, DROPS]) insert.run(root, Math.round(at), Math.round(at));
}
