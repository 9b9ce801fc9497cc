import type { MessageId } from "./message-id.ts";

/** What a SegmentList is made of; plain typed arrays, so that it can be handed to another thread. */
export interface PackedSegments {
  /** All ids one after the other, ASCII, without brackets. */
  readonly ids: Uint8Array;
  /** Where the id of segment i ends in `ids`; equal to the one before it when the segment is missing (a known hole). */
  readonly idEnds: Uint32Array;
  /** The NZB's `bytes` per segment: usually the encoded size, always just a hint. */
  readonly encodedSizes: Uint32Array;
  /** Further ids for the same part, `[index, id]`, in the order of the NZB. */
  readonly alternates: readonly (readonly [number, string])[];
}

/** The segments of one posted file, in order: index = part number - 1. Packed, because a file may have a million of them. */
export class SegmentList {
  readonly packed: PackedSegments;

  constructor(packed: PackedSegments) {
    this.packed = packed;
  }

  static from(segments: readonly { readonly id: MessageId | undefined; readonly encodedSize: number }[]): SegmentList {
    const idEnds = new Uint32Array(segments.length);
    let end = 0;
    segments.forEach(({ id }, index) => {
      end += id?.length ?? 0;
      idEnds[index] = end;
    });
    return new SegmentList({
      ids: Buffer.from(segments.map(({ id }) => id ?? "").join(""), "latin1"),
      idEnds,
      encodedSizes: Uint32Array.from(segments, ({ encodedSize }) => encodedSize),
      alternates: [],
    });
  }

  get length(): number {
    return this.packed.idEnds.length;
  }

  /** The id, or undefined where the NZB has no segment of this number. */
  idAt(index: number): MessageId | undefined {
    const { ids, idEnds } = this.packed;
    const start = index === 0 ? 0 : (idEnds[index - 1] as number);
    const end = idEnds[index] as number;
    if (end === start) return undefined;
    return Buffer.from(ids.buffer, ids.byteOffset + start, end - start).toString("latin1") as MessageId;
  }

  encodedSizeAt(index: number): number {
    return this.packed.encodedSizes[index] as number;
  }

  alternatesAt(index: number): readonly MessageId[] {
    return this.packed.alternates.filter(([at]) => at === index).map(([, id]) => id as MessageId);
  }
}
