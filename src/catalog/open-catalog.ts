import type { Clock } from "../base/clock.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { appPasswordStore } from "./app-password-store.ts";
import type { Catalog, CatalogStats } from "./catalog.ts";
import { chunkStore } from "./chunk-store.ts";
import { completedStore } from "./completed-store.ts";
import { contentStore, sidecarTag } from "./content-store.ts";
import { damageStore } from "./damage-store.ts";
import { explained, inTransaction, openDatabase } from "./database.ts";
import { entryRemoval } from "./entry-removal.ts";
import { DROPS, ensureRoots, entryTree, LIBRARY, type NewFolder } from "./entry-tree.ts";
import { extentMaps } from "./extent-maps.ts";
import { jobStore } from "./job-store.ts";
import { leftovers } from "./leftovers.ts";
import { lockStore } from "./lock-store.ts";
import { migrate, readMigrations } from "./migrations.ts";
import { releasePlaces } from "./release-places.ts";
import { releaseWriter } from "./release-writer.ts";
import { segmentSampler } from "./segment-sample.ts";
import { settingStore } from "./setting-store.ts";
import type { Database } from "./sqlite.ts";
import { guardStatements } from "./statement-guard.ts";
import { checkTables } from "./table-check.ts";
import { trafficStore } from "./traffic-store.ts";
import { trashStore } from "./trash-store.ts";
import { treeStore } from "./tree-store.ts";

export interface CatalogOptions {
  /** The database file; its folder must exist. */
  readonly path: string;
  readonly clock: Clock;
  readonly log?: Logger;
  /** How many maps of files stay open; their memory is bounded beside that. */
  readonly cacheMaps?: number;
}

export interface SqliteCatalog extends Catalog {
  /** What reading maps cost: chunks of segments unpacked since the start, and the memory of those that are kept. */
  mapStats(): { readonly decodes: number; readonly bytes: number };
}

export interface OpenedCatalog extends SqliteCatalog {
  /** Whether the file's schema is this program's at this moment. */
  isMigrated(): boolean;
}

/**
 * Opens the library, creating or migrating its file. The file belongs to this process until the catalog is disposed of, which
 * may be done twice. Throws, with nothing left open: ConfigError (in use, damaged, foreign, not writable, install incomplete),
 * CatalogError SCHEMA_NEWER or DISK_FULL.
 */
export function openCatalog(options: CatalogOptions): OpenedCatalog {
  const { path, log = silentLogger } = options;
  const db = openDatabase(path);
  try {
    return explained(db.name, () => {
      checkTables(db);
      const migrations = readMigrations();
      const applied = migrate(db, migrations);
      if (applied > 0) log.info({ path: db.name, applied }, "catalog migrated");
      guardStatements(db, log);
      return {
        ...catalogOver(db, options),
        isMigrated: () => db.pragma("user_version", { simple: true }) === migrations.length,
      };
    });
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A catalog over an open database of the current schema, which it closes when it is disposed of. */
export function catalogOver(db: Database, options: Pick<CatalogOptions, "clock" | "cacheMaps">): SqliteCatalog {
  const { clock, cacheMaps = 256 } = options;
  ensureRoots(db, clock.wall());
  const unowned = leftovers(db);
  // Of a dead process: bytes on their way in, and what it had no time to delete.
  while (unowned.trySweep() > 0);
  const contents = contentStore(db, unowned);
  const removeEntries = entryRemoval(db);
  const tree = entryTree(db, LIBRARY);
  const trash = trashStore(db, { tree, clock, removeEntries, leftovers: unowned });
  const library = treeStore(db, { tree, contents, leftovers: unowned, clock, discard: trash.take });
  const places = releasePlaces(db, tree);
  const completed = completedStore(db, { tree, places, clock });
  const jobs = jobStore(db, {
    clock,
    isInLibrary: (release) => places.find(release) !== undefined,
    removeCompleted: completed.remove,
  });
  const chunks = chunkStore(db);
  const addContent = (bytes: Uint8Array, place: NewFolder) => {
    using writer = contents.begin();
    writer.write(bytes);
    tree.addSidecar({ ...place, size: bytes.length, contentTag: sidecarTag(), content: contents.finish(writer) });
    contents.handOver(writer);
  };
  const addRelease = releaseWriter(db, {
    tree,
    places,
    clock,
    completeJob: jobs.complete,
    addCompleted: completed.add,
    addContent,
  });
  const sizeOf = db.prepare<[number], number>("SELECT size FROM entry WHERE id = ? AND kind = 'file'").pluck();
  const stats = db.prepare<[], CatalogStats>("SELECT files, releases, segments, bytes FROM totals");
  const proveWritable = db.prepare(
    "INSERT INTO write_check (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
  );

  return {
    ...library,
    jobs,
    damage: damageStore(db, clock),
    locks: lockStore(db),
    appPasswords: appPasswordStore(db),
    completed,
    settings: settingStore(db),
    traffic: trafficStore(db),
    contents,
    trash,
    drops: treeStore(db, {
      tree: entryTree(db, DROPS),
      contents,
      leftovers: unowned,
      clock,
      discard(id) {
        removeEntries(id, Number.MAX_SAFE_INTEGER);
        unowned.sweep();
      },
    }),
    file(id) {
      const size = sizeOf.get(id);
      const path = size === undefined ? undefined : tree.pathOf(id);
      return size === undefined || path === undefined ? undefined : { path, size };
    },
    extents: extentMaps(db, chunks, cacheMaps),
    addRelease: (release) => inTransaction(db, () => addRelease(release)),
    releaseOf: places.ofDigest,
    releaseFiles: places.files,
    sampleSegments: segmentSampler(db),
    stats: () => stats.get() as CatalogStats,
    checkWritable: () => inTransaction(db, () => void proveWritable.run(Math.round(clock.wall()))),
    mapStats: chunks.stats,
    [Symbol.dispose]: () => void db.close(),
  };
}
