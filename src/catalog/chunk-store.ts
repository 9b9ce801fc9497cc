import { LRUCache } from "lru-cache";
import { CatalogError } from "../base/errors.ts";
import { RESTORE } from "./database.ts";
import { SegmentChunk } from "./segment-chunk.ts";
import type { Database } from "./sqlite.ts";

/** Some 300 chunks, the segments of 200 GB. */
const CHUNK_BYTES = 16 * 1024 * 1024;

/** Reads chunks of segments and keeps the latest unpacked, whichever file they were read for. */
export interface ChunkStore {
  /** The chunk that holds byte `offset` of a post. */
  holding(post: number, offset: number): SegmentChunk;
  /** Chunks unpacked since the start, and the memory of those that are kept. */
  stats(): { readonly decodes: number; readonly bytes: number };
}

export function chunkStore(db: Database): ChunkStore {
  const kept = new LRUCache<string, SegmentChunk>({ maxSize: CHUNK_BYTES, sizeCalculation: (chunk) => chunk.bytes });
  const startOf = db
    .prepare<[number, number], number>(
      "SELECT start FROM segment_chunk WHERE post = ? AND start <= ? ORDER BY start DESC LIMIT 1",
    )
    .pluck();
  const dataOf = db
    .prepare<[number, number], Buffer>("SELECT data FROM segment_chunk WHERE post = ? AND start = ?")
    .pluck();
  let decodes = 0;
  /** The latest one again: a map is walked from chunk to chunk, and most calls need no search at all. */
  let near: { readonly post: number; readonly chunk: SegmentChunk } | undefined;

  function startingAt(post: number, start: number): SegmentChunk {
    const key = `${post}:${start}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const chunk = unpacked(post, start, dataOf.get(post, start) ?? gone(post));
    decodes += 1;
    kept.set(key, chunk);
    return chunk;
  }

  return {
    holding(post, offset) {
      if (near?.post === post && offset >= near.chunk.start && offset < near.chunk.end) return near.chunk;
      const chunk = startingAt(post, startOf.get(post, offset) ?? gone(post));
      near = { post, chunk };
      return chunk;
    },
    stats: () => ({ decodes, bytes: kept.calculatedSize }),
  };
}

/** SQLite checks how its pages hang together, not what is in them. */
function unpacked(post: number, start: number, data: Buffer): SegmentChunk {
  try {
    return new SegmentChunk(post, start, data);
  } catch (cause) {
    const message = `cannot use the catalog: the segments of post ${post} are damaged`;
    throw new CatalogError("CATALOG_UNUSABLE", message, { cause, hint: RESTORE });
  }
}

function gone(post: number): never {
  throw new CatalogError("PATH_MISSING", `post ${post} is no longer in the catalog`);
}
