import { LRUCache } from "lru-cache";
import type { Clock } from "../base/clock.ts";
import { errorCode } from "../base/errors.ts";
import type { Segment } from "../catalog/catalog.ts";
import type { ArticleSource } from "../nntp/article-source.ts";
import type { Lane } from "../nntp/lanes.ts";
import type { CacheStats } from "./cache-stats.ts";
import { Flight } from "./flight.ts";
import { type PinnedSlot, SlotPool } from "./slots.ts";

/** Grace of a deserted flight that is mostly here. */
const LINGER_MS = 2_000;

/** So many of them at most; the one that has lingered longest makes room. */
const MAX_LINGERING = 4;

const DESERTED = new Error("nobody waits for this segment any more");

/** A segment in a slot that is kept for the reader until the lease is disposed of. Readable before it is complete. */
export interface SegmentLease extends Disposable {
  readonly size: number;
  /**
   * The decoded prefix once it holds at least `bytes`; what was given before may change from then on.
   * Rejects when the article turns out bad, or with the signal's reason.
   */
  ready(bytes: number): Promise<Buffer>;
}

export interface SegmentCacheOptions {
  readonly source: ArticleSource;
  /** Bytes for everything: kept segments, and those in flight. */
  readonly budgetBytes: number;
  readonly clock: Clock;
}

interface Kept {
  readonly slot: PinnedSlot;
  readonly size: number;
}

/**
 * Verified segments in memory, and the fetches under way: one per process, so that every client shares them.
 * Owns its slots; `dispose` cancels every flight and forgets everything.
 */
export class SegmentCache implements Disposable {
  readonly #options: SegmentCacheOptions;
  readonly #slots: SlotPool;
  readonly #kept: LRUCache<string, Kept>;
  readonly #flights = new Map<string, Flight>();
  readonly #lingering = new Map<Flight, { readonly timer: Disposable; readonly stop: () => void }>();
  #hits = 0;
  #joins = 0;
  #misses = 0;
  #evictions = 0;

  constructor(options: SegmentCacheOptions) {
    this.#options = options;
    this.#slots = new SlotPool({
      budgetBytes: options.budgetBytes,
      clock: options.clock,
      evict: () => this.#evictOne(),
    });
    // The slot pool keeps the budget; this bound can only be reached when every slot is a kept segment.
    this.#kept = new LRUCache({
      maxSize: options.budgetBytes,
      sizeCalculation: ({ slot }) => slot.capacity,
      dispose: ({ slot }) => slot.unpin(),
    });
  }

  /** Bytes for everything. */
  get budgetBytes(): number {
    return this.#options.budgetBytes;
  }

  /** Callers of the same segment share one fetch; each may leave without disturbing the others. */
  get(segment: Segment, { lane, signal }: { readonly lane: Lane; readonly signal: AbortSignal }): SegmentLease {
    const key = keyOf(segment);
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#hits += 1;
      return this.#leaseKept(kept, signal);
    }
    return this.#leaseFlight(key, this.#board(key, segment, lane), lane, signal);
  }

  /** Wants the segment to be there soon; disposing withdraws the wish. Never fails. */
  warm(segment: Segment, lane: Lane): Disposable {
    const key = keyOf(segment);
    if (this.#kept.get(key) !== undefined) return { [Symbol.dispose]() {} };
    const flight = this.#board(key, segment, lane);
    return once(() => this.#leave(key, flight, lane));
  }

  stats(): CacheStats {
    return {
      hits: this.#hits,
      joins: this.#joins,
      misses: this.#misses,
      evictions: this.#evictions,
      flights: this.#flights.size,
      entries: this.#kept.size,
      allocatedBytes: this.#slots.allocatedBytes,
      pinnedSlots: this.#slots.inUse - this.#kept.size,
      budgetBytes: this.#options.budgetBytes,
    };
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#lingering.values()) timer[Symbol.dispose]();
    this.#lingering.clear();
    for (const flight of this.#flights.values()) flight.cancel(DESERTED);
    this.#flights.clear();
    this.#kept.clear();
  }

  /** The flight for this segment, joined. */
  #board(key: string, segment: Segment, lane: Lane): Flight {
    const present = this.#flights.get(key);
    if (present !== undefined) {
      this.#joins += 1;
      this.#lingering.get(present)?.timer[Symbol.dispose]();
      this.#lingering.delete(present);
      present.interest.join(lane);
      return present;
    }
    this.#misses += 1;
    const flight = new Flight(segment, lane, {
      source: this.#options.source,
      slots: this.#slots,
      onArrived: (arrived, slot) => this.#keep(key, arrived, slot),
      onFailed: (failed, error) => this.#failed(key, failed, error),
    });
    flight.interest.join(lane);
    this.#flights.set(key, flight);
    flight.start();
    return flight;
  }

  #leave(key: string, flight: Flight, lane: Lane): void {
    flight.interest.leave(lane);
    if (!flight.interest.isNone || this.#flights.get(key) !== flight) return;
    if (!flight.isMostlyHere || flight.hasFailed) {
      this.#remove(key, flight);
      flight.cancel(DESERTED);
      return;
    }
    const stop = () => {
      this.#remove(key, flight);
      flight.cancel(DESERTED);
    };
    const timer = this.#options.clock.after(LINGER_MS, stop);
    this.#lingering.set(flight, { timer, stop });
    const [oldest] = this.#lingering.values();
    if (this.#lingering.size > MAX_LINGERING) oldest?.stop();
  }

  #remove(key: string, flight: Flight): void {
    this.#lingering.get(flight)?.timer[Symbol.dispose]();
    this.#lingering.delete(flight);
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }

  /** When the article itself is at fault, whoever asked in advance is told so on getting there, and no provider is asked again. */
  #failed(key: string, flight: Flight, error: unknown): void {
    const code = errorCode(error);
    const isFinal = code === "ARTICLE_MISSING" || code === "ARTICLE_CORRUPT";
    if (!isFinal || flight.interest.isNone) this.#remove(key, flight);
  }

  /** The flight's pin becomes the cache's. */
  #keep(key: string, flight: Flight, slot: PinnedSlot): void {
    this.#remove(key, flight);
    this.#kept.set(key, { slot, size: flight.segment.size });
    this.#slots.noteEvictable();
  }

  #leaseKept(kept: Kept, signal: AbortSignal): SegmentLease {
    kept.slot.pin();
    const bytes = kept.slot.bytes.subarray(0, kept.size);
    const release = once(() => {
      kept.slot.unpin();
      this.#slots.noteEvictable();
    });
    return {
      size: kept.size,
      ready: (wanted) => {
        if (signal.aborted) return Promise.reject(signal.reason);
        return wanted > kept.size ? Promise.reject(beyondEnd(kept.size)) : Promise.resolve(bytes);
      },
      [Symbol.dispose]: () => release[Symbol.dispose](),
    };
  }

  #leaseFlight(key: string, flight: Flight, lane: Lane, signal: AbortSignal): SegmentLease {
    const passenger = flight.board();
    const release = once(() => {
      flight.leave(passenger);
      this.#leave(key, flight, lane);
      this.#slots.noteEvictable();
    });
    return {
      size: flight.segment.size,
      ready: (bytes) =>
        bytes > flight.segment.size
          ? Promise.reject(beyondEnd(flight.segment.size))
          : flight.ready(bytes, passenger, signal),
      [Symbol.dispose]: () => release[Symbol.dispose](),
    };
  }

  /** Gives up the least recently used segment that nobody reads. */
  #evictOne(): boolean {
    for (const key of this.#kept.rkeys()) {
      if (this.#kept.peek(key)?.slot.pins !== 1) continue;
      this.#evictions += 1;
      return this.#kept.delete(key);
    }
    return false;
  }
}

function beyondEnd(size: number): RangeError {
  return new RangeError(`bytes beyond the end of a segment of ${size} bytes were asked for`);
}

function keyOf(segment: Segment): string {
  return `${segment.id ?? segment.alternates[0] ?? ""} ${segment.begin} ${segment.size}`;
}

function once(call: () => void): Disposable {
  let isDone = false;
  return {
    [Symbol.dispose]() {
      if (isDone) return;
      isDone = true;
      call();
    },
  };
}
