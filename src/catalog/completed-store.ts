import type { Clock } from "../base/clock.ts";
import type { EntryId, ReleaseId } from "./catalog.ts";
import type { CompletedEntry, CompletedFolder, CompletedStore } from "./completed.ts";
import { inTransaction } from "./database.ts";
import type { EntryTree } from "./entry-tree.ts";
import type { Job, JobId } from "./jobs.ts";
import { fileNameParts, folderNameParts, freeNames, storableName } from "./names.ts";
import type { ReleasePlaces } from "./release-places.ts";
import type { Database } from "./sqlite.ts";

export interface SqliteCompletedStore extends CompletedStore {
  /** Makes the folder of a job that has just completed, inside the caller's transaction. */
  add(job: Job, outcome: { readonly release: ReleaseId; readonly isReady: boolean }): void;
}

const FOLDER = "SELECT job, category, name, created_at AS createdAt, is_ready AS isReady FROM completed";
const ENTRY = `SELECT listed.parent AS folder, listed.name, entry.id, entry.parent AS libraryFolder, entry.name AS libraryName, entry.size,
    entry.created_at AS createdAt, entry.modified_at AS modifiedAt, entry.content_tag AS contentTag, entry.content IS NOT NULL AS isSidecar
  FROM completed_entry AS listed LEFT JOIN entry ON entry.id = listed.entry`;

/** The searches, each in an index. */
export const COMPLETED_QUERIES = {
  // From one category to the next, however many folders each has.
  categories: `WITH RECURSIVE step (category) AS (
      SELECT min(category) FROM completed
      UNION ALL
      SELECT (SELECT min(category) FROM completed WHERE category > step.category) FROM step WHERE step.category IS NOT NULL
    )
    SELECT category FROM step WHERE category IS NOT NULL`,
  find: `${FOLDER} WHERE category = ? AND name = ?`,
  ofJob: `${FOLDER} WHERE job = ?`,
  list: `${FOLDER} WHERE category = ? AND name > ? ORDER BY name LIMIT ?`,
  unready: `${FOLDER} WHERE is_ready = 0 ORDER BY created_at, job LIMIT ?`,
  entry: `${ENTRY} WHERE listed.job = ? AND listed.parent = ? AND listed.name = ?`,
  entries: `${ENTRY} WHERE listed.job = ? AND listed.parent = ? AND listed.name > ? ORDER BY listed.name`,
  files: `${ENTRY} WHERE listed.job = ? AND listed.entry IS NOT NULL ORDER BY listed.parent, listed.name`,
  posted: "SELECT id, name, content_tag AS contentTag FROM entry WHERE release = ? ORDER BY id",
  removeMember: "DELETE FROM completed_entry WHERE job = ? AND parent = ? AND name = ?",
  removeMembers: "DELETE FROM completed_entry WHERE job = ? AND parent = ?",
  removeBelow: "DELETE FROM completed_entry WHERE job = ? AND parent > ? AND parent < ?",
  addBelow: `INSERT INTO completed_entry (job, parent, name, entry)
    WITH RECURSIVE below (id, kind, parent, name) AS (
      SELECT id, kind, '', name FROM entry WHERE parent = @folder
      UNION ALL
      SELECT entry.id, entry.kind, iif(below.parent = '', below.name, below.parent || '/' || below.name), entry.name
      FROM below CROSS JOIN entry ON entry.parent = below.id WHERE below.kind = 'folder'
    )
    SELECT @job, parent, name, iif(kind = 'file', id, NULL) FROM below`,
} as const;

type FolderRow = Omit<CompletedFolder, "isReady"> & { readonly isReady: 0 | 1 };

interface EntryRow {
  readonly folder: string;
  readonly name: string;
  /** null, like all that follows, for a folder. */
  readonly id: EntryId | null;
  readonly libraryFolder: EntryId;
  readonly libraryName: string;
  readonly size: number;
  readonly createdAt: number;
  readonly modifiedAt: number;
  readonly contentTag: string;
  readonly isSidecar: 0 | 1;
}

interface Parts {
  /** The library. */
  readonly tree: EntryTree;
  readonly places: ReleasePlaces;
  readonly clock: Clock;
}

export function completedStore(db: Database, { tree, places, clock }: Parts): SqliteCompletedStore {
  const insert = db.prepare("INSERT INTO completed (job, category, name, created_at, is_ready) VALUES (?, ?, ?, ?, ?)");
  const addEntry = db.prepare("INSERT INTO completed_entry (job, parent, name, entry) VALUES (?, '', ?, ?)");
  const addBelow = db.prepare(COMPLETED_QUERIES.addBelow);
  const posted = db.prepare<[number], { id: EntryId; name: string; contentTag: string }>(COMPLETED_QUERIES.posted);
  const categories = db.prepare<[], string>(COMPLETED_QUERIES.categories).pluck();
  const find = db.prepare<[string, string], FolderRow>(COMPLETED_QUERIES.find);
  const ofJob = db.prepare<[string], FolderRow>(COMPLETED_QUERIES.ofJob);
  const list = db.prepare<[string, string, number], FolderRow>(COMPLETED_QUERIES.list);
  const unready = db.prepare<[number], FolderRow>(COMPLETED_QUERIES.unready);
  const entry = db.prepare<[string, string, string], EntryRow>(COMPLETED_QUERIES.entry);
  const entries = db.prepare<[string, string, string], EntryRow>(COMPLETED_QUERIES.entries);
  const files = db.prepare<[string], EntryRow>(COMPLETED_QUERIES.files);
  const remove = db.prepare("DELETE FROM completed WHERE job = ?");
  const removeMember = db.prepare(COMPLETED_QUERIES.removeMember);
  const removeMembers = db.prepare(COMPLETED_QUERIES.removeMembers);
  const removeBelow = db.prepare(COMPLETED_QUERIES.removeBelow);
  const setReady = db.prepare("UPDATE completed SET is_ready = 1 WHERE job = ?");
  let removals = 0;

  function removeFolder(job: JobId): boolean {
    if (remove.run(job).changes === 0) return false;
    removals += 1;
    return true;
  }

  /** Entries of rows, without files that have left the library; those of one folder of the library cost one search for its path. */
  function shower(): (row: EntryRow) => CompletedEntry | undefined {
    const paths = new Map<EntryId, string | undefined>();
    return ({ folder, name, id, libraryFolder, libraryName, isSidecar, ...rest }) => {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (id === null) return { path, file: undefined };
      if (!paths.has(libraryFolder)) paths.set(libraryFolder, tree.pathOf(libraryFolder));
      const above = paths.get(libraryFolder);
      if (above === undefined) return undefined;
      const { size, createdAt, modifiedAt, contentTag } = rest;
      const libraryPath = above === "" ? libraryName : `${above}/${libraryName}`;
      return { path, file: { id, size, createdAt, modifiedAt, contentTag, isSidecar: isSidecar === 1, libraryPath } };
    };
  }

  /** Copies of a file, which have its name and bytes, stand for it only once. */
  function addPosted(job: JobId, release: ReleaseId): void {
    const taken = new Set<string>();
    const known = new Set<string>();
    const freeName = freeNames((_, name) => taken.has(name));
    for (const { id, name, contentTag } of posted.all(release)) {
      const isKnown = known.has(`${contentTag}/${name}`);
      if (isKnown || tree.pathOf(id) === undefined) continue;
      known.add(`${contentTag}/${name}`);
      const free = freeName(0, fileNameParts(name));
      taken.add(free);
      addEntry.run(job, free, id);
    }
  }

  return {
    add({ id, category, name }, { release, isReady }) {
      const folder = storableName(category, "default");
      const isTaken = (_: number, tried: string) => find.get(folder, tried) !== undefined;
      const free = freeNames(isTaken)(0, folderNameParts(storableName(name, id)));
      insert.run(id, folder, free, Math.round(clock.wall()), isReady ? 1 : 0);
      const top = places.folder(release);
      if (top === undefined) addPosted(id, release);
      else addBelow.run({ job: id, folder: top });
    },

    categories: () => categories.all(),
    find: (category, name) => toFolder(find.get(category, name)),
    ofJob: (job) => toFolder(ofJob.get(job)),
    list: (category, after, limit) => list.all(category, after ?? "", Math.max(0, limit)).map((row) => toFolder(row)),

    entry(job, path) {
      if (path === "") return ofJob.get(job) && { path, file: undefined };
      const row = entry.get(job, ...split(path));
      return row && shower()(row);
    },

    entries(job, path, after, limit) {
      const show = shower();
      const shown: CompletedEntry[] = [];
      if (limit <= 0) return shown;
      for (const row of entries.iterate(job, path, after ?? "")) {
        const one = show(row);
        if (one !== undefined) shown.push(one);
        if (shown.length >= limit) break;
      }
      return shown;
    },

    files(job) {
      const show = shower();
      return files.all(job).flatMap((row) => show(row) ?? []);
    },

    remove: (job) => inTransaction(db, () => removeFolder(job)),
    get removals() {
      return removals;
    },

    removeEntry: (job, path) =>
      inTransaction(db, () => {
        if (path === "") return removeFolder(job);
        if (removeMember.run(job, ...split(path)).changes === 0) return false;
        removeMembers.run(job, path);
        // Whatever begins with the path and a slash; the next character after that is `0`.
        removeBelow.run(job, `${path}/`, `${path}0`);
        return true;
      }),

    setReady: (job) => inTransaction(db, () => void setReady.run(job)),
    unready: (limit) => unready.all(Math.max(0, limit)).map((row) => toFolder(row)),
  };
}

function split(path: string): [folder: string, name: string] {
  const end = path.lastIndexOf("/");
  return [path.slice(0, Math.max(0, end)), path.slice(end + 1)];
}

function toFolder(row: FolderRow): CompletedFolder;
function toFolder(row: FolderRow | undefined): CompletedFolder | undefined;
function toFolder(row: FolderRow | undefined): CompletedFolder | undefined {
  return row && { ...row, isReady: row.isReady === 1 };
}
