import { AdmissionController } from "./admission/controller.ts";
import { AdmissionSettings } from "./api/admission-settings.ts";
import { Timings } from "./api/timings.ts";
import type { AppContext } from "./app-context.ts";
import { silentLogger } from "./base/logger.ts";
import type { ProviderConfig } from "./config/settings.ts";
import { SpeedTests } from "./health/speed-test-runs.ts";
import { Streams } from "./mount/streams.ts";
import { Pool, type PoolOptions } from "./nntp/pool.ts";
import type { ProviderOptions } from "./nntp/provider-options.ts";
import { openDiskTier } from "./reader/disk-open.ts";
import { Reader } from "./reader/reader.ts";
import { SegmentCache } from "./reader/segment-cache.ts";
import { startTrafficMeter } from "./sab/traffic-meter.ts";
import { loadKernel } from "./yenc/load-kernel.ts";

/** Connections per provider that bulk work leaves free for playhead segments while somebody watches; nobody seeks in a download. */
const PLAYHEAD_RESERVE = 2;

export type Engine = Awaited<ReturnType<typeof openEngine>>;

/** What reads: who watches, the providers, the cache and the reader, opened onto the closers in this order. */
export async function openEngine({ config, catalog, clock, log, closers }: AppContext) {
  const { streaming, imports } = config;
  const kernel = loadKernel();
  if (kernel.reason !== undefined) log.warn({ reason: kernel.reason }, "yEnc is decoded by the slower fallback");
  const { maxJobs, maxJobsWhileStreaming } = imports;
  const { perStreamConnections, floor, holdOffMs } = streaming;
  const admissionSettings = new AdmissionSettings({
    configured: { maxJobs, maxJobsWhileStreaming, perStreamConnections, floor, holdOffMs },
    sources: config.sources ?? new Map(),
    stored: catalog.settings,
  });
  const connections = sharedConnections(config.providers);
  const admission = closers.use(
    new AdmissionController({
      limits: { connections, ...admissionSettings.values },
      waiting: () => {
        const { queued, waiting } = catalog.jobs.counts();
        return queued + waiting;
      },
      isPaused: () => catalog.jobs.isPaused,
      clock,
      log,
    }),
  );
  const timings = new Timings();
  const streams = closers.use(
    new Streams({
      clock,
      log,
      times: timings,
      get holdOffMs() {
        return admission.limits.holdOffMs;
      },
    }),
  );
  const pool = closers.use(
    new Pool({
      providers: config.providers.map(toProviderOptions),
      kernel,
      clock,
      log,
      times: timings,
      limits: {
        importConnections: () => admission.importConnections(),
        reserve: () => (streams.isWatched ? PLAYHEAD_RESERVE : 0),
      },
    }),
  );
  closers.use(admission.onChange(() => pool.reconsider()));
  const meter = closers.use(
    startTrafficMeter({ traffic: catalog.traffic, providers: () => pool.snapshot(), clock, log }),
  );
  const { memoryBytes, diskPath, diskBytes } = config.cache;
  const disk =
    diskPath === ""
      ? undefined
      : await openDiskTier({ folder: diskPath, budgetBytes: diskBytes, clock, log, crc32: kernel.crc32 });
  if (disk !== undefined) closers.use(disk);
  const cache = closers.use(new SegmentCache({ source: pool, budgetBytes: memoryBytes, clock, disk }));
  const reader = new Reader({ cache, clock, readAheadBytes: streaming.readAheadBytes, onStart: () => pool.warmUp() });

  const speedTests = closers.use(
    new SpeedTests({
      catalog,
      providers: config.providers.map(toProviderOptions),
      client: pool,
      openClient: (guest) => new Pool({ ...guestPool(guest), kernel, clock }),
      activity: () => ({ streams: admission.activeStreams, imports: admission.state.jobs.running }),
      heldBack: () => (admission.importConnections() > 0 ? undefined : admission.state.words),
      memoryBytes: config.cache.memoryBytes,
      clock,
      log,
    }),
  );
  return { admissionSettings, admission, timings, streams, pool, meter, disk, cache, reader, speedTests };
}

/** Of all providers that are no backup; where there are only backups, theirs, since imports would wait for ever. */
function sharedConnections(providers: readonly ProviderConfig[]): number {
  const asked = providers.some(({ backup }) => !backup) ? providers.filter(({ backup }) => !backup) : providers;
  return asked.reduce((sum, provider) => sum + provider.connections, 0);
}

/** A provider as the pool takes it. */
export function toProviderOptions(provider: ProviderConfig): ProviderOptions {
  const { name, ...rest } = provider;
  return { id: name, ...rest };
}

/** A pool for one provider that is only tried out; it logs nothing, since what a stranger says may hold its password. */
function guestPool(guest: ProviderOptions): Pick<PoolOptions, "providers" | "log" | "limits"> {
  const limits = { importConnections: () => guest.connections, reserve: () => 0 };
  return { providers: [{ ...guest, backup: false }], log: silentLogger, limits };
}
