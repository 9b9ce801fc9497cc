import type { ByteRange } from "../base/byte-range.ts";
import { MAX_HOLES_PER_FILE } from "../catalog/damage.ts";

/** Holes next to each other, holes of a file, and their share of its bytes, up to which a file is worth filling. */
export const DAMAGE_LIMITS = { inARow: 4, inAll: 64, share: 0.02 } as const;

interface Known extends ByteRange {
  isFilled: boolean;
}

/**
 * Which holes of one file may be filled. Counts distinct holes, whoever reads them how often; a hole that was filled once is always filled,
 * so that every read of the file gets the same bytes. A hole that was refused still counts as a neighbour of the next.
 */
export class DamageLimits {
  readonly #fileSize: number;
  readonly #byStart = new Map<number, Known>();
  readonly #byEnd = new Map<number, Known>();
  #filled = 0;
  #filledBytes = 0;

  constructor(fileSize: number) {
    this.#fileSize = fileSize;
  }

  /** Takes the hole in, or says in words why it may not be filled. Holes never overlap: each is what one segment holds of the file. */
  refusal(hole: ByteRange): string | undefined {
    const known = this.#byStart.get(hole.start);
    if (known?.isFilled) return undefined;
    if (known === undefined && this.#byStart.size >= MAX_HOLES_PER_FILE) {
      return `more than ${MAX_HOLES_PER_FILE} articles of the file are damaged`;
    }
    const reason = this.#reason(hole);
    const isFilled = reason === undefined;
    if (isFilled) {
      this.#filled += 1;
      this.#filledBytes += hole.end - hole.start;
    }
    if (known !== undefined) known.isFilled = isFilled;
    else this.#remember({ start: hole.start, end: hole.end, isFilled });
    return reason;
  }

  /** It is no hole any more; what was refused because of it is judged anew when it is asked for. */
  forget(start: number): void {
    const known = this.#byStart.get(start);
    if (known === undefined) return;
    this.#byStart.delete(start);
    this.#byEnd.delete(known.end);
    if (!known.isFilled) return;
    this.#filled -= 1;
    this.#filledBytes -= known.end - known.start;
  }

  #remember(hole: Known): void {
    this.#byStart.set(hole.start, hole);
    this.#byEnd.set(hole.end, hole);
  }

  #reason(hole: ByteRange): string | undefined {
    const { inARow, inAll, share } = DAMAGE_LIMITS;
    if (this.#runLength(hole) > inARow) return `more than ${inARow} articles in a row are damaged`;
    if (this.#filled >= inAll) return `more than ${inAll} articles of the file are damaged`;
    const bytes = this.#filledBytes + hole.end - hole.start;
    if (bytes > this.#fileSize * share) return `more than ${share * 100} % of the file is damaged`;
    return undefined;
  }

  /** Holes in a row with this one, counted no further than matters. */
  #runLength({ start, end }: ByteRange): number {
    const most = DAMAGE_LIMITS.inARow + 1;
    let length = 1;
    for (let at = this.#byEnd.get(start); at !== undefined && length < most; at = this.#byEnd.get(at.start))
      length += 1;
    for (let at = this.#byStart.get(end); at !== undefined && length < most; at = this.#byStart.get(at.end))
      length += 1;
    return length;
  }
}
