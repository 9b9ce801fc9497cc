import type { Clock } from "../base/clock.ts";
import type { Slot } from "../base/slot.ts";
import type { Segment } from "../catalog/catalog.ts";
import type { ArticleSource, FetchOptions } from "../nntp/article-source.ts";
import { FetchTrace } from "../nntp/fetch-trace.ts";
import type { Lane } from "../nntp/lanes.ts";
import type { CacheStats } from "./cache-stats.ts";
import type { DiskTier } from "./disk-tier.ts";
import { fetchPart } from "./fetch-part.ts";
import { Flight } from "./flight.ts";
import { Holes } from "./holes.ts";
import { type KeptSegment, KeptSegments } from "./kept-segments.ts";
import { type PinnedSlot, SlotPool } from "./slots.ts";

/** Grace of a deserted flight that is mostly here. */
const LINGER_MS = 2_000;

/** So many of them at most whose client has left; the one that has lingered longest makes room. */
const MAX_LINGERING = 4;
/** And so many that have served somebody. */
const MAX_SERVED = 16;

const DESERTED = new Error("nobody waits for this segment any more");

/** A segment in a slot that is kept for the reader until the lease is disposed of. Readable before it is complete. */
export interface SegmentLease extends Disposable {
  readonly size: number;
  /** The course of the fetch; undefined when there was none. */
  readonly trace: FetchTrace | undefined;
  /**
   * The decoded prefix once it holds at least `bytes`; what was given before may change from then on.
   * Rejects when the article turns out bad, or with the signal's reason.
   */
  ready(bytes: number): Promise<Buffer>;
  /** The reader has had what it wanted: it has not left, and whoever comes next is likely to want the rest. */
  done(): void;
}

export interface SegmentCacheOptions {
  readonly source: ArticleSource;
  /** Bytes for everything: kept segments, and those in flight. */
  readonly budgetBytes: number;
  readonly clock: Clock;
  /** Where segments stay for longer; not disposed of with the cache. */
  readonly disk?: DiskTier | undefined;
}

/** A flight that nobody waits for, and that goes on for a while. */
interface Lingering {
  readonly timer: Disposable;
  readonly stop: () => void;
  readonly hasServed: boolean;
}

/** Who wants a segment. */
export interface Want {
  readonly lane: Lane;
  /** Streams take turns. */
  readonly stream?: object | undefined;
}

/**
 * Verified segments in memory, and the fetches under way: one per process, so that every client shares them.
 * Owns its slots; `dispose` cancels every flight and forgets everything.
 */
export class SegmentCache implements Disposable {
  readonly #options: SegmentCacheOptions;
  readonly #slots: SlotPool;
  readonly #kept: KeptSegments;
  readonly #holes: Holes;
  readonly #flights = new Map<string, Flight>();
  readonly #lingering = new Map<Flight, Lingering>();
  #hits = 0;
  #joins = 0;
  #misses = 0;

  constructor(options: SegmentCacheOptions) {
    this.#options = options;
    this.#slots = new SlotPool({
      budgetBytes: options.budgetBytes,
      clock: options.clock,
      evict: () => this.#kept.evict(),
    });
    this.#kept = new KeptSegments(options.budgetBytes);
    this.#holes = new Holes(options.clock);
  }

  /** Bytes for everything. */
  get budgetBytes(): number {
    return this.#options.budgetBytes;
  }

  /** Callers of the same segment share one fetch; each may leave without disturbing the others. */
  get(segment: Segment, { signal, ...want }: Want & { readonly signal: AbortSignal }): SegmentLease {
    const key = keyOf(segment);
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#hits += 1;
      return this.#leaseKept(kept, signal);
    }
    return this.#leaseFlight(key, this.#board(key, segment, want), want.lane, signal);
  }

  /** Wants the segment to be there soon; disposing withdraws the wish. Never fails. */
  warm(segment: Segment, want: Want): Disposable {
    const key = keyOf(segment);
    if (this.#kept.get(key) !== undefined) return { [Symbol.dispose]() {} };
    const flight = this.#board(key, segment, want);
    return once(() => this.#leave(key, flight, { lane: want.lane, hasServed: false }));
  }

  /** Whoever copies a file has done with this segment, and will not come back: it makes room before any other. */
  spent(segment: Segment): void {
    this.#kept.spent(keyOf(segment));
  }

  /**
   * Keeps a copy of a verified segment that was fetched for another reason, beyond what players leave behind: scanners look at both ends of
   * every new file. Only into memory that nobody uses, or in place of an older one of its kind.
   */
  remember(segment: Pick<Segment, "id" | "alternates" | "begin" | "size">, bytes: Buffer): void {
    const key = keyOf(segment);
    if (this.#kept.has(key) || this.#flights.has(key)) return;
    const slot =
      this.#slots.takeFree(segment.size) ?? (this.#kept.evictProbe() ? this.#slots.takeFree(segment.size) : undefined);
    if (slot === undefined) return;
    bytes.copy(slot.bytes, 0, 0, segment.size);
    this.#offerToDisk(key, slot, segment.size);
    this.#kept.addProbe(key, { slot, size: segment.size });
    this.#slots.noteEvictable();
  }

  /** Asks the providers again for what nobody had. */
  forgetHoles(): void {
    this.#holes.clear();
  }

  stats(): CacheStats {
    return {
      hits: this.#hits,
      joins: this.#joins,
      misses: this.#misses,
      evictions: this.#kept.evictions,
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
  #board(key: string, segment: Segment, { lane, stream }: Want): Flight {
    const present = this.#flights.get(key);
    if (present !== undefined) {
      this.#joins += 1;
      this.#lingering.get(present)?.timer[Symbol.dispose]();
      this.#lingering.delete(present);
      present.interest.join(lane);
      return present;
    }
    this.#misses += 1;
    const { clock } = this.#options;
    const flight = new Flight(segment, lane, {
      fetch: (into, options) => this.#fetch(key, segment, into, options),
      slots: this.#slots,
      clock,
      trace: new FetchTrace(clock.now()),
      stream,
      onArrived: (arrived, slot) => this.#keep(key, arrived, slot),
      onFailed: (failed) => this.#remove(key, failed),
    });
    flight.interest.join(lane);
    this.#flights.set(key, flight);
    flight.start();
    return flight;
  }

  /** From disk, or from the providers unless they are known not to have it. */
  async #fetch(key: string, segment: Segment, into: Slot, options: FetchOptions): Promise<void> {
    const { disk, source } = this.#options;
    if (disk !== undefined && (await disk.read(key, into.bytes, segment.size, options))) return;
    const fetch = () => fetchPart(source, segment, into, options);
    // A part without an article is missing without a question; there is nothing to ask again.
    const isListed = segment.id !== undefined || segment.alternates.length > 0;
    await (isListed ? this.#holes.around(key, fetch) : fetch());
  }

  #offerToDisk(key: string, slot: PinnedSlot, size: number): void {
    const { disk } = this.#options;
    if (disk === undefined) return;
    slot.pin();
    disk.offer(key, slot.bytes.subarray(0, size), () => {
      slot.unpin();
      this.#slots.noteEvictable();
    });
  }

  /** `hasServed`: somebody had of it what was wanted, so that the rest is worth its while too. */
  #leave(key: string, flight: Flight, { lane, hasServed }: { lane: Lane; hasServed: boolean }): void {
    flight.interest.leave(lane);
    if (!flight.interest.isNone || this.#flights.get(key) !== flight) return;
    if (!flight.isMostlyHere && !hasServed) {
      this.#remove(key, flight);
      flight.cancel(DESERTED);
      return;
    }
    const stop = () => {
      this.#remove(key, flight);
      flight.cancel(DESERTED);
    };
    const timer = this.#options.clock.after(LINGER_MS, stop);
    this.#lingering.set(flight, { timer, stop, hasServed });
    const alike = [...this.#lingering.values()].filter((other) => other.hasServed === hasServed);
    if (alike.length > (hasServed ? MAX_SERVED : MAX_LINGERING)) alike[0]?.stop();
  }

  #remove(key: string, flight: Flight): void {
    this.#lingering.get(flight)?.timer[Symbol.dispose]();
    this.#lingering.delete(flight);
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }

  /** The flight's pin becomes the cache's. */
  #keep(key: string, flight: Flight, slot: PinnedSlot): void {
    this.#remove(key, flight);
    this.#offerToDisk(key, slot, flight.segment.size);
    this.#kept.add(key, { slot, size: flight.segment.size });
    this.#slots.noteEvictable();
  }

  #leaseKept(kept: KeptSegment, signal: AbortSignal): SegmentLease {
    kept.slot.pin();
    const bytes = kept.slot.bytes.subarray(0, kept.size);
    const release = once(() => {
      kept.slot.unpin();
      this.#slots.noteEvictable();
    });
    return {
      size: kept.size,
      trace: undefined,
      done() {},
      ready: (wanted) => {
        if (signal.aborted) return Promise.reject(signal.reason);
        return wanted > kept.size ? Promise.reject(beyondEnd(kept.size)) : Promise.resolve(bytes);
      },
      [Symbol.dispose]: () => release[Symbol.dispose](),
    };
  }

  #leaseFlight(key: string, flight: Flight, lane: Lane, signal: AbortSignal): SegmentLease {
    const passenger = flight.board();
    let hasServed = false;
    const release = once(() => {
      flight.leave(passenger);
      this.#leave(key, flight, { lane, hasServed });
      this.#slots.noteEvictable();
    });
    return {
      size: flight.segment.size,
      trace: flight.trace,
      done() {
        hasServed = true;
      },
      ready: (bytes) =>
        bytes > flight.segment.size
          ? Promise.reject(beyondEnd(flight.segment.size))
          : flight.ready(bytes, passenger, signal),
      [Symbol.dispose]: () => release[Symbol.dispose](),
    };
  }
}

function beyondEnd(size: number): RangeError {
  return new RangeError(`bytes beyond the end of a segment of ${size} bytes were asked for`);
}

/** By its article, and by where in which size it is expected to be: the same for the same bytes only. */
function keyOf({ id, alternates, begin, size }: Pick<Segment, "id" | "alternates" | "begin" | "size">): string {
  return `${id ?? alternates[0] ?? ""} ${begin} ${size}`;
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
