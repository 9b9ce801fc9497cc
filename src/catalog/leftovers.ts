import type { Database } from "./sqlite.ts";

/** Rows that a call deletes unless told otherwise; one of them may be a piece of 64 KiB. */
const SWEPT_AT_ONCE = 64;

/**
 * Contents and releases that no entry refers to any more. Their bytes are deleted a few rows at a time, by whoever changes something
 * next, since all of them at once might hold up everybody for seconds.
 */
export interface Leftovers {
  /** Deletes up to so many rows, inside the caller's transaction. Returns how many it deleted: fewer when there are no more. */
  sweep(rows?: number): number;
  /** The same in a transaction of its own; 0 where that is not possible now. */
  trySweep(): number;
  /** A content that is being written: nobody owns it yet. */
  hold(content: number): void;
  release(content: number): void;
}

/** The searches, each in an index. */
export const LEFTOVER_QUERIES = {
  contents: "SELECT id FROM content WHERE is_owned = 0 ORDER BY id",
  pieces:
    "DELETE FROM content_chunk WHERE id IN (SELECT id FROM content_chunk WHERE content = ? ORDER BY start LIMIT ?)",
  content: "DELETE FROM content WHERE id = ?",
  release: "SELECT id FROM release WHERE is_owned = 0 ORDER BY id LIMIT 1",
  post: "SELECT id FROM post WHERE release = ? LIMIT 1",
  segments:
    "DELETE FROM segment_chunk WHERE id IN (SELECT id FROM segment_chunk WHERE post = ? ORDER BY start LIMIT ?)",
  deletePost: "DELETE FROM post WHERE id = ?",
  deleteRelease: "DELETE FROM release WHERE id = ?",
} as const;

export function leftovers(db: Database): Leftovers {
  const held = new Set<number>();
  const contents = db.prepare<[], number>(LEFTOVER_QUERIES.contents).pluck();
  const deletePieces = db.prepare(LEFTOVER_QUERIES.pieces);
  const deleteContent = db.prepare(LEFTOVER_QUERIES.content);
  const unownedRelease = db.prepare<[], number>(LEFTOVER_QUERIES.release).pluck();
  const postOf = db.prepare<[number], number>(LEFTOVER_QUERIES.post).pluck();
  const deleteSegments = db.prepare(LEFTOVER_QUERIES.segments);
  const deletePost = db.prepare(LEFTOVER_QUERIES.deletePost);
  const deleteRelease = db.prepare(LEFTOVER_QUERIES.deleteRelease);

  function unownedContent(): number | undefined {
    for (const id of contents.iterate()) if (!held.has(id)) return id;
    return undefined;
  }

  /** One statement's worth of work, at most so many rows; 0 when nothing is left. */
  function step(rows: number): number {
    const content = unownedContent();
    if (content !== undefined) return deletePieces.run(content, rows).changes || deleteContent.run(content).changes;
    const release = unownedRelease.get();
    if (release === undefined) return 0;
    const post = postOf.get(release);
    if (post === undefined) return deleteRelease.run(release).changes;
    return deleteSegments.run(post, rows).changes || deletePost.run(post).changes;
  }

  function sweep(rows = SWEPT_AT_ONCE): number {
    let swept = 0;
    while (swept < rows) {
      const deleted = step(rows - swept);
      if (deleted === 0) break;
      swept += deleted;
    }
    return swept;
  }

  return {
    sweep,
    trySweep() {
      try {
        return db.transaction(() => sweep()).immediate();
      } catch {
        // The disk is full, or the database closed: whoever changes something next deletes it.
        return 0;
      }
    },
    hold: (content) => void held.add(content),
    release: (content) => void held.delete(content),
  };
}
