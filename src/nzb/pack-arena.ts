const SMALLEST_PAGE = 16 * 1024;
const LARGEST_PAGE = 4 * 1024 * 1024;

export interface PackedArrays {
  readonly ids: Uint8Array;
  readonly idEnds: Uint32Array;
  readonly encodedSizes: Uint32Array;
}

/** The arrays of one file inside a page: two of `parts` 32-bit numbers from `offset` on, then `idBytes` bytes of ids. */
export function arraysAt(page: ArrayBuffer, offset: number, size: { parts: number; idBytes: number }): PackedArrays {
  return {
    idEnds: new Uint32Array(page, offset, size.parts),
    encodedSizes: new Uint32Array(page, offset + 4 * size.parts, size.parts),
    ids: new Uint8Array(page, offset + 8 * size.parts, size.idBytes),
  };
}

/** Packs the arrays of many files into few buffers, so that a hundred thousand small files cost a handful of transfers. */
export class PackArena {
  #page = new ArrayBuffer(0);
  #used = 0;
  #pageBytes = SMALLEST_PAGE;

  /** Zeroed arrays for one file. */
  allocate(parts: number, idBytes: number): PackedArrays {
    const bytes = 8 * parts + idBytes;
    if (this.#used + bytes > this.#page.byteLength) {
      this.#page = new ArrayBuffer(Math.max(bytes, this.#pageBytes));
      this.#used = 0;
      this.#pageBytes = Math.min(LARGEST_PAGE, this.#pageBytes * 2);
    }
    const arrays = arraysAt(this.#page, this.#used, { parts, idBytes });
    this.#used += Math.ceil(bytes / 4) * 4;
    return arrays;
  }
}
