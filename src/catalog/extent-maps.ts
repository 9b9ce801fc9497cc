import { LRUCache } from "lru-cache";
import { CatalogError } from "../base/errors.ts";
import type { EntryId, Extent, ExtentMap, FileCipher } from "./catalog.ts";
import type { ChunkStore } from "./chunk-store.ts";
import { unpackCipher } from "./file-cipher.ts";
import { type RunList, unpackRuns } from "./run-list.ts";
import type { Database } from "./sqlite.ts";

const MAP_BYTES = 8 * 1024 * 1024;

/** The maps of posted files, the latest kept open: at most `count` of them, and 8 MiB. */
export function extentMaps(db: Database, chunks: ChunkStore, count: number): (file: EntryId) => ExtentMap {
  const kept = new LRUCache<EntryId, FileMap>({
    max: count,
    maxSize: MAP_BYTES,
    sizeCalculation: (map) => map.bytes,
  });
  const read = db.prepare<[number], { size: number; runs: Buffer; cipher: Buffer | null }>(
    "SELECT size, runs, cipher FROM entry WHERE id = ? AND runs IS NOT NULL",
  );

  return (file) => {
    const known = kept.get(file);
    if (known !== undefined) return known;
    const row = read.get(file);
    if (row === undefined) throw new CatalogError("PATH_MISSING", `entry ${file} is no posted file of the catalog`);
    const runs = unpackRuns(row.runs);
    const cipher = row.cipher === null ? undefined : unpackCipher(row.cipher, row.size);
    const map = new FileMap(runs, chunks, cipher);
    kept.set(file, map);
    return map;
  };
}

/** Finds the run by bisection, the chunk by an index, the segment by arithmetic or bisection. */
class FileMap implements ExtentMap {
  readonly size: number;
  readonly cipher: FileCipher | undefined;
  readonly #runs: RunList;
  readonly #chunks: ChunkStore;

  constructor(runs: RunList, chunks: ChunkStore, cipher: FileCipher | undefined) {
    this.size = runs.size;
    this.cipher = cipher;
    this.#runs = runs;
    this.#chunks = chunks;
  }

  /** Bytes of memory it takes, roughly. */
  get bytes(): number {
    return this.#runs.starts.length * 24 + 500;
  }

  at(offset: number): Extent {
    if (!(offset >= 0 && offset < this.size))
      throw new RangeError(`byte ${offset} lies outside a file of ${this.size}`);
    const { starts, posts, begins } = this.#runs;
    const run = lastAtOrBefore(starts, offset);
    const runStart = starts[run] as number;
    const runEnd = starts[run + 1] ?? this.size;
    /** Offset in the file of the post's first byte. */
    const shift = runStart - (begins[run] as number);
    const segment = this.#chunks.holding(posts[run] as number, offset - shift).segmentAt(offset - shift);
    const begin = segment.begin + shift;
    const start = Math.max(begin, runStart);
    return { start, end: Math.min(begin + segment.size, runEnd), skip: start - begin, segment };
  }
}

function lastAtOrBefore(starts: Float64Array, offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((starts[middle] as number) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
