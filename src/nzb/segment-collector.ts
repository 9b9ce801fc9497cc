import type { PackedSegments } from "../base/segment-list.ts";
import { SegmentList } from "../base/segment-list.ts";
import type { PackArena } from "./pack-arena.ts";

/** RFC 3977 section 3.6: 250 octets with the brackets. */
export const MAX_ID_BYTES = 248;

/** A part is asked for under this many further ids; more are left out. */
const ALTERNATES_PER_PART = 8;

/** A part number may leave this many holes in any file, and ten for each of its segments in a long one. */
const HOLES_ALWAYS_ALLOWED = 1000;
const HOLES_PER_SEGMENT = 10;

const NO_ALTERNATES: readonly (readonly [number, string])[] = [];

export interface CollectedFile {
  readonly segments: SegmentList;
  readonly rejectedIds: number;
}

/**
 * The segments of one file as they come in the document, packed; then put in order. One collector serves all files of a document.
 * The arrays are public for the byte scanner, which writes ids straight into them: entry i's id ends at `ends[i]` and begins where
 * the one before ends. An entry with an empty id is a part whose id was refused.
 */
export class SegmentCollector {
  ids: Buffer = Buffer.allocUnsafeSlow(16 * 1024);
  ends: Uint32Array = new Uint32Array(256);
  /** 0: absent or unusable. */
  numbers: Uint32Array = new Uint32Array(256);
  sizes: Uint32Array = new Uint32Array(256);
  count = 0;
  idBytes = 0;
  /** How many of the entries have no id. */
  rejected = 0;
  #alternatesLeft: number;

  constructor(maxAlternates: number) {
    this.#alternatesLeft = maxAlternates;
  }

  /** `id` must be a valid message-id; undefined: it was refused, but the part is known to exist. */
  add(id: string | undefined, number: number, size: number): void {
    this.reserve();
    if (id === undefined) this.rejected += 1;
    else this.idBytes += this.ids.write(id, this.idBytes, "latin1");
    this.ends[this.count] = this.idBytes;
    this.numbers[this.count] = number;
    this.sizes[this.count] = size;
    this.count += 1;
  }

  /** Makes room for one more entry with an id of any allowed length. */
  reserve(): void {
    if (this.ids.length - this.idBytes <= MAX_ID_BYTES) {
      const grown = Buffer.allocUnsafeSlow(this.ids.length * 2);
      this.ids.copy(grown, 0, 0, this.idBytes);
      this.ids = grown;
    }
    if (this.count < this.ends.length) return;
    this.ends = doubled(this.ends);
    this.numbers = doubled(this.numbers);
    this.sizes = doubled(this.sizes);
  }

  /**
   * Orders what was collected and starts anew. By number; the same number with the same id counts once, with another id is an alternate;
   * a gap is a hole; entries without a usable number follow in document order. undefined: there would be more than `maxParts` parts.
   */
  take(arena: PackArena, maxParts: number): CollectedFile | undefined {
    const packed = this.#isInOrder() ? this.#packAsIs(arena, maxParts) : this.#packOrdered(arena, maxParts);
    const rejectedIds = this.rejected;
    this.count = 0;
    this.idBytes = 0;
    this.rejected = 0;
    return packed && { segments: new SegmentList(packed), rejectedIds };
  }

  #isInOrder(): boolean {
    if (this.rejected > 0) return false;
    for (let entry = 0; entry < this.count; entry += 1) if (this.numbers[entry] !== entry + 1) return false;
    return true;
  }

  #packAsIs(arena: PackArena, maxParts: number): PackedSegments | undefined {
    if (this.count > maxParts) return undefined;
    const packed = arena.allocate(this.count, this.idBytes);
    this.ids.copy(packed.ids, 0, 0, this.idBytes);
    // Element by element: most posts have files of few segments, for which a view to copy from costs more than the copy.
    for (let entry = 0; entry < this.count; entry += 1) {
      packed.idEnds[entry] = this.ends[entry] as number;
      packed.encodedSizes[entry] = this.sizes[entry] as number;
    }
    const { ids, idEnds, encodedSizes } = packed;
    return { ids, idEnds, encodedSizes, alternates: NO_ALTERNATES };
  }

  #packOrdered(arena: PackArena, maxParts: number): PackedSegments | undefined {
    const parts = this.#numberAll();
    if (parts > maxParts) return undefined;
    const alternates: [number, string][] = [];
    const chosen = this.#choose(parts, alternates);
    let idBytes = 0;
    for (const entry of chosen) if (entry >= 0) idBytes += this.#end(entry) - this.#start(entry);
    const packed = arena.allocate(parts, idBytes);
    let end = 0;
    for (let index = 0; index < parts; index += 1) {
      const entry = chosen[index] as number;
      if (entry >= 0) {
        end += this.ids.copy(packed.ids, end, this.#start(entry), this.#end(entry));
        packed.encodedSizes[index] = this.sizes[entry] as number;
      }
      packed.idEnds[index] = end;
    }
    return { ...packed, alternates };
  }

  /** Gives every entry a number from 1 on, or 0 when it is to be left out; returns how many parts there are, holes included. */
  #numberAll(): number {
    const highest = this.count + Math.max(HOLES_ALWAYS_ALLOWED, HOLES_PER_SEGMENT * this.count);
    let parts = 0;
    for (let entry = 0; entry < this.count; entry += 1) {
      const number = this.numbers[entry] as number;
      if (number > highest) this.numbers[entry] = 0;
      else if (number > parts) parts = number;
    }
    for (let entry = 0; entry < this.count; entry += 1) {
      if (this.numbers[entry] !== 0 || this.#isRefused(entry)) continue;
      parts += 1;
      this.numbers[entry] = parts;
    }
    return parts;
  }

  /** The entry for every part, -1 for a hole; further ids of a part go to `alternates`, in the order of the document. */
  #choose(parts: number, alternates: [number, string][]): Int32Array {
    const chosen = new Int32Array(parts).fill(-1);
    let firstOfIndex = 0;
    let indexSoFar = -1;
    for (const entry of this.#entriesByNumber()) {
      const index = (this.numbers[entry] as number) - 1;
      if (index !== indexSoFar) {
        indexSoFar = index;
        firstOfIndex = alternates.length;
      }
      const taken = chosen[index] as number;
      if (taken < 0 || this.#isRefused(taken)) {
        if (taken < 0 || !this.#isRefused(entry)) chosen[index] = entry;
        continue;
      }
      if (this.#isRefused(entry) || this.#hasSameId(entry, taken)) continue;
      if (this.#alternatesLeft === 0 || alternates.length - firstOfIndex === ALTERNATES_PER_PART) continue;
      const id = this.ids.toString("latin1", this.#start(entry), this.#end(entry));
      if (alternates.slice(firstOfIndex).some(([, known]) => known === id)) continue;
      alternates.push([index, id]);
      this.#alternatesLeft -= 1;
    }
    return chosen;
  }

  #entriesByNumber(): Uint32Array {
    const keys = new Float64Array(this.count);
    let used = 0;
    // Number and entry in one exact double: a typed array sorts without calling back, and stays in document order within a number.
    for (let entry = 0; entry < this.count; entry += 1) {
      const number = this.numbers[entry] as number;
      if (number > 0) keys[used++] = number * this.count + entry;
    }
    const sorted = keys.subarray(0, used).sort();
    return Uint32Array.from(sorted, (key) => key % this.count);
  }

  #start(entry: number): number {
    return entry === 0 ? 0 : (this.ends[entry - 1] as number);
  }

  #end(entry: number): number {
    return this.ends[entry] as number;
  }

  #isRefused(entry: number): boolean {
    return this.#start(entry) === this.#end(entry);
  }

  #hasSameId(one: number, other: number): boolean {
    return this.ids.compare(this.ids, this.#start(one), this.#end(one), this.#start(other), this.#end(other)) === 0;
  }
}

function doubled(array: Uint32Array): Uint32Array {
  const grown = new Uint32Array(array.length * 2);
  grown.set(array);
  return grown;
}
