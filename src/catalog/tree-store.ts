import type { Clock } from "../base/clock.ts";
import { CatalogError, RequestError } from "../base/errors.ts";
import type { EntryId } from "./catalog.ts";
import { type SqliteContentStore, sidecarTag } from "./content-store.ts";
import { inTransaction } from "./database.ts";
import type { EntryTree, Member, Place } from "./entry-tree.ts";
import type { Leftovers } from "./leftovers.ts";
import { storedPath } from "./names.ts";
import type { Database } from "./sqlite.ts";
import { treeCopier } from "./tree-copy.ts";
import type { WritableTree } from "./writable-tree.ts";

interface Parts {
  readonly tree: EntryTree;
  readonly contents: SqliteContentStore;
  readonly leftovers: Leftovers;
  readonly clock: Clock;
  /** What becomes of removed things; inside the transaction that removes them. */
  readonly discard: (id: EntryId, at: number) => void;
}

/** The search, in an index. */
export const FILES_OF_JOB = "SELECT id FROM entry WHERE job = ?";

export function treeStore(db: Database, { tree, contents, leftovers, clock, discard }: Parts): WritableTree {
  const rewrite = db.prepare("UPDATE entry SET content = ?, size = ?, content_tag = ?, modified_at = ? WHERE id = ?");
  const setProperties = db.prepare("UPDATE entry SET properties = ? WHERE id = ?");
  const setJob = db.prepare("UPDATE entry SET job = ? WHERE id = ? AND kind = 'file'");
  const ofJob = db.prepare<[string], EntryId>(FILES_OF_JOB).pluck();
  const copyEntry = treeCopier(db);

  function now(): number {
    return Math.round(clock.wall());
  }

  /** Throws PARENT_MISSING unless it lies in a folder that is there. */
  function place(path: string): Place {
    mayChange(path);
    const names = storedPath(path);
    const name = names.at(-1) as string;
    if (names.length === 1) return { parent: tree.root, name };
    const parent = tree.find(names.slice(0, -1).join("/"));
    if (parent?.kind !== "folder") {
      throw new CatalogError("PARENT_MISSING", `the folder that ${shown(path)} should be in does not exist`);
    }
    return { parent: parent.id, name };
  }

  function existing(path: string): Place & Member {
    mayChange(path);
    const end = path.lastIndexOf("/");
    const parent = end < 0 ? tree.root : tree.find(path.slice(0, end))?.id;
    const name = path.slice(end + 1);
    const member = parent === undefined || name.includes("\0") ? undefined : tree.child(parent, name);
    if (parent === undefined || member === undefined) {
      throw new CatalogError("PATH_MISSING", `${shown(path)} does not exist`);
    }
    return { ...member, parent, name };
  }

  function removeAt(place: Place, at: number): void {
    const there = tree.child(place.parent, place.name);
    if (there === undefined) return;
    tree.touch(place.parent, at);
    discard(there.id, at);
  }

  return {
    find: tree.find,
    list: tree.list,

    makeFolder: (path) =>
      inTransaction(db, () => {
        const { parent, name } = place(path);
        if (tree.child(parent, name) !== undefined) throw taken(path);
        tree.addFolder({ parent, name, at: now() });
      }),

    putSidecar(path, writer) {
      const content = contents.finish(writer);
      const { size } = writer;
      const outcome = inTransaction(db, () => {
        const { parent, name } = place(path);
        const there = tree.child(parent, name);
        const contentTag = sidecarTag();
        if (there === undefined) {
          tree.addSidecar({ parent, name, at: now(), size, contentTag, content });
          return "created";
        }
        if (there.content === undefined) throw taken(path);
        rewrite.run(content, size, contentTag, now(), there.id);
        leftovers.sweep();
        return "replaced";
      });
      contents.handOver(writer);
      return outcome;
    },

    move: (from, to) =>
      inTransaction(db, () => {
        const source = existing(from);
        assertApart(from, to);
        const target = place(to);
        const at = now();
        removeAt(target, at);
        tree.place(source.id, target);
        for (const folder of new Set([source.parent, target.parent])) tree.touch(folder, at);
      }),

    copy: (from, to, depth) =>
      inTransaction(db, () => {
        const source = existing(from);
        assertApart(from, to);
        const target = place(to);
        const at = now();
        removeAt(target, at);
        copyEntry(source.id, { ...target, at, depth });
        tree.touch(target.parent, at);
      }),

    remove: (path) =>
      inTransaction(db, () => {
        removeAt(existing(path), now());
      }),

    setProperties: (path, properties) =>
      inTransaction(db, () => {
        setProperties.run(properties ?? null, existing(path).id);
      }),

    setJob: (path, job) =>
      inTransaction(db, () => {
        const { id } = existing(path);
        if (setJob.run(job, id).changes === 0) {
          throw new CatalogError("PATH_MISSING", `${shown(path)} is no file, so no import can come of it`);
        }
      }),

    hasJob: (job) => ofJob.all(job).some((id) => tree.pathOf(id) !== undefined),
  };
}

function mayChange(path: string): void {
  if (path === "") throw new RequestError("FORBIDDEN", "the root of a tree always stays as it is");
}

/** Neither may lie in the other: what would be replaced would hold what replaces it. */
function assertApart(from: string, to: string): void {
  const target = to.normalize("NFC");
  if (!`${target}/`.startsWith(`${from}/`) && !`${from}/`.startsWith(`${target}/`)) return;
  throw new RequestError("FORBIDDEN", `${shown(from)} and ${shown(to)} are the same, or one lies in the other`);
}

function taken(path: string): CatalogError {
  return new CatalogError("PATH_TAKEN", `${shown(path)} is there already`);
}

/** Whole, unless it is absurdly long. */
function shown(path: string): string {
  return path.length > 200 ? `${path.slice(0, 200)}...` : path;
}
