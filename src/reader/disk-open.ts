import { mkdir, stat, statfs as systemStatfs } from "node:fs/promises";
import { resolve } from "node:path";
import { crc32 as systemCrc32 } from "node:zlib";
import type { Clock } from "../base/clock.ts";
import { ConfigError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { type DiskFiles, diskFiles } from "./disk-files.ts";
import { DiskLedger } from "./disk-ledger.ts";
import { blockBytesOf, remoteFileSystem, type StatFs } from "./disk-place.ts";
import { restoreLedger } from "./disk-restore.ts";
import { DiskSegments } from "./disk-segments.ts";
import { DiskShelf } from "./disk-shelf.ts";
import { DiskSpace } from "./disk-space.ts";
import type { DiskTier } from "./disk-tier.ts";
import { troubleFrom } from "./disk-trouble.ts";

/** Within the folder; the rest of it is nobody's business here. */
const INDEX_FILE = "segments.db";
const FILES_FOLDER = "segments";
/** Patience with a predecessor that is just closing. */
const LOCK_WAIT_MS = 1_000;
/** About 200 MB of memory at most; with usual articles 700 GB of disk. */
const MAX_ENTRIES = 1_000_000;
const MAX_OFFERED_BYTES = 16 * 2 ** 20;
const MAX_OFFERS = 64;

export interface DiskTierOptions {
  /** Made when missing. Its files are the tier's own, and may be deleted by anybody at any time. */
  readonly folder: string;
  /**
   * Bytes of all segment files together, each counted in whole blocks of the file system. On top come the index, about 40 bytes
   * per segment, its log of a few megabytes, and 256 folders.
   */
  readonly budgetBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** CRC-32 (IEEE 802.3) of the bytes; zlib's if not given. */
  readonly crc32?: (bytes: Buffer) => number;
  readonly maxEntries?: number;
  /** Bounds of what is kept in memory for the disk to write. */
  readonly maxOfferedBytes?: number;
  readonly maxOffers?: number;
  readonly statfs?: StatFs;
  /** Stands between the tier and its files. */
  readonly wrapFiles?: (files: DiskFiles) => DiskFiles;
}

/**
 * Opens the disk tier, or creates it. When the folder cannot be used (not writable, on a network or FUSE file system, held by another process,
 * or holding another program's database), says so in one warning with advice and resolves to undefined: one plays without it.
 * Takes offers only after a sweep in the background, but reads at once.
 */
export async function openDiskTier(options: DiskTierOptions): Promise<DiskTier | undefined> {
  const folder = resolve(options.folder);
  try {
    return await open(folder, options);
  } catch (error) {
    const { because: reason, hint } = troubleFrom(error);
    options.log.warn({ folder, reason, hint }, "the disk cache is not used");
    return undefined;
  }
}

async function open(folder: string, options: DiskTierOptions): Promise<DiskTier> {
  const { budgetBytes, clock, log, crc32 = systemCrc32, statfs = systemStatfs } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const facts = await statfs(folder);
  refuseRemote(folder, facts.type);
  const { dev: device } = await stat(folder, { bigint: true });
  const path = `${folder}/${INDEX_FILE}`;
  const ledger = new DiskLedger(blockBytesOf(facts));
  const index = await restoreLedger(ledger, { path, lockWaitMs: LOCK_WAIT_MS, log });
  const files = (options.wrapFiles ?? same)(diskFiles(`${folder}/${FILES_FOLDER}`));
  const shelf = new DiskShelf({
    folder,
    budgetBytes,
    maxEntries: options.maxEntries ?? MAX_ENTRIES,
    files,
    log,
    device,
    ledger,
    index,
    restore: () => restoreLedger(ledger, { path, lockWaitMs: 0, log }),
  });
  const segments = new DiskSegments({
    folder,
    budgetBytes,
    maxOfferedBytes: options.maxOfferedBytes ?? MAX_OFFERED_BYTES,
    maxOffers: options.maxOffers ?? MAX_OFFERS,
    clock,
    log,
    crc32,
    files,
    ledger,
    shelf,
    space: new DiskSpace(folder, statfs, clock),
  });
  segments.start();
  return segments;
}

function same(files: DiskFiles): DiskFiles {
  return files;
}

function refuseRemote(folder: string, type: number): void {
  const kind = remoteFileSystem(type);
  if (kind === undefined) return;
  throw new ConfigError("CONFIG_INVALID", `${folder} is on ${kind}: too slow, and its locks cannot be relied on`, {
    hint: "choose a folder on a disk of this machine; of a pool behind FUSE, one on a single disk of it",
  });
}
