import { LRUCache } from "lru-cache";
import type { PinnedSlot } from "./slots.ts";

/** Share of the memory that the ends of newly imported files may keep from being evicted. */
const PROBE_SHARE = 1 / 8;

/** A verified segment; the slot is pinned once for as long as it is kept. */
export interface KeptSegment {
  readonly slot: PinnedSlot;
  readonly size: number;
}

/**
 * The verified segments in memory and the order in which they make room: first what a copy of a file has left behind, then the least
 * recently used; the ends of new files last, as long as they are few. What somebody reads is never given up.
 */
export class KeptSegments {
  readonly #segments: LRUCache<string, KeptSegment>;
  readonly #probeBudget: number;
  /** Keys of spent segments, oldest first. */
  readonly #spent = new Set<string>();
  /** Keys of probes, oldest first. */
  readonly #probes = new Set<string>();
  #probeBytes = 0;
  #evictions = 0;

  constructor(budgetBytes: number) {
    this.#probeBudget = budgetBytes * PROBE_SHARE;
    // The slot pool keeps the budget; this bound can only be reached when every slot is a kept segment.
    this.#segments = new LRUCache({
      maxSize: budgetBytes,
      sizeCalculation: ({ slot }) => slot.capacity,
      dispose: ({ slot }, key) => {
        this.#spent.delete(key);
        if (this.#probes.delete(key)) this.#probeBytes -= slot.capacity;
        slot.unpin();
      },
    });
  }

  get size(): number {
    return this.#segments.size;
  }

  get evictions(): number {
    return this.#evictions;
  }

  has(key: string): boolean {
    return this.#segments.has(key);
  }

  /** Somebody wants it: it is among the latest used from now on. */
  get(key: string): KeptSegment | undefined {
    if (this.#spent.size > 0) this.#spent.delete(key);
    return this.#segments.get(key);
  }

  add(key: string, segment: KeptSegment): void {
    this.#segments.set(key, segment);
  }

  /** Keeps one end of a new file; older ones lose their protection when there are too many. */
  addProbe(key: string, segment: KeptSegment): void {
    this.add(key, segment);
    this.#probes.add(key);
    this.#probeBytes += segment.slot.capacity;
    for (const oldest of this.#probes) {
      if (this.#probeBytes <= this.#probeBudget) return;
      this.#probes.delete(oldest);
      this.#probeBytes -= this.#segments.peek(oldest)?.slot.capacity ?? 0;
    }
  }

  spent(key: string): void {
    if (this.#segments.has(key) && !this.#probes.has(key)) this.#spent.add(key);
  }

  /** Gives up one segment that nobody reads; false when there is none. */
  evict(): boolean {
    for (const key of this.#spent) if (this.#giveUp(key)) return true;
    for (const key of this.#segments.rkeys()) if (!this.#probes.has(key) && this.#giveUp(key)) return true;
    return this.evictProbe();
  }

  /** Gives up the oldest end of a new file. */
  evictProbe(): boolean {
    for (const key of this.#probes) if (this.#giveUp(key)) return true;
    return false;
  }

  clear(): void {
    this.#segments.clear();
  }

  #giveUp(key: string): boolean {
    if (this.#segments.peek(key)?.slot.pins !== 1) return false;
    this.#evictions += 1;
    return this.#segments.delete(key);
  }
}
