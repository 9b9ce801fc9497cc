import { mkdir } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { startAnnouncer } from "./announce/announcer.ts";
import type { AppContext } from "./app-context.ts";
import { openEngine } from "./app-engine.ts";
import { openFaces } from "./app-faces.ts";
import { openImportSide } from "./app-imports.ts";
import { type Clock, systemClock } from "./base/clock.ts";
import { Closers } from "./base/closers.ts";
import { ConfigError, errorCode } from "./base/errors.ts";
import type { Logger } from "./base/logger.ts";
import type { Catalog } from "./catalog/catalog.ts";
import { openCatalog } from "./catalog/open-catalog.ts";
import type { Secrets } from "./config/secrets.ts";
import { startHttpServer } from "./http-server.ts";
import type { Intake } from "./import/intake.ts";
import { DamageKeeper } from "./mount/damage-keeper.ts";
import { openDiskSpace } from "./mount/disk-space.ts";
import { LibraryTree } from "./mount/library-tree.ts";
import { standIns } from "./mount/stand-ins.ts";
import type { Streams } from "./mount/streams.ts";
import { startTrashKeeper } from "./mount/trash-keeper.ts";
import type { Pool } from "./nntp/pool.ts";
import type { Reader } from "./reader/reader.ts";
import type { SegmentCache } from "./reader/segment-cache.ts";
import { RecentWarnings } from "./sab/warnings.ts";

export interface AppOptions {
  readonly config: AppContext["config"];
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
  const shown = standIns(config.completed);
  await makeDataDir(config.dataDir);
  const catalogPath = join(config.dataDir, "catalog.db");
  const catalog = closers.use(openCatalog({ path: catalogPath, clock, log }));
  const workers = { nzb: options.nzbWorker, rar: options.rarWorker };
  const context: AppContext = { config, catalog, clock, log, closers, workers };
  const engine = await openEngine(context);
  const importSide = await openImportSide(context, engine);
  const { admission, streams, pool, cache, reader } = engine;
  const { rules, queue, intake, announceBy } = importSide;

  const damage = new DamageKeeper({ recorded: catalog.damage, policy: config.streaming.damage, clock, log });
  const space = await openDiskSpace({ folder: config.dataDir, files: [catalogPath, `${catalogPath}-wal`], clock });
  const { sidecarBytes, trashDays, readOnly: isReadOnly } = config.library;
  const tree = closers.use(
    new LibraryTree({
      ...{ catalog, reader, admission, intake, streams, damage, space, clock, log },
      maxNzbBytes: config.imports.maxNzbBytes,
      sidecarBytes,
      standIns: shown,
      categories: rules.names,
      cancelJob: (id) => queue.cancel(id),
      isReadOnly,
    }),
  );
  closers.use(startTrashKeeper({ catalog, trashDays, clock, log }));

  const { extraHandler } = options;
  const faces = { engine, importSide, tree, damage, space, warnings, secrets, extraHandler };
  const { answer, events } = openFaces(context, faces);
  const server = closers.use(await startHttpServer(answer, { ...config, graceMs: config.shutdownGraceMs, log, clock }));
  // Before the server, which would wait for listeners as it waits for streams.
  closers.use(events);
  const strm = { folder: config.completed.strmFolder, ...shown };
  const announcer = closers.use(
    startAnnouncer({
      completed: catalog.completed,
      strm: config.completed.style === "strm" ? strm : undefined,
      rclone: config.rclone,
      arrs: config.arrs,
      clock,
      log,
    }),
  );
  announceBy(announcer);
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
