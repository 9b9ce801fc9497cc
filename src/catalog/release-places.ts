import type { EntryId, ReleaseId } from "./catalog.ts";
import { type EntryTree, LIBRARY } from "./entry-tree.ts";
import type { Database } from "./sqlite.ts";

/** Where releases stand, whatever has been moved since they were imported. */
export interface ReleasePlaces {
  /** Where its folder stands, or else one of its files; undefined when no file of it is in the library. */
  find(release: ReleaseId): string | undefined;
  /** The release that is there for a post, and where it stands. */
  ofDigest(digest: string): { readonly id: ReleaseId; readonly path: string } | undefined;
  /** Its files, with their paths from the library's root. */
  files(release: ReleaseId): readonly { readonly path: string; readonly size: number }[];
}

/** The searches, each in an index. */
export const RELEASE_QUERIES = {
  byDigest: "SELECT id FROM release WHERE digest = ? AND is_owned = 1 ORDER BY id",
  /** Folders of the library with files of the release in them; no folder is looked at twice, however many files it has. */
  holders: `
    WITH RECURSIVE up (holder, at) AS (
      SELECT parent, parent FROM entry WHERE release = ?
      UNION
      SELECT up.holder, entry.parent FROM up CROSS JOIN entry ON entry.id = up.at WHERE entry.parent IS NOT NULL
    )
    SELECT holder FROM up WHERE at = ${LIBRARY} ORDER BY holder`,
  firstIn: "SELECT min(id) FROM entry WHERE release = ? AND +parent = ?",
  folder: "SELECT folder FROM release WHERE id = ?",
  files: `
    WITH RECURSIVE up (file, size, parent, path) AS (
      SELECT id, size, parent, name FROM entry WHERE release = ?
      UNION ALL
      SELECT up.file, up.size, entry.parent, entry.name || '/' || up.path
      FROM up CROSS JOIN entry ON entry.id = up.parent WHERE entry.parent IS NOT NULL
    )
    SELECT path, size FROM up WHERE parent = ${LIBRARY} ORDER BY path`,
} as const;

export function releasePlaces(db: Database, library: EntryTree): ReleasePlaces {
  const byDigest = db.prepare<[string], ReleaseId>(RELEASE_QUERIES.byDigest).pluck();
  const holders = db.prepare<[number], EntryId>(RELEASE_QUERIES.holders).pluck();
  const firstIn = db.prepare<[number, number], EntryId>(RELEASE_QUERIES.firstIn).pluck();
  const folderOf = db.prepare<[number], EntryId | null>(RELEASE_QUERIES.folder).pluck();
  const files = db.prepare<[number], { path: string; size: number }>(RELEASE_QUERIES.files);

  function find(release: ReleaseId): string | undefined {
    const folders = holders.all(release);
    const [holder] = folders;
    if (holder === undefined) return undefined;
    const folder = folderOf.get(release) ?? undefined;
    const top = folder && library.pathOf(folder);
    if (top !== undefined && folders.some((id) => `${library.pathOf(id)}/`.startsWith(`${top}/`))) return top;
    return library.pathOf(firstIn.get(release, holder) as EntryId);
  }

  return {
    find,
    ofDigest(digest) {
      for (const id of byDigest.all(digest)) {
        const path = find(id);
        if (path !== undefined) return { id, path };
      }
      return undefined;
    },
    files: (release) => files.all(release),
  };
}
