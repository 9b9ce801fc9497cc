import type { EntryId, ReleaseId } from "./catalog.ts";
import { type EntryTree, LIBRARY } from "./entry-tree.ts";
import type { Database } from "./sqlite.ts";

/** Where releases stand, whatever has been moved since they were imported. */
export interface ReleasePlaces {
  /**
   * Where its folder stands, or else one of its files; undefined when no file of it is in the library. A release that was nothing but
   * small unpacked files is where its folder is, while there is anything in it.
   */
  find(release: ReleaseId): string | undefined;
  /** Its folder, while that is in the library and holds a posted file of it, or it has none. */
  folder(release: ReleaseId): EntryId | undefined;
  /** The release that is there for a post, and where it stands. */
  ofDigest(digest: string): { readonly id: ReleaseId; readonly path: string } | undefined;
  /** Its files, and the sidecars that stand in its folder, with their paths from the library's root. */
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
  unpacked: `SELECT folder FROM release WHERE id = ? AND is_owned = 1
    AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.release = release.id)
    AND EXISTS (SELECT 1 FROM entry WHERE entry.parent = release.folder)`,
  files: `
    WITH RECURSIVE
    inside (id, kind, sidecar) AS (
      SELECT entry.id, entry.kind, entry.content FROM release CROSS JOIN entry ON entry.parent = release.folder WHERE release.id = @release
      UNION ALL
      SELECT entry.id, entry.kind, entry.content FROM inside CROSS JOIN entry ON entry.parent = inside.id WHERE inside.kind = 'folder'
    ),
    up (file, size, parent, path) AS (
      SELECT id, size, parent, name FROM entry WHERE release = @release
      UNION ALL
      SELECT entry.id, entry.size, entry.parent, entry.name
      FROM inside CROSS JOIN entry ON entry.id = inside.id WHERE inside.sidecar IS NOT NULL
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
  const unpacked = db.prepare<[number], EntryId>(RELEASE_QUERIES.unpacked).pluck();
  const files = db.prepare<[{ release: number }], { path: string; size: number }>(RELEASE_QUERIES.files);

  /** The release's folder, while it holds one of these folders or is one. */
  function folderAround(holding: readonly EntryId[], release: ReleaseId): EntryId | undefined {
    const folder = folderOf.get(release) ?? undefined;
    const top = folder && library.pathOf(folder);
    if (top === undefined) return undefined;
    return holding.some((id) => `${library.pathOf(id)}/`.startsWith(`${top}/`)) ? folder : undefined;
  }

  /** Its folder, or else one of its files. */
  function entryOf(release: ReleaseId): EntryId | undefined {
    const holding = holders.all(release);
    const [holder] = holding;
    if (holder === undefined) return unpacked.get(release);
    return folderAround(holding, release) ?? firstIn.get(release, holder);
  }

  function find(release: ReleaseId): string | undefined {
    const id = entryOf(release);
    return id && library.pathOf(id);
  }

  return {
    find,
    folder(release) {
      const id = entryOf(release);
      return id === folderOf.get(release) ? id : undefined;
    },
    ofDigest(digest) {
      for (const id of byDigest.all(digest)) {
        const path = find(id);
        if (path !== undefined) return { id, path };
      }
      return undefined;
    },
    files: (release) => files.all({ release }),
  };
}
