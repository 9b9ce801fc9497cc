import type { ByteRange } from "../base/byte-range.ts";
import type { Cancel, SeekableFile } from "../base/seekable-file.ts";
import type { Piece } from "./archive.ts";

/** Several files as one, each beginning where the one before it ends: a raw split, or the volumes of a 7z or ZIP set. */
export class JoinedFile implements SeekableFile {
  readonly size: number;
  readonly #files: readonly SeekableFile[];
  /** Where each file begins. */
  readonly #starts: readonly number[];

  constructor(files: readonly SeekableFile[]) {
    const starts: number[] = [];
    let size = 0;
    for (const file of files) {
      starts.push(size);
      size += file.size;
    }
    this.size = size;
    this.#files = files;
    this.#starts = starts;
  }

  /** Where the file of this number begins; undefined when there is no such file. */
  startOf(index: number): number | undefined {
    return this.#starts[index];
  }

  /** The same bytes as runs of the single files, in order; empty files have none. Throws a RangeError outside of the whole. */
  pieces({ start, end }: ByteRange): Piece[] {
    if (!(start >= 0 && start <= end && end <= this.size)) {
      throw new RangeError(`bytes ${start} to ${end} are not in a file of ${this.size} bytes`);
    }
    const pieces: Piece[] = [];
    for (let volume = this.#fileAt(start), at = start; at < end; volume++) {
      const begins = this.#starts[volume] as number;
      const ends = begins + (this.#files[volume] as SeekableFile).size;
      const stop = Math.min(end, ends);
      if (stop > at) pieces.push({ volume, start: at - begins, end: stop - begins });
      at = Math.max(at, stop);
    }
    return pieces;
  }

  async *read(range: ByteRange, cancel: Cancel): AsyncGenerator<Uint8Array, void, undefined> {
    for (const { volume, start, end } of this.pieces(range)) {
      yield* (this.#files[volume] as SeekableFile).read({ start, end }, cancel);
    }
  }

  /** The last file that begins at or before `position`. */
  #fileAt(position: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] as number) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
