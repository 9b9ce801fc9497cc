import { stat, statfs } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import type { DavSpace } from "../webdav/tree.ts";

/** An answer may be so old. */
const FRESH_MS = 10_000;

export interface DiskSpaceOptions {
  /** The data folder: its file system is where sidecars go. */
  readonly folder: string;
  /** The database with its log. */
  readonly files: readonly string[];
  readonly clock: Clock;
}

/** Answers at once, with what was so when it was last looked; looks again in the background, one look at a time. */
export type DiskSpace = () => DavSpace | undefined;

/**
 * What `DavTree.space` says. `used` is the size of the database, since that is all that the library takes of the disk: a film of 50 GB
 * takes a few hundred KB. The sum of the films beside the free space would look like a disk that is full. Never rejects: where the
 * system cannot tell, nothing is known.
 */
export async function openDiskSpace({ folder, files, clock }: DiskSpaceOptions): Promise<DiskSpace> {
  let known: DavSpace | undefined;
  let lookedAt = clock.now();
  let isLooking = false;

  async function look(): Promise<void> {
    isLooking = true;
    try {
      const [system, ...sizes] = await Promise.all([statfs(folder), ...files.map(sizeOf)]);
      known = { available: system.bavail * system.bsize, used: sizes.reduce((sum, size) => sum + size, 0) };
    } catch {
      known = undefined;
    }
    lookedAt = clock.now();
    isLooking = false;
  }

  await look();
  return () => {
    if (!isLooking && clock.now() - lookedAt >= FRESH_MS) void look();
    return known;
  };
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    // The log comes and goes.
    return 0;
  }
}
