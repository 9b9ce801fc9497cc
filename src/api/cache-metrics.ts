import type { Live } from "./live.ts";
import type { Make } from "./metric-families.ts";

/** Both tiers of the segment cache; the disk's samples are there while there is a disk. */
export function cacheMetrics({ gauge, counter }: Make) {
  const requests = counter("cache_requests_total", "Reads of a segment, by what answered them", ["tier", "result"]);
  const evictions = counter("cache_evictions_total", "Segments that made room for others", ["tier"]);
  const bytes = gauge("cache_bytes", "Size of the segment cache; in memory: kept, in flight and free", ["tier"]);
  const budget = gauge("cache_budget_bytes", "What the segment cache may use at most", ["tier"]);
  const segments = gauge("cache_segments", "Verified segments kept", ["tier"]);
  const flights = gauge("cache_flights", "Fetches in progress");
  const pinned = gauge("cache_pinned_slots", "Slots that somebody reads or writes");
  const files = counter(
    "cache_disk_segments_total",
    "Segments written to disk, skipped since it was busy, found damaged",
    ["result"],
  );
  const paused = gauge("cache_paused", "1 while nothing is written, since the disk is in trouble", ["tier"]);
  return (deps: Pick<Live, "cache" | "disk">) => {
    for (const family of [requests, evictions, files]) family.forget();
    for (const family of [bytes, budget, segments, paused]) family.reset();
    const memory = deps.cache();
    const disk = deps.disk?.();
    requests.total(memory.hits, { tier: "memory", result: "hit" });
    requests.total(memory.joins, { tier: "memory", result: "join" });
    requests.total(memory.misses, { tier: "memory", result: "miss" });
    bytes.set({ tier: "memory" }, memory.allocatedBytes);
    flights.set(memory.flights);
    pinned.set(memory.pinnedSlots);
    for (const [tier, stats] of Object.entries({ memory, ...(disk === undefined ? {} : { disk }) })) {
      evictions.total(stats.evictions, { tier });
      budget.set({ tier }, stats.budgetBytes);
      segments.set({ tier }, stats.entries);
    }
    if (disk === undefined) return;
    requests.total(disk.hits, { tier: "disk", result: "hit" });
    requests.total(disk.misses, { tier: "disk", result: "miss" });
    bytes.set({ tier: "disk" }, disk.bytes);
    files.total(disk.writes, { result: "written" });
    files.total(disk.skipped, { result: "skipped" });
    files.total(disk.damaged, { result: "damaged" });
    paused.set({ tier: "disk" }, disk.pausedBecause === undefined ? 0 : 1);
  };
}
