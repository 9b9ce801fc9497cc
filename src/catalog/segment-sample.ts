import type { Segment } from "./catalog.ts";
import { SegmentChunk } from "./segment-chunk.ts";
import type { Database } from "./sqlite.ts";

/** Segments taken from one chunk: unpacking a chunk is what a sample costs. */
const PER_CHUNK = 16;
/** Chunks looked at for one sample, whatever they turn out to hold. */
const MOST_CHUNKS = 32;
/** A smaller one says more about round trips than about a line. */
const SMALLEST_BYTES = 32 * 1024;

/** A number in [0, 1). */
export type Random = () => number;

/**
 * Up to `count` different segments with an article, drawn at random; fewer, down to none, when the draws find no more of at least 32 KiB.
 * Chunks are drawn by row, so that a file counts by its articles and nothing is scanned; a few milliseconds at most.
 */
export function segmentSampler(db: Database): (count: number, random: Random) => readonly Segment[] {
  // Asked for one by one, each is one step in the index; both in one SELECT would read the whole of it.
  const ends = db.prepare<[], { first: number | null; last: number }>(
    "SELECT (SELECT min(id) FROM segment_chunk) AS first, (SELECT max(id) FROM segment_chunk) AS last",
  );
  const from = db.prepare<[number], { post: number; start: number; data: Buffer }>(
    "SELECT post, start, data FROM segment_chunk WHERE id >= ? ORDER BY id LIMIT 1",
  );

  return (count, random) => {
    const { first, last } = ends.get() as { first: number | null; last: number };
    if (first === null) return [];
    const found = new Map<string, Segment>();
    for (let draws = 0; draws < MOST_CHUNKS && found.size < count; draws += 1) {
      const row = from.get(first + below(last - first + 1, random));
      if (row === undefined) continue;
      const chunk = new SegmentChunk(row.post, row.start, row.data);
      for (let picks = Math.min(PER_CHUNK, chunk.count); picks > 0 && found.size < count; picks -= 1) {
        const segment = chunk.segment(below(chunk.count, random));
        const { id } = segment;
        if (id !== undefined && segment.size >= SMALLEST_BYTES) found.set(id, segment);
      }
    }
    return [...found.values()];
  };
}

function below(count: number, random: Random): number {
  return Math.floor(random() * count);
}
