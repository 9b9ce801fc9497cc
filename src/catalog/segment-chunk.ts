import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { MessageId } from "../base/message-id.ts";
import type { PackedSegments } from "../base/segment-list.ts";
import type { Segment } from "./catalog.ts";

/** Segments of a post that are packed together. */
export const CHUNK_SEGMENTS = 1024;
/** Articles that are kept for one part besides the first; an NZB that names more is not worth the requests. */
export const MAX_ALTERNATES = 8;

const MAX_ID = 248;
const HEADER = 24;
/** A chunk can never unpack to more: every id and alternate at its longest. */
const MAX_RAW = HEADER + CHUNK_SEGMENTS * (MAX_ID + 9 + MAX_ALTERNATES * (MAX_ID + 3));

/** Segments `[first, first + count)` of a post, which hold its bytes `[start, end)`. */
export interface ChunkContent {
  readonly packed: PackedSegments;
  readonly first: number;
  readonly count: number;
  readonly start: number;
  readonly end: number;
  /** Size of every part but the last; undefined: `partEnds` says where each ends in the post. */
  readonly partSize: number | undefined;
  readonly partEnds: Float64Array | undefined;
  /** For these segments only, in their order, `index` counted over the whole post. */
  readonly alternates: readonly (readonly [number, string])[];
}

/**
 * One chunk as it is stored: its unpacked length (u32), then deflateRaw of
 * count u32, alternates u32, part size f64 (0: listed), end f64, id lengths u8[count] (0: a hole), encoded sizes,
 * part sizes when listed, alternates {index u16, length u8}, ids, alternate ids.
 * Little endian; sizes are stored as four planes of bytes, since all but the lowest hardly change and deflate to nothing.
 */
export function packChunk(content: ChunkContent): Buffer {
  const { packed, first, count, partEnds, alternates } = content;
  const idStart = first === 0 ? 0 : at(packed.idEnds, first - 1);
  const ids = packed.ids.subarray(idStart, at(packed.idEnds, first + count - 1));
  const alternateIds = alternates.map(([, id]) => id).join("");
  const tables = count * (partEnds === undefined ? 5 : 9) + alternates.length * 3;
  const raw = Buffer.alloc(HEADER + tables + ids.length + alternateIds.length);

  raw.writeUInt32LE(count, 0);
  raw.writeUInt32LE(alternates.length, 4);
  raw.writeDoubleLE(content.partSize ?? 0, 8);
  raw.writeDoubleLE(content.end, 16);
  let to = HEADER;
  let idEnd = idStart;
  for (let index = first; index < first + count; index++) {
    const end = at(packed.idEnds, index);
    raw[to++] = checkedIdLength(end - idEnd);
    idEnd = end;
  }
  writePlanes(raw, to, { count, value: (index) => at(packed.encodedSizes, first + index) });
  to += count * 4;
  if (partEnds !== undefined) {
    const endOf = (index: number) => (index < 0 ? content.start : at(partEnds, first + index));
    writePlanes(raw, to, { count, value: (index) => endOf(index) - endOf(index - 1) });
    to += count * 4;
  }
  for (const [index, id] of alternates) {
    to = raw.writeUInt16LE(index - first, to);
    to = raw.writeUInt8(checkedIdLength(id.length), to);
  }
  raw.set(ids, to);
  raw.write(alternateIds, to + ids.length, "latin1");

  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(raw.length);
  return Buffer.concat([length, deflateRawSync(raw, { level: 1, chunkSize: Math.max(64, raw.length + 64) })]);
}

function checkedIdLength(length: number): number {
  if (length > MAX_ID) throw new RangeError(`a message-id of ${length} bytes is longer than RFC 3977 allows`);
  return length;
}

function writePlanes(raw: Buffer, to: number, numbers: { count: number; value(index: number): number }): void {
  const { count } = numbers;
  for (let index = 0; index < count; index++) {
    const value = numbers.value(index);
    raw[to + index] = value;
    raw[to + count + index] = value >>> 8;
    raw[to + count * 2 + index] = value >>> 16;
    raw[to + count * 3 + index] = value >>> 24;
  }
}

/** A chunk, unpacked. Ids stay bytes until they are asked for. */
export class SegmentChunk {
  readonly post: number;
  /** Offset in the post of the first byte it holds, and of the first that it does not. */
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly #raw: Buffer;
  readonly #partSize: number;
  /** Ends of the parts in the post, when their sizes were listed. */
  readonly #ends: Float64Array | undefined;
  /** Where the ids end in `#raw`; one longer than the ids, beginning with where the first one starts. */
  readonly #idBounds: Uint32Array;
  readonly #alternates: ReadonlyMap<number, readonly MessageId[]>;

  /** `post`, `start`: the key it is stored under. */
  constructor(post: number, start: number, stored: Buffer) {
    this.post = post;
    const length = Math.min(stored.readUInt32LE(0), MAX_RAW);
    // One byte more than needed, or zlib asks for a second buffer and joins the two.
    this.#raw = inflateRawSync(stored.subarray(4), { chunkSize: length + 64, maxOutputLength: length + 64 });
    this.start = start;
    this.count = this.#raw.readUInt32LE(0);
    if (this.count > CHUNK_SEGMENTS) throw new RangeError(`a chunk of ${this.count} segments is damaged`);
    this.#partSize = this.#raw.readDoubleLE(8);
    this.end = this.#raw.readDoubleLE(16);
    let from = HEADER + this.count * 5;
    if (this.#partSize === 0) {
      this.#ends = this.#readEnds(from);
      from += this.count * 4;
    }
    const alternates = this.#raw.readUInt32LE(4);
    this.#idBounds = this.#readIdBounds(from + alternates * 3);
    this.#alternates = this.#readAlternates(from, alternates);
  }

  /** Bytes of memory it takes, roughly. */
  get bytes(): number {
    const alternates = this.#raw.readUInt32LE(4) * 300;
    return this.#raw.length + this.#idBounds.byteLength + (this.#ends?.byteLength ?? 0) + alternates + 300;
  }

  /** The segment that holds byte `offset` of the post, `start <= offset < end`. */
  segmentAt(offset: number): Segment {
    return this.segment(this.#ends === undefined ? this.#indexByDivision(offset) : indexByEnds(this.#ends, offset));
  }

  /** The segment of this position in the chunk. */
  segment(index: number): Segment {
    return new PackedSegment(this, index);
  }

  beginOf(index: number): number {
    if (this.#ends === undefined) return this.start + index * this.#partSize;
    return index === 0 ? this.start : at(this.#ends, index - 1);
  }

  endOf(index: number): number {
    if (this.#ends !== undefined) return at(this.#ends, index);
    return index === this.count - 1 ? this.end : this.beginOf(index + 1);
  }

  encodedSizeOf(index: number): number {
    return readPlanes(this.#raw, HEADER + this.count + index, this.count);
  }

  idOf(index: number): MessageId | undefined {
    const start = at(this.#idBounds, index);
    const end = at(this.#idBounds, index + 1);
    return start === end ? undefined : (this.#raw.toString("latin1", start, end) as MessageId);
  }

  alternatesOf(index: number): readonly MessageId[] {
    return this.#alternates.get(index) ?? NONE;
  }

  #indexByDivision(offset: number): number {
    // The last part may be longer than the others.
    return Math.min(Math.floor((offset - this.start) / this.#partSize), this.count - 1);
  }

  #readEnds(from: number): Float64Array {
    const ends = new Float64Array(this.count);
    let end = this.start;
    for (let index = 0; index < this.count; index++) {
      end += readPlanes(this.#raw, from + index, this.count);
      ends[index] = end;
    }
    return ends;
  }

  #readIdBounds(from: number): Uint32Array {
    const bounds = new Uint32Array(this.count + 1);
    let end = from;
    bounds[0] = end;
    for (let index = 0; index < this.count; index++) {
      end += at(this.#raw, HEADER + index);
      bounds[index + 1] = end;
    }
    return bounds;
  }

  #readAlternates(from: number, count: number): ReadonlyMap<number, readonly MessageId[]> {
    const byIndex = new Map<number, MessageId[]>();
    let idFrom = at(this.#idBounds, this.count);
    for (let entry = from; entry < from + count * 3; entry += 3) {
      const index = this.#raw.readUInt16LE(entry);
      const idEnd = idFrom + at(this.#raw, entry + 2);
      const id = this.#raw.toString("latin1", idFrom, idEnd) as MessageId;
      const known = byIndex.get(index);
      if (known === undefined) byIndex.set(index, [id]);
      else known.push(id);
      idFrom = idEnd;
    }
    return byIndex;
  }
}

const NONE: readonly MessageId[] = [];

/** Made per call. The ids are getters: a whole map is walked without making a string of each. */
class PackedSegment implements Segment {
  readonly begin: number;
  readonly size: number;
  readonly encodedSize: number;
  readonly post: number;
  readonly #chunk: SegmentChunk;
  readonly #index: number;
  #id: MessageId | undefined;

  constructor(chunk: SegmentChunk, index: number) {
    this.begin = chunk.beginOf(index);
    this.size = chunk.endOf(index) - this.begin;
    this.encodedSize = chunk.encodedSizeOf(index);
    this.post = chunk.post;
    this.#chunk = chunk;
    this.#index = index;
  }

  get id(): MessageId | undefined {
    this.#id ??= this.#chunk.idOf(this.#index);
    return this.#id;
  }

  get alternates(): readonly MessageId[] {
    return this.#chunk.alternatesOf(this.#index);
  }
}

/** The first part that ends after `offset`. */
function indexByEnds(ends: Float64Array, offset: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(ends, middle) > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

function readPlanes(raw: Buffer, from: number, count: number): number {
  const low = at(raw, from) | (at(raw, from + count) << 8) | (at(raw, from + count * 2) << 16);
  return low + at(raw, from + count * 3) * 0x1000000;
}

function at(numbers: Uint8Array | Uint32Array | Float64Array, index: number): number {
  return numbers[index] as number;
}
