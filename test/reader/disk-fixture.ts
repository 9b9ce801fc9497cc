import { type Dirent, lstatSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "../../src/base/logger.ts";
import { type DiskFiles, nameOf } from "../../src/reader/disk-files.ts";
import { type DiskTierOptions, openDiskTier } from "../../src/reader/disk-open.ts";
import type { DiskTier } from "../../src/reader/disk-tier.ts";
import { ManualClock } from "../manual-clock.ts";
import { seededRandom } from "../random.ts";
import { until } from "../until.ts";

export const SIZE = 20_000;
/** What one segment of that size takes: five blocks. */
export const CHARGE = 20_480;
export const never = new AbortController();

export const keys = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, n) => `article-${from + n}@host 1`);

/** Lets everything go on that waits for nothing but its turn. */
export async function ticks(): Promise<void> {
  for (let n = 0; n < 20; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Puts a link in the place of a file. */
export function relink(path: string, target: string): void {
  rmSync(path);
  symlinkSync(target, path);
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A folder for the disk tier of one test; disposing closes and removes everything. */
export interface DiskFixture extends AsyncDisposable {
  readonly folder: string;
  readonly index: string;
  readonly clock: ManualClock;
  readonly lines: LogLine[];
  /** Opens it, or opens it again, and waits until it takes offers. */
  open(options?: Partial<DiskTierOptions>): Promise<DiskTier>;
  /** As the product does, without waiting. */
  tryOpen(options?: Partial<DiskTierOptions>): Promise<DiskTier | undefined>;
  pathOf(key: string): string;
  /** Bytes that the segment files take, as the file system counts them. */
  diskBytes(): number;
  /** Names of all segment files. */
  files(): string[];
}

/** `given` is left in place, with what is in it. */
export function diskFixture(given?: string): DiskFixture {
  const folder = given ?? mkdtempSync(join(tmpdir(), "newsreel-disk-"));
  const clock = new ManualClock();
  const lines: LogLine[] = [];
  const root = join(folder, "segments");
  let current: DiskTier | undefined;
  const entries = (): Dirent[] => {
    try {
      return readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
    } catch {
      return [];
    }
  };
  const fixture: DiskFixture = {
    folder,
    index: join(folder, "segments.db"),
    clock,
    lines,
    async tryOpen(options) {
      await current?.[Symbol.asyncDispose]();
      current = await openDiskTier({ folder, budgetBytes: 100 * CHARGE, clock, log: recorder(lines), ...options });
      return current;
    },
    async open(options) {
      const tier = await fixture.tryOpen(options);
      if (tier === undefined) throw new Error(`it did not open: ${JSON.stringify(lines.at(-1))}`);
      await until(() => tier.stats().pausedBecause === undefined);
      return tier;
    },
    pathOf: (key) => join(root, nameOf(key).slice(0, 2), nameOf(key)),
    diskBytes: () =>
      entries().reduce((sum, { parentPath, name }) => sum + lstatSync(join(parentPath, name)).blocks * 512, 0),
    files: () => entries().map(({ name }) => name),
    async [Symbol.asyncDispose]() {
      await current?.[Symbol.asyncDispose]();
      if (given === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
  return fixture;
}

/** The content of a segment, which is a function of its key. */
export function contentOf(key: string, size = SIZE): Buffer {
  const next = seededRandom([...key].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) >>> 0, size));
  const bytes = Buffer.allocUnsafe(size + 4);
  for (let at = 0; at < size; at += 4) bytes.writeUInt32LE(Math.floor(next() * 2 ** 32), at);
  return bytes.subarray(0, size);
}

/** Offers the segment and waits until the tier is done with it. */
export function put(tier: DiskTier, key: string, size = SIZE): Promise<void> {
  return new Promise((resolve) => tier.offer(key, contentOf(key, size), resolve));
}

/** What a reader gets: whether the tier has it, after a check that it is right. */
export async function get(tier: DiskTier, key: string, size = SIZE): Promise<boolean> {
  const into = Buffer.alloc(size + 100, 0xaa);
  if (!(await tier.read(key, into, size, never))) return false;
  if (!into.subarray(0, size).equals(contentOf(key, size))) throw new Error(`wrong bytes for ${key}`);
  if (!into.subarray(size).every((byte) => byte === 0xaa)) throw new Error(`bytes beyond the end of ${key}`);
  return true;
}

/** A file operation that waits until the test lets it go on. */
export class FileGate {
  readonly waiting: { readonly name: string; readonly open: () => void }[] = [];
  isShut = true;

  wrap(operation: "read" | "write"): (files: DiskFiles) => DiskFiles {
    return (files) => ({
      ...files,
      [operation]: async (name: string, bytes: Buffer, size: number) => {
        if (this.isShut) await new Promise<void>((open) => this.waiting.push({ name, open }));
        return await files[operation](name, bytes, size);
      },
    });
  }

  /** Lets all go on, and stays open. */
  open(): void {
    this.isShut = false;
    for (const { open } of this.waiting.splice(0)) open();
  }
}

/** An error as the system gives it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: as the test wants it`), { code });
}

export function recorder(lines: LogLine[]): Logger {
  const at = (level: string) => (fields: LogLine["fields"], message: string) => {
    lines.push({ level, message, fields });
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
