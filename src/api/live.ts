import type { AdmissionState } from "../admission/admission.ts";
import type { DamageTotals } from "../mount/damage-keeper.ts";
import type { StreamSnapshot } from "../mount/stream-snapshot.ts";
import type { StreamTotals } from "../mount/stream-totals.ts";
import type { HedgeStats } from "../nntp/hedges.ts";
import type { ProviderSnapshot } from "../nntp/snapshot.ts";
import type { CacheStats } from "../reader/cache-stats.ts";
import type { DiskStats } from "../reader/disk-tier.ts";
import { sendJson } from "./reply.ts";
import type { Route } from "./route.ts";

/** Where the present is looked up, at each call anew. */
export interface Live {
  readonly admission: { readonly state: AdmissionState };
  streams(): readonly StreamSnapshot[];
  /** Those that ended lately, the latest one first. */
  recentStreams?(): readonly StreamSnapshot[];
  /** All streams since the start, ended ones too. */
  streamTotals?(): StreamTotals;
  providers(): readonly ProviderSnapshot[];
  hedges?(): HedgeStats;
  /** Milliseconds that requests of each lane have waited for a connection since the start, and jobs for their place. */
  waits?(): Readonly<Record<string, number>>;
  cache(): CacheStats;
  /** Undefined while there is no cache on disk. */
  disk?(): DiskStats | undefined;
  damage?(): DamageTotals;
}

/** The calls that say what happens at this moment. */
export function liveRoutes(live: Live): readonly Route[] {
  return [
    look("/api/v1/streams", () => ({
      streams: live.streams().map(publicStream),
      recent: (live.recentStreams?.() ?? []).map(publicStream),
    })),
    look("/api/v1/providers", () => ({ providers: live.providers().map(publicProvider) })),
    look("/api/v1/cache", () => live.cache()),
  ];
}

function look(path: string, value: () => object): Route {
  return { method: "GET", path, access: "required", handle: ({ res }) => sendJson(res, value()) };
}

/** One stream as it is sent. */
export function publicStream(stream: StreamSnapshot) {
  return { ...stream, endedAt: stream.endedAt ?? null, firstByteMs: stream.firstByteMs ?? null };
}

/** Field by field, so that nothing a provider object may carry beside its snapshot gets out. */
function publicProvider(provider: ProviderSnapshot) {
  const { open, busy, opening, limit, ceiling } = provider.connections;
  const { ok, missing, corrupt, failed } = provider.commands;
  return {
    id: provider.id,
    host: provider.host,
    port: provider.port,
    isTls: provider.isTls,
    tier: provider.tier,
    isBackup: provider.isBackup,
    state: provider.state,
    reason: provider.reason ?? null,
    retryAt: provider.retryAt ?? null,
    connections: { open, busy, opening, limit, ceiling },
    commands: { ok, missing, corrupt, failed },
    bytes: provider.bytes,
    rttMs: provider.rttMs ?? null,
    bytesPerSecond: provider.bytesPerSecond ?? null,
  };
}
