import { type ByteRange, clampRange } from "../base/byte-range.ts";
import type { Cancel, SeekableFile } from "../base/seekable-file.ts";
import type { Extent, ExtentMap } from "../catalog/catalog.ts";
import { type ReadAhead, slowStart } from "./read-ahead.ts";
import type { ReadClass } from "./read-class.ts";
import type { SegmentCache } from "./segment-cache.ts";
import type { ReadObserver } from "./wait.ts";

export interface ReaderOptions {
  readonly cache: SegmentCache;
  /** What one stream may have warm beyond its position. */
  readonly readAheadBytes: number;
  readonly readAhead?: ReadAhead;
}

/** Who reads a file, and how. */
export interface OpenOptions {
  /** One object per client and file: requests of one stream take turns with those of others. */
  readonly stream?: object;
  /** Looked at whenever the window could grow; `play` unless given. */
  readonly readClass?: () => ReadClass;
  /** Is told of every wait. */
  readonly observer?: ReadObserver;
}

/** Segments that have been asked for in advance, in order. */
interface Warm {
  readonly start: number;
  readonly end: number;
  readonly wish: Disposable;
}

/** Makes files readable out of articles. One per process: reads share its cache, and the memory for read-ahead. */
export class Reader {
  readonly #options: ReaderOptions;
  #reads = 0;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Reads that are under way. */
  get activeReads(): number {
    return this.#reads;
  }

  open(map: ExtentMap, _options: OpenOptions = {}): SeekableFile {
    return { size: map.size, read: (range, cancel) => this.#read(map, clampRange(range, map.size), cancel) };
  }

  async *#read(map: ExtentMap, range: ByteRange, { signal }: Cancel): AsyncGenerator<Uint8Array, void, undefined> {
    const ahead: Warm[] = [];
    let position = range.start;
    this.#reads += 1;
    try {
      while (position < range.end) {
        signal.throwIfAborted();
        const extent = map.at(position);
        const stop = Math.min(extent.end, range.end);
        using lease = this.#options.cache.get(extent.segment, { lane: "playhead", signal });
        // The wish for this segment has come true; the lease keeps its flight alive from here.
        while (ahead[0] !== undefined && ahead[0].start <= position) ahead.shift()?.wish[Symbol.dispose]();
        while (position < stop) {
          this.#warm(map, ahead, { position, extent, range });
          const offset = extent.skip + (position - extent.start);
          const prefix = await lease.ready(offset + 1);
          const end = Math.min(prefix.length, extent.skip + (stop - extent.start));
          position += end - offset;
          yield prefix.subarray(offset, end);
        }
      }
    } finally {
      this.#reads -= 1;
      for (const { wish } of ahead) wish[Symbol.dispose]();
    }
  }

  /** Asks for what lies within the read-ahead beyond the position, and never beyond the end of the range. */
  #warm(map: ExtentMap, ahead: Warm[], at: { position: number; extent: Extent; range: ByteRange }): void {
    const { position, extent, range } = at;
    const { cache, readAheadBytes, readAhead = slowStart } = this.#options;
    const bytes = readAhead({
      consumed: position - range.start,
      segmentBytes: extent.segment.size,
      // All streams together keep to half of the memory, so that none evicts what another has just fetched.
      maxBytes: Math.min(readAheadBytes, cache.budgetBytes / 2 / this.#reads),
    });
    const horizon = Math.min(range.end, extent.end + bytes);
    let next = ahead.at(-1)?.end ?? extent.end;
    while (next < horizon) {
      const { start, end, segment } = map.at(next);
      ahead.push({ start, end, wish: cache.warm(segment, "readahead") });
      next = end;
    }
  }
}
