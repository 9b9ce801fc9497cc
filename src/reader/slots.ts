import type { Clock } from "../base/clock.ts";
import { RequestError } from "../base/errors.ts";
import type { Slot } from "../base/slot.ts";
import { LANES, type Lane } from "../nntp/lanes.ts";

/** The decoder writes with slack; with less of it than one read brings, it takes smaller steps near the end. */
const SLACK_BYTES = 64 * 1024;
/** Slots come in multiples of this, so that parts of nearly equal size share them. */
const CLASS_BYTES = 64 * 1024;
/** How long anybody waits for memory that others hold, before being told to come back later. */
const PATIENCE_MS = 10_000;

/**
 * A slot with its count of users. Whoever got it from `acquire` is the first; each `pin` needs one `unpin`.
 * At zero users it goes back to the pool and may be overwritten at any moment.
 */
export interface PinnedSlot extends Slot {
  readonly capacity: number;
  readonly pins: number;
  pin(): void;
  unpin(): void;
}

export interface SlotPoolOptions {
  /** Bytes that all slots together may have. */
  readonly budgetBytes: number;
  readonly clock: Clock;
  /** Gives up one kept segment that nobody reads, so that its slot is unpinned; false when there is none. */
  readonly evict: () => boolean;
}

interface Waiter {
  readonly capacity: number;
  readonly urgency: { readonly lane: Lane };
  readonly grant: (slot: PinnedSlot) => void;
}

/**
 * The one owner of the memory that articles are decoded into, and of the rule when it may be used again.
 * Slots are allocated once and reused for ever; fresh memory per segment is the most expensive mistake there is here.
 */
export class SlotPool {
  readonly #options: SlotPoolOptions;
  readonly #free = new Map<number, PooledSlot[]>();
  readonly #waiters = new Set<Waiter>();
  #allocatedBytes = 0;
  #freeBytes = 0;
  #inUse = 0;
  #isServing = false;

  constructor(options: SlotPoolOptions) {
    this.#options = options;
  }

  get budgetBytes(): number {
    return this.#options.budgetBytes;
  }

  get allocatedBytes(): number {
    return this.#allocatedBytes;
  }

  /** Slots that somebody uses: a flight, a reader or the cache. */
  get inUse(): number {
    return this.#inUse;
  }

  /**
   * A slot for a part of `size` decoded bytes, pinned once. Waits its turn, most urgent lane first, while all memory is in use.
   * Rejects with RequestError NOT_READY after ten seconds, or with the signal's reason.
   */
  acquire(
    size: number,
    options: { readonly urgency: { readonly lane: Lane }; readonly signal: AbortSignal },
  ): Promise<PinnedSlot> {
    const capacity = capacityFor(size);
    const { signal, urgency } = options;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (capacity > this.budgetBytes) {
      return Promise.reject(
        new RequestError("NOT_READY", `a segment of ${size} bytes does not fit into the cache`, {
          hint: "raise cache.memoryBytes",
        }),
      );
    }
    const slot = this.#waiters.size === 0 ? this.#take(capacity) : undefined;
    if (slot !== undefined) return Promise.resolve(slot);
    return new Promise((resolve, reject) => {
      const done = () => {
        this.#waiters.delete(waiter);
        timer[Symbol.dispose]();
        signal.removeEventListener("abort", leave);
      };
      const leave = () => {
        done();
        reject(signal.reason);
        this.#serve();
      };
      const timer = this.#options.clock.after(PATIENCE_MS, () => {
        done();
        reject(
          new RequestError("NOT_READY", "all cache memory is in use by other streams", {
            hint: "raise cache.memoryBytes or stop some streams",
          }),
        );
        this.#serve();
      });
      const waiter: Waiter = {
        capacity,
        urgency,
        grant: (granted) => {
          done();
          resolve(granted);
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiters.add(waiter);
      this.#serve();
    });
  }

  /** As `acquire`, if there is a slot to be had at once and nobody waits for one. */
  takeNow(size: number): PinnedSlot | undefined {
    const capacity = capacityFor(size);
    return this.#waiters.size > 0 || capacity > this.budgetBytes ? undefined : this.#take(capacity);
  }

  /** A slot that costs nobody anything: a free one, or memory that is not used yet. */
  takeFree(size: number): PinnedSlot | undefined {
    const capacity = capacityFor(size);
    const isThere = (this.#free.get(capacity)?.length ?? 0) > 0 || this.#allocatedBytes + capacity <= this.budgetBytes;
    return isThere && this.#waiters.size === 0 ? this.#take(capacity) : undefined;
  }

  /** Memory may have become free: unpinned, or evictable. Evicting frees memory too, and must not serve anybody twice. */
  #serve(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      for (const lane of LANES) {
        for (const waiter of this.#waiters) {
          if (waiter.urgency.lane !== lane) continue;
          const slot = this.#take(waiter.capacity);
          if (slot === undefined) return;
          waiter.grant(slot);
        }
      }
    } finally {
      this.#isServing = false;
    }
  }

  /** Called when something kept has lost its last reader, and so could be evicted. */
  noteEvictable(): void {
    if (this.#waiters.size > 0) this.#serve();
  }

  #take(capacity: number): PinnedSlot | undefined {
    for (;;) {
      const reused = this.#free.get(capacity)?.pop();
      if (reused !== undefined) {
        this.#freeBytes -= capacity;
        return this.#hand(reused);
      }
      if (this.#allocatedBytes + capacity <= this.budgetBytes) {
        this.#allocatedBytes += capacity;
        return this.#hand(new PooledSlot(capacity, (slot) => this.#returned(slot)));
      }
      if (this.#freeBytes > 0) this.#discardOne();
      else if (!this.#options.evict()) return undefined;
    }
  }

  #hand(slot: PooledSlot): PinnedSlot {
    this.#inUse += 1;
    slot.pin();
    return slot;
  }

  #returned(slot: PooledSlot): void {
    this.#inUse -= 1;
    this.#freeBytes += slot.capacity;
    const list = this.#free.get(slot.capacity);
    if (list === undefined) this.#free.set(slot.capacity, [slot]);
    else list.push(slot);
    if (this.#waiters.size > 0) this.#serve();
  }

  /** Gives the memory of one free slot of another size back to the system. */
  #discardOne(): void {
    for (const [capacity, list] of this.#free) {
      if (list.pop() === undefined) continue;
      this.#freeBytes -= capacity;
      this.#allocatedBytes -= capacity;
      return;
    }
  }
}

/** Bytes of memory that a part of `size` bytes takes. */
export function capacityFor(size: number): number {
  return Math.ceil((size + SLACK_BYTES) / CLASS_BYTES) * CLASS_BYTES;
}

class PooledSlot implements PinnedSlot {
  readonly bytes: Buffer;
  readonly capacity: number;
  readonly #onFree: (slot: PooledSlot) => void;
  #pins = 0;

  constructor(capacity: number, onFree: (slot: PooledSlot) => void) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.capacity = capacity;
    this.#onFree = onFree;
  }

  get pins(): number {
    return this.#pins;
  }

  pin(): void {
    this.#pins += 1;
  }

  unpin(): void {
    if (this.#pins === 0) throw new Error("a slot was unpinned more often than pinned");
    this.#pins -= 1;
    if (this.#pins === 0) this.#onFree(this);
  }
}
