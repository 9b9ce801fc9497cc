import type { NewPost } from "./catalog.ts";
import { CHUNK_SEGMENTS, MAX_ALTERNATES, packChunk } from "./segment-chunk.ts";
import type { Database } from "./sqlite.ts";

const MAX_PART = 0xffffffff;

/**
 * Stores a post and its segments, inside the caller's transaction; returns its id. An empty post has no chunks.
 * Throws RangeError when the parts do not fill the post, each with at least one byte.
 */
export function postWriter(db: Database): (release: number, post: NewPost) => number {
  const insertPost = db.prepare("INSERT INTO post (release, size, segments) VALUES (?, ?, ?)");
  const insertChunk = db.prepare("INSERT INTO segment_chunk (post, start, data) VALUES (?, ?, ?)");

  return (release, post) => {
    assertLayout(post);
    const { packed, length } = post.segments;
    const id = Number(insertPost.run(release, post.size, length).lastInsertRowid);
    if (post.size === 0) return id;
    const alternates = alternatesByChunk(packed.alternates, length);
    for (let first = 0, start = 0; first < length; first += CHUNK_SEGMENTS) {
      const count = Math.min(CHUNK_SEGMENTS, length - first);
      const end = endOfPart(post, first + count - 1);
      const { partEnds } = post;
      const partSize = partEnds === undefined ? partSizeOf(post) : undefined;
      const chunk = { packed, first, count, start, end, partSize, partEnds };
      insertChunk.run(id, start, packChunk({ ...chunk, alternates: alternates.get(first / CHUNK_SEGMENTS) ?? [] }));
      start = end;
    }
    return id;
  };
}

/** A post of one part needs no layout: the part is the post. */
function partSizeOf({ partSize, segments, size }: NewPost): number | undefined {
  return segments.length === 1 ? size : partSize;
}

function endOfPart(post: NewPost, index: number): number {
  if (post.partEnds !== undefined) return post.partEnds[index] as number;
  return index === post.segments.length - 1 ? post.size : (index + 1) * (post.partSize as number);
}

function assertLayout(post: NewPost): void {
  const { size, partEnds, segments } = post;
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`a post cannot hold ${size} bytes`);
  if (size === 0) return;
  const fits =
    partEnds === undefined
      ? fillsByArithmetic(size, partSizeOf(post), segments.length)
      : partEnds.length === segments.length && fillsByEnds(size, partEnds);
  if (!fits) throw new RangeError(`the ${segments.length} parts of a post do not fill its ${size} bytes`);
}

function fillsByArithmetic(size: number, partSize: number | undefined, count: number): boolean {
  if (partSize === undefined || !isPartSize(partSize)) return false;
  return count > 0 && isPartSize(size - (count - 1) * partSize);
}

function fillsByEnds(size: number, ends: Float64Array): boolean {
  return (
    ends.at(-1) === size &&
    ends.every((end, index) => isPartSize(end - (index === 0 ? 0 : (ends[index - 1] as number))))
  );
}

function isPartSize(size: number): boolean {
  return Number.isInteger(size) && size > 0 && size <= MAX_PART;
}

/** In the order of the segments, those of one segment in the order of the NZB, no more than are worth asking for. */
function alternatesByChunk(
  alternates: readonly (readonly [number, string])[],
  length: number,
): ReadonlyMap<number, readonly (readonly [number, string])[]> {
  const chunks = new Map<number, (readonly [number, string])[]>();
  let last = -1;
  let kept = 0;
  for (const entry of [...alternates].sort(([a], [b]) => a - b)) {
    const [index, id] = entry;
    if (!(index >= 0 && index < length) || id === "")
      throw new RangeError(`an alternate of segment ${index} belongs to no segment`);
    kept = index === last ? kept + 1 : 1;
    last = index;
    if (kept > MAX_ALTERNATES) continue;
    const chunk = Math.floor(index / CHUNK_SEGMENTS);
    const known = chunks.get(chunk);
    if (known === undefined) chunks.set(chunk, [entry]);
    else known.push(entry);
  }
  return chunks;
}
