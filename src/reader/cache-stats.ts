/** Counters since start, and sizes now, of the segment cache and its flights. */
export interface CacheStats {
  /** Reads answered from memory. */
  readonly hits: number;
  /** Reads that joined a fetch under way. */
  readonly joins: number;
  /** Reads that started a fetch. */
  readonly misses: number;
  readonly evictions: number;
  readonly flights: number;
  /** Verified segments kept. */
  readonly entries: number;
  /** Bytes of all slots: kept, in flight and free. */
  readonly allocatedBytes: number;
  readonly pinnedSlots: number;
  readonly budgetBytes: number;
}
