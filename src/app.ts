import { mkdir } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { AdmissionController } from "./admission/controller.ts";
import { type Announcer, mustAnnounce, startAnnouncer } from "./announce/announcer.ts";
import { AdmissionSettings } from "./api/admission-settings.ts";
import { createApiHandler } from "./api/api.ts";
import { EventFeed } from "./api/events.ts";
import { Timings } from "./api/timings.ts";
import { AppPasswords } from "./auth/app-passwords.ts";
import { createAuthenticator } from "./auth/authenticator.ts";
import { type Clock, systemClock } from "./base/clock.ts";
import { Closers } from "./base/closers.ts";
import { ConfigError, errorCode } from "./base/errors.ts";
import { type Logger, silentLogger } from "./base/logger.ts";
import { VERSION } from "./base/version.ts";
import type { Catalog } from "./catalog/catalog.ts";
import { openCatalog } from "./catalog/open-catalog.ts";
import { clientAddress } from "./client-address.ts";
import { clientOrigin } from "./client-origin.ts";
import type { LoadedConfig } from "./config/load-config.ts";
import type { Secrets } from "./config/secrets.ts";
import type { Config, ProviderConfig } from "./config/settings.ts";
import { SpeedTests } from "./health/speed-test-runs.ts";
import { verify } from "./health/verify.ts";
import { startHttpServer } from "./http-server.ts";
import { categoryRules } from "./import/category-rules.ts";
import { createImportQueue } from "./import/import-queue.ts";
import { createImporter } from "./import/importer.ts";
import type { Intake } from "./import/intake.ts";
import { startImports } from "./import/runner.ts";
import { createIntake } from "./import/spooled-intake.ts";
import { startUrlFetcher } from "./import/url-fetcher.ts";
import { startWatchFolder } from "./import/watch-folder.ts";
import { DamageKeeper } from "./mount/damage-keeper.ts";
import { openDiskSpace } from "./mount/disk-space.ts";
import { LibraryTree } from "./mount/library-tree.ts";
import { standIns } from "./mount/stand-ins.ts";
import { Streams } from "./mount/streams.ts";
import { startTrashKeeper } from "./mount/trash-keeper.ts";
import { Pool, type PoolOptions } from "./nntp/pool.ts";
import type { ProviderOptions } from "./nntp/provider-options.ts";
import { NzbParser } from "./nzb/parser-thread.ts";
import { openDiskTier } from "./reader/disk-open.ts";
import { Reader } from "./reader/reader.ts";
import { SegmentCache } from "./reader/segment-cache.ts";
import { authorizeWith } from "./sab/access.ts";
import { startPauseTimer } from "./sab/pause-timer.ts";
import { createSabHandler } from "./sab/sab.ts";
import { startTrafficMeter } from "./sab/traffic-meter.ts";
import { RecentWarnings } from "./sab/warnings.ts";
import { createPageHandler } from "./ui/page.ts";
import { createDavHandler } from "./webdav/handler.ts";
import { loadKernel } from "./yenc/load-kernel.ts";

/** Connections per provider that bulk work leaves free for playhead segments while somebody watches; nobody seeks in a download. */
const PLAYHEAD_RESERVE = 2;

/** What `auth.digest` offers, in this order: VLC takes the first challenge of several and ffmpeg the last one, and both know MD5 alone. */
const DIGEST = { off: [], md5: ["MD5"], "sha-256": ["SHA-256", "MD5"] } as const;

export interface AppOptions {
  /** With its sources, where it has any: what nobody gave can be changed while the server runs. */
  readonly config: Config & Partial<Pick<LoadedConfig, "sources">>;
  readonly secrets: Pick<Secrets, "password" | "apiKey">;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Where the NZB parser's worker lies, when that is not beside the parser. */
  readonly nzbWorker?: URL;
  /** The same of the worker that derives keys from long RAR passwords. */
  readonly rarWorker?: URL;
  /** Asked before everything else; true when it has answered. */
  readonly extraHandler?: (req: IncomingMessage, res: ServerResponse) => boolean;
}

/** The server, running. Disposing it stops it in order: no new requests, streams within the grace period, imports back to the queue. */
export interface App extends AsyncDisposable {
  /** Where it listens, with the path it is shown under, without a slash at the end. */
  readonly url: string;
  /** The same over TLS; undefined without a certificate. */
  readonly tlsUrl: string | undefined;
  readonly catalog: Catalog;
  readonly intake: Intake;
  readonly pool: Pool;
  readonly cache: SegmentCache;
  readonly streams: Streams;
  readonly reader: Reader;
}

/** Builds everything in floor order and starts listening; rejects with nothing left behind. */
export async function startApp(options: AppOptions): Promise<App> {
  const closers = new Closers();
  try {
    return await build(options, closers);
  } catch (error) {
    await closers[Symbol.asyncDispose]();
    throw error;
  }
}

async function build(options: AppOptions, closers: Closers): Promise<App> {
  const { config, secrets, clock = systemClock } = options;
  const warnings = new RecentWarnings(clock);
  const log = warnings.watch(options.log);
  const { streaming, imports } = config;
  const shown = standIns(config.completed);
  await makeDataDir(config.dataDir);
  const kernel = loadKernel();
  if (kernel.reason !== undefined) log.warn({ reason: kernel.reason }, "yEnc is decoded by the slower fallback");

  const catalogPath = join(config.dataDir, "catalog.db");
  const catalog = closers.use(openCatalog({ path: catalogPath, clock, log }));
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

  const parser = closers.use(new NzbParser(options.nzbWorker === undefined ? {} : { workerUrl: options.nzbWorker }));
  const rules = categoryRules(config.categories);
  let announcer: Announcer | undefined;
  const importer = createImporter({
    catalog,
    parser,
    source: pool,
    remember: (part, bytes) => cache.remember(part, bytes),
    passwords: imports.passwords,
    rules,
    mustAnnounce: () => mustAnnounce(config),
    ...(options.rarWorker === undefined ? {} : { rarWorker: options.rarWorker }),
    clock,
    log,
  });
  const { secondLookMs } = imports;
  const runner = closers.use(
    await startImports({ catalog, importer, admission, secondLookMs, onEnded: () => announcer?.wake(), clock, log }),
  );
  const queue = createImportQueue({
    jobs: catalog.jobs,
    onChange() {
      runner.wake();
      fetcher.wake();
      announcer?.sweepSoon();
    },
    clock,
  });
  const intake = await createIntake({
    dataDir: config.dataDir,
    jobs: catalog.jobs,
    parser,
    maxNzbBytes: imports.maxNzbBytes,
    rules,
    onQueued: () => runner.wake(),
    onFetch: () => fetcher.wake(),
  });
  const { allowPrivateUrls: allowPrivate, watchFolder, watchMs, maxNzbBytes } = imports;
  const onQueued = () => runner.wake();
  const fetcher = closers.use(
    startUrlFetcher({ jobs: catalog.jobs, intake, rules, maxNzbBytes, allowPrivate, onQueued, clock, log }),
  );
  if (watchFolder !== "") {
    closers.use(startWatchFolder({ folder: watchFolder, intervalMs: watchMs, intake, clock, log }));
  }
  const damage = new DamageKeeper({ recorded: catalog.damage, policy: streaming.damage, clock, log });
  const space = await openDiskSpace({ folder: config.dataDir, files: [catalogPath, `${catalogPath}-wal`], clock });
  const { sidecarBytes, trashDays, readOnly: isReadOnly } = config.library;
  const tree = closers.use(
    new LibraryTree({
      ...{ catalog, reader, admission, intake, streams, damage, space, clock, log },
      maxNzbBytes: imports.maxNzbBytes,
      sidecarBytes,
      standIns: shown,
      categories: rules.names,
      cancelJob: (id) => queue.cancel(id),
      isReadOnly,
    }),
  );
  closers.use(startTrashKeeper({ catalog, trashDays, clock, log }));

  const addressOf = clientAddress(config.trustedProxies);
  const { originOf, isSecure } = clientOrigin(config.trustedProxies);
  const { user, anonymous, digest } = config.auth;
  const appPasswords = new AppPasswords({ store: catalog.appPasswords, owner: user, clock, log });
  const authenticator = createAuthenticator({
    users: [{ name: user, password: secrets.password }],
    apiKey: secrets.apiKey,
    digest: DIGEST[digest],
    urlBase: config.urlBase,
    ...{ appPasswords, anonymous, isSecure, clock },
  });
  const dav = createDavHandler({
    tree,
    prefix: "/dav",
    urlBase: config.urlBase,
    log,
    clock,
    authenticate: authenticator.admit,
    addressOf,
    originOf,
    lockStore: catalog.locks,
    // The tree knows how much each of its places takes, and says what to do with more.
    limits: { putBytes: Number.MAX_SAFE_INTEGER },
  });
  const events = new EventFeed({ catalog, queue, admission, streams: () => streams.snapshot(), clock, log });
  const api = createApiHandler({
    catalog,
    queue,
    events,
    admissionSettings,
    intake,
    admission,
    streams: () => streams.snapshot(),
    recentStreams: () => streams.recent(),
    streamTotals: () => streams.totals,
    providers: () => pool.snapshot(),
    hedges: () => pool.hedges,
    waits: () => ({ ...pool.waitedMs, job: admission.jobWaitMs }),
    cache: () => cache.stats(),
    disk: () => disk?.stats(),
    damage: () => damage.totals,
    timings,
    verify: (path, cancel) => {
      cache.forgetHoles();
      return verify({ catalog, source: pool }, path, cancel);
    },
    damagePolicy: streaming.damage,
    speedTests: {
      test: (name, wish, cancel) => speedTests.test(name, wish, cancel),
      testGuest: (guest, wish, cancel) => speedTests.testGuest(toProviderOptions(guest), wish, cancel),
    },
    appPasswords,
    authorize: (req) => authenticator.authenticate(req, addressOf(req), apiKeyIn(req)),
    isMigrated: () => catalog.isMigrated(),
    version: VERSION,
    log,
    clock,
  });
  const pauseTimer = closers.use(startPauseTimer({ settings: catalog.settings, queue, clock }));
  const sab = createSabHandler({
    ...{ catalog, intake, queue, rules, parser, pauseTimer, meter, warnings, space, clock, log },
    completed: config.completed,
    providers: () => pool.snapshot(),
    authorize: authorizeWith((request, req, key) => authenticator.authenticate(request, addressOf(req), key)),
  });
  const page = createPageHandler();

  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (options.extraHandler?.(req, res) === true) return;
    if (isDav(req)) return dav(req, res);
    if (await api(req, res)) return;
    if (await sab(req, res)) return;
    if (isPage(req)) {
      // The page holds no secret, but a login asked for here is remembered by the browser for the calls that the page makes.
      const verdict = await authenticator.authenticate(req, addressOf(req));
      if (!("user" in verdict)) {
        for (const [name, value] of Object.entries(verdict.headers)) res.setHeader(name, value);
        res.writeHead(verdict.status).end(`${verdict.message}\n`);
        return;
      }
      if (page(req, res)) return;
    }
    // OPTIONS at `/` and everything unknown: the protocol has an answer for both.
    await dav(req, res);
  };
  const server = closers.use(await startHttpServer(answer, { ...config, graceMs: config.shutdownGraceMs, log, clock }));
  // Before the server, which would wait for listeners as it waits for streams.
  closers.use(events);
  const strm = { folder: config.completed.strmFolder, ...shown };
  announcer = closers.use(
    startAnnouncer({
      completed: catalog.completed,
      strm: config.completed.style === "strm" ? strm : undefined,
      rclone: config.rclone,
      arrs: config.arrs,
      clock,
      log,
    }),
  );
  return {
    url: server.url,
    tlsUrl: server.tlsUrl,
    catalog,
    intake,
    pool,
    cache,
    streams,
    reader,
    [Symbol.asyncDispose]: () => closers[Symbol.asyncDispose](),
  };
}

/** Of all providers that are no backup; where there are only backups, theirs, since imports would wait for ever. */
function sharedConnections(providers: readonly ProviderConfig[]): number {
  const asked = providers.some(({ backup }) => !backup) ? providers.filter(({ backup }) => !backup) : providers;
  return asked.reduce((sum, provider) => sum + provider.connections, 0);
}

function toProviderOptions(provider: ProviderConfig): ProviderOptions {
  const { name, ...rest } = provider;
  return { id: name, ...rest };
}

/** A pool for one provider that is only tried out; it logs nothing, since what a stranger says may hold its password. */
function guestPool(guest: ProviderOptions): Pick<PoolOptions, "providers" | "log" | "limits"> {
  const limits = { importConnections: () => guest.connections, reserve: () => 0 };
  return { providers: [{ ...guest, backup: false }], log: silentLogger, limits };
}

function apiKeyIn(req: IncomingMessage): string | undefined {
  const query = req.url?.split("?")[1];
  return query === undefined ? undefined : (new URLSearchParams(query).get("apikey") ?? undefined);
}

function isPage({ method, url = "" }: IncomingMessage): boolean {
  return (method === "GET" || method === "HEAD") && /^\/(?:ui\/|\?|$)/.test(url);
}

function isDav(req: IncomingMessage): boolean {
  return /^\/dav(?:[/?]|$)/.test(req.url ?? "");
}

async function makeDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true });
  } catch (error) {
    throw new ConfigError("CONFIG_INVALID", `cannot create the data folder ${dataDir} (${errorCode(error)})`, {
      hint: "give the user that newsreel runs as the folder, or name another with NEWSREEL_DATA_DIR",
      cause: error,
    });
  }
}
