import { setImmediate as nextTurn } from "node:timers/promises";
import type { Logger } from "../base/logger.ts";
import { DamagedIndex, type DiskIndex, dropDiskIndex, openDiskIndex } from "./disk-index.ts";
import type { DiskLedger } from "./disk-ledger.ts";

export interface RestoreOptions {
  readonly path: string;
  /** How long a predecessor that is just closing is waited for, blocking. */
  readonly lockWaitMs: number;
  readonly log: Logger;
}

/**
 * Opens the index and fills the empty `ledger` from it, a few thousand rows per turn. A damaged index, or one of another version, is dropped
 * and begun anew; its files then belong to nobody, and the sweep removes them. Throws like `openDiskIndex`, without DamagedIndex.
 */
export async function restoreLedger(ledger: DiskLedger, options: RestoreOptions): Promise<DiskIndex> {
  try {
    return await openAndLoad(ledger, options);
  } catch (error) {
    if (!(error instanceof DamagedIndex)) throw error;
    options.log.warn(
      { path: options.path, reason: error.message },
      "the disk cache starts empty: its index is unusable",
    );
  }
  ledger.clear();
  dropDiskIndex(options.path);
  return await openAndLoad(ledger, options);
}

async function openAndLoad(ledger: DiskLedger, { path, lockWaitMs }: RestoreOptions): Promise<DiskIndex> {
  const index = openDiskIndex(path, lockWaitMs);
  try {
    for (let rows = index.load(0); rows.length > 0; rows = index.load(rows.at(-1)?.row ?? 0)) {
      for (const row of rows) ledger.restore(row);
      await nextTurn();
    }
    return index;
  } catch (error) {
    index[Symbol.dispose]();
    throw error;
  }
}
