import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DiskTierOptions } from "../../src/reader/disk-open.ts";
import { systemError } from "./disk-fixture.ts";

/** A disk of one megabyte: a real one where the system lets us mount it, else a folder whose files are counted. */
export interface SmallDisk extends Disposable {
  readonly folder: string;
  /** What the tier must be given so that it meets the disk's end. */
  readonly options: Partial<DiskTierOptions>;
  /** Takes all but `bytes` of it, as another program would. */
  fillUpTo(bytes: number): void;
  empty(): void;
}

const TOTAL = 2 ** 20;

export function smallDisk(): SmallDisk {
  const base = mkdtempSync(join(tmpdir(), "newsreel-small-"));
  const folder = join(base, "disk");
  mkdirSync(folder);
  const args = ["-t", "tmpfs", "-o", `size=${TOTAL}`, "newsreel-test", folder];
  return spawnSync("mount", args).status === 0 ? mounted(base, folder) : counted(base, folder);
}

function mounted(base: string, folder: string): SmallDisk {
  const filler = join(folder, "filler");
  return {
    folder,
    options: {},
    fillUpTo(bytes) {
      rmSync(filler, { force: true });
      const { bavail, bsize } = statfsSync(folder);
      writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
    },
    empty: () => rmSync(filler, { force: true }),
    [Symbol.dispose]() {
      spawnSync("umount", ["-l", folder]);
      rmSync(base, { recursive: true, force: true });
    },
  };
}

function counted(base: string, folder: string): SmallDisk {
  const lengths = new Map<string, number>();
  let filled = 0;
  const free = () => TOTAL - filled - [...lengths.values()].reduce((sum, length) => sum + length, 0);
  return {
    folder,
    options: {
      statfs: async () => ({ type: 0x01021994, bsize: 4096, blocks: TOTAL / 4096, bavail: Math.floor(free() / 4096) }),
      wrapFiles: (files) => ({
        ...files,
        async write(name, bytes) {
          const fitting = bytes.subarray(0, Math.max(0, free()));
          await files.write(name, fitting);
          lengths.set(name, Math.ceil(fitting.length / 4096) * 4096);
          if (fitting.length < bytes.length) throw systemError("ENOSPC");
        },
        async remove(name) {
          await files.remove(name);
          lengths.delete(name);
        },
      }),
    },
    fillUpTo(bytes) {
      filled = 0;
      filled = Math.max(0, free() - bytes);
    },
    empty() {
      filled = 0;
    },
    [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }),
  };
}
