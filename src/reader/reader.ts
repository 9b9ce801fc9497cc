import { type Decryption, startDecryption } from "../archive/decryption.ts";
import { type ByteRange, clampRange } from "../base/byte-range.ts";
import type { Clock } from "../base/clock.ts";
import type { Cancel, SeekableFile } from "../base/seekable-file.ts";
import type { Extent, ExtentMap } from "../catalog/catalog.ts";
import type { Damage } from "./damage.ts";
import { type ReadAhead, slowStart } from "./read-ahead.ts";
import type { ReadClass } from "./read-class.ts";
import type { SegmentCache, SegmentLease } from "./segment-cache.ts";
import { type ReadObserver, waitOf } from "./wait.ts";

export interface ReaderOptions {
  readonly cache: SegmentCache;
  /** What one stream may have warm beyond its position. */
  readonly readAheadBytes: number;
  readonly readAhead?: ReadAhead;
  readonly clock: Clock;
  /** Somebody begins to read more than a little: connections will be needed. */
  readonly onStart?: () => void;
}

/** Who reads a file, and how. */
export interface OpenOptions {
  /** One object per client and file: requests of one stream take turns with those of others. */
  readonly stream?: object;
  /** Looked at whenever the window could grow; `play` unless given. */
  readonly readClass?: () => ReadClass;
  /** Is told of every wait. */
  readonly observer?: ReadObserver;
  /** Stands in for what nobody has; without it such a read fails. */
  readonly damage?: Damage;
}

/** A client that has just jumped may leave again at once: it gets pieces so small that this is noticed between two of them. */
const FIRST_BYTES = 2 * 1024 * 1024;
const FIRST_PIECE_BYTES = 128 * 1024;

/** Waits shorter than this are the event loop's, not the network's. */
const WAIT_MS = 1;

/** Segments that have been asked for in advance, in order. */
interface Warm {
  readonly extent: Extent;
  readonly wish: Disposable;
}

/** One read of one file. */
interface Read extends OpenOptions, Cancel {
  readonly map: ExtentMap;
  /** Of the file as it was posted. */
  readonly range: ByteRange;
  readonly decryption: Decryption | undefined;
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

  /** A file that was posted encrypted gives its plaintext. */
  open(map: ExtentMap, options: OpenOptions = {}): SeekableFile {
    const { cipher } = map;
    const size = cipher?.size ?? map.size;
    return {
      size,
      read: (wanted, { signal }) => {
        const clamped = clampRange(wanted, size);
        const decryption = cipher && startDecryption(cipher, clamped);
        return this.#read({ ...options, map, range: decryption?.source ?? clamped, decryption, signal });
      },
    };
  }

  async *#read(read: Read): AsyncGenerator<Uint8Array, void, undefined> {
    const { map, range, decryption, signal, stream, damage, readClass } = read;
    const { cache, onStart } = this.#options;
    const ahead: Warm[] = [];
    let position = range.start;
    /** Nothing has been given yet. */
    let isFirst = true;
    this.#reads += 1;
    try {
      while (position < range.end) {
        signal.throwIfAborted();
        const extent = ahead[0]?.extent.start === position ? ahead[0].extent : map.at(position);
        const stop = Math.min(extent.end, range.end);
        if (position === range.start && stop < range.end && readClass?.() !== "scan") onStart?.();
        using lease = cache.get(extent.segment, { lane: "playhead", stream, signal });
        // The wish for this segment has come true; the lease keeps its flight alive from here.
        while (ahead[0] !== undefined && ahead[0].extent.start <= position) ahead.shift()?.wish[Symbol.dispose]();
        const from = position;
        while (position < stop) {
          this.#warm(read, ahead, { position, extent });
          const offset = extent.skip + (position - extent.start);
          let prefix: Buffer;
          try {
            prefix = await this.#ready(lease, offset + 1, { read, isFirst });
          } catch (error) {
            // What was shown before it was verified can only be taken back by breaking off.
            if (damage === undefined || signal.aborted || position > from) throw error;
            yield* damage.fill(extent, decryption?.lose(stop - position) ?? { start: position, end: stop }, error);
            isFirst = false;
            position = stop;
            break;
          }
          if (prefix.length === lease.size) damage?.sound(extent);
          const most = position - range.start < FIRST_BYTES ? offset + FIRST_PIECE_BYTES : Number.POSITIVE_INFINITY;
          const end = Math.min(prefix.length, extent.skip + (stop - extent.start), most);
          position += end - offset;
          // Said beforehand: whoever has the last bytes it asked for does not ask for more.
          if (position === stop) lease.done();
          const posted = prefix.subarray(offset, end);
          const bytes = decryption === undefined ? posted : decryption.update(posted);
          if (bytes.length === 0) continue;
          isFirst = false;
          yield bytes;
        }
        if (position === extent.end && readClass?.() === "download") cache.spent(extent.segment);
      }
    } finally {
      this.#reads -= 1;
      for (const { wish } of ahead) wish[Symbol.dispose]();
    }
  }

  async #ready(lease: SegmentLease, bytes: number, of: { read: Read; isFirst: boolean }): Promise<Buffer> {
    const { observer } = of.read;
    if (observer === undefined || lease.trace === undefined) return lease.ready(bytes);
    const { clock } = this.#options;
    const from = clock.now();
    try {
      return await lease.ready(bytes);
    } finally {
      const to = clock.now();
      if (to - from >= WAIT_MS) observer.waited(waitOf(lease.trace, from, { to, isFirst: of.isFirst }));
    }
  }

  /** Asks for what lies within the read-ahead beyond the position, and never beyond the end of the range. */
  #warm(read: Read, ahead: Warm[], { position, extent }: { position: number; extent: Extent }): void {
    const { map, range, stream, readClass } = read;
    const { cache, readAheadBytes, readAhead = slowStart } = this.#options;
    const bytes = readAhead({
      consumed: position - range.start,
      segmentBytes: extent.segment.size,
      // All streams together keep to half of the memory, so that none evicts what another has just fetched.
      maxBytes: Math.min(readAheadBytes, cache.budgetBytes / 2 / this.#reads),
      askedFor: range.end < map.size ? range.end - range.start : undefined,
      readClass: readClass?.() ?? "play",
    });
    const horizon = Math.min(range.end, extent.end + bytes);
    let next = ahead.at(-1)?.extent.end ?? extent.end;
    while (next < horizon) {
      const coming = map.at(next);
      ahead.push({ extent: coming, wish: cache.warm(coming.segment, { lane: "readahead", stream }) });
      next = coming.end;
    }
  }
}
