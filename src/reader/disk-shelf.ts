import { mkdir, stat } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { errorCode } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { type DiskFiles, FOLDERS } from "./disk-files.ts";
import { DamagedIndex, type DiskIndex } from "./disk-index.ts";
import type { DiskEntry, DiskLedger } from "./disk-ledger.ts";

/** News that go to the index in one transaction: about a millisecond. */
const SAVED_AT_ONCE = 256;
const ENTRIES_PER_TURN = 4_096;

export interface DiskShelfOptions {
  readonly folder: string;
  readonly budgetBytes: number;
  readonly maxEntries: number;
  readonly files: DiskFiles;
  readonly log: Logger;
  /** `st_dev` of the folder. */
  readonly device: bigint;
  /** Filled from `index`. */
  readonly ledger: DiskLedger;
  readonly index: DiskIndex;
  /** Opens the index again and fills the ledger, which is empty then. */
  readonly restore: () => Promise<DiskIndex>;
}

/** Another disk is mounted at the folder than at the start. */
export class AnotherDisk extends Error {}

/**
 * Files, ledger and index of the disk tier, kept in step. Whoever uses it calls one of its asynchronous methods at a time.
 * Whenever the process dies: a file that the index does not know is removed by the next sweep, a row without a file is dropped
 * by it, and a file with other content than its row says is found out when it is read.
 */
export class DiskShelf {
  readonly #options: DiskShelfOptions;
  readonly #ledger: DiskLedger;
  #index: DiskIndex | undefined;
  /** Bytes of files that the ledger does not have: being written, or not removed yet. */
  #looseBytes = 0;
  #doomed: { readonly name: string; readonly charge: number }[] = [];
  #sweeps = 0;
  #isSwept = false;
  #evictions = 0;

  constructor(options: DiskShelfOptions) {
    this.#options = options;
    this.#ledger = options.ledger;
    this.#index = options.index;
  }

  /** Bytes that all files take, those being written and those about to go included. */
  get usedBytes(): number {
    return this.#ledger.bytes + this.#looseBytes;
  }

  get evictions(): number {
    return this.#evictions;
  }

  /** Whether the index is open; otherwise `restart` is due. */
  get isOpen(): boolean {
    return this.#index !== undefined;
  }

  /** Whether every file is accounted for; before that nothing may be written. */
  get isSwept(): boolean {
    return this.#isSwept;
  }

  get hasDoomed(): boolean {
    return this.#doomed.length > 0;
  }

  /** Whether a segment of `size` could be put here at all. */
  fits(size: number): boolean {
    return size > 0 && this.#ledger.chargeOf(size) <= this.#options.budgetBytes;
  }

  /** Gives up a segment whose file is not what it should be; `removeDoomed` is due. */
  giveUp(name: string, entry: DiskEntry): void {
    if (this.#ledger.find(name) !== entry) return;
    this.#ledger.drop(name);
    const charge = this.#ledger.chargeOf(entry.size);
    this.#looseBytes += charge;
    this.#doomed.push({ name, charge });
  }

  /** Writes a segment, evicting what must go; false when there is no room for it, or the index is gone. Rejects with the system's error. */
  async put(name: string, bytes: Buffer, crc32: number): Promise<boolean> {
    const charge = this.#ledger.chargeOf(bytes.length);
    const old = this.#evictOneLike(charge);
    if (old === undefined && !(await this.#makeRoom(charge))) return false;
    this.#looseBytes += charge;
    let isWritten = false;
    try {
      if (old !== undefined) await this.#options.files.reuse(old, name);
      isWritten = await this.#write(name, bytes);
    } finally {
      if (!isWritten) await this.#remove(name, charge, old);
    }
    if (!isWritten) return false;
    this.#looseBytes -= charge;
    this.#ledger.add(name, { size: bytes.length, crc32 });
    return true;
  }

  async removeDoomed(): Promise<void> {
    for (let file = this.#doomed.pop(); file !== undefined; file = this.#doomed.pop()) {
      await this.#remove(file.name, file.charge);
    }
  }

  /** Writes some of the news to the index; when it is gone or broken, `restart` is due. Rejects with SQLite's error. */
  async save(): Promise<void> {
    if (await this.#isIndexInPlace()) this.#saveSome();
  }

  /**
   * Looks through all folders: removes files that nobody knows, forgets segments whose file is gone, and evicts down to the budget.
   * Ends early, with nothing settled, when `isStopped`. Rejects with the system's error.
   */
  async sweep(isStopped: () => boolean): Promise<void> {
    const { files, log, folder: path } = this.#options;
    this.#sweeps += 1;
    let strays = 0;
    for (const folder of FOLDERS) {
      if (isStopped()) return;
      for await (const name of files.list(folder)) {
        if (isStopped()) return;
        const entry = this.#ledger.find(name);
        if (entry !== undefined) {
          entry.sweep = this.#sweeps;
          continue;
        }
        await files.remove(name);
        strays += 1;
      }
    }
    const missing = await this.#forgetMissing();
    this.#looseBytes = this.#doomed.reduce((sum, { charge }) => sum + charge, 0);
    await this.#makeRoom(0);
    this.#isSwept = true;
    const { count: segments, bytes } = this.#ledger;
    log.info({ folder: path, segments, bytes, strays, missing }, "the disk cache was looked through");
  }

  /** Begins again with what the folder holds now. Rejects with AnotherDisk, or like opening the index. */
  async restart(): Promise<void> {
    const { folder, device, log, restore } = this.#options;
    this.#ledger.clear();
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { dev } = await stat(folder, { bigint: true });
    if (dev !== device) throw new AnotherDisk(folder);
    this.#index = await restore();
    log.warn({ folder }, "the index of the disk cache was gone or broken: it begins again");
  }

  /** Saves all news and closes the index. Throws SQLite's error, but is closed then too. */
  async close(): Promise<void> {
    using index = this.#index;
    if (index === undefined) return;
    while (this.#ledger.unsaved > 0) {
      this.#ledger.save(index, SAVED_AT_ONCE);
      await nextTurn();
    }
    this.#index = undefined;
  }

  #saveSome(): void {
    if (this.#index === undefined) return;
    try {
      this.#ledger.save(this.#index, SAVED_AT_ONCE);
    } catch (error) {
      if (!(error instanceof DamagedIndex)) throw error;
      this.#index.drop();
      this.#loseIndex();
    }
  }

  async #isIndexInPlace(): Promise<boolean> {
    if (await this.#index?.isInPlace()) return true;
    this.#loseIndex();
    return false;
  }

  #loseIndex(): void {
    this.#index?.[Symbol.dispose]();
    this.#index = undefined;
    this.#isSwept = false;
    // The next sweep finds them.
    this.#doomed = [];
  }

  /** A folder is made only beside the index: where a disk was mounted, nothing is written after it has gone. */
  async #write(name: string, bytes: Buffer): Promise<boolean> {
    const { files } = this.#options;
    try {
      await files.write(name, bytes);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
      if (!(await this.#isIndexInPlace())) return false;
      await files.makeFolder(name);
      await files.write(name, bytes);
    }
    return true;
  }

  #hasRoomFor(segments: number, bytes: number): boolean {
    const { budgetBytes, maxEntries } = this.#options;
    return this.usedBytes + bytes <= budgetBytes && this.#ledger.count + segments <= maxEntries;
  }

  /** What a full cache of segments of one size needs: one goes for one that comes. Its file stays, to be used again. */
  #evictOneLike(charge: number): string | undefined {
    if (this.#hasRoomFor(1, charge) || !this.#hasRoomFor(0, 0)) return undefined;
    const [name, entry] = this.#ledger.oldestIdle() ?? [];
    if (name === undefined || entry === undefined || this.#ledger.chargeOf(entry.size) !== charge) return undefined;
    this.#ledger.drop(name);
    this.#evictions += 1;
    return name;
  }

  async #makeRoom(charge: number): Promise<boolean> {
    while (!this.#hasRoomFor(Math.sign(charge), charge)) {
      const oldest = this.#ledger.oldestIdle();
      if (oldest === undefined) return false;
      const [name, entry] = oldest;
      const freed = this.#ledger.chargeOf(entry.size);
      this.#ledger.drop(name);
      this.#looseBytes += freed;
      this.#evictions += 1;
      await this.#remove(name, freed);
    }
    return true;
  }

  /** A file that cannot be removed still takes its space: the next sweep tries again, and until then nothing is written. */
  async #remove(name: string, charge: number, formerName?: string): Promise<void> {
    const { files } = this.#options;
    try {
      await files.remove(name);
      if (formerName !== undefined) await files.remove(formerName);
    } catch (error) {
      this.#isSwept = false;
      throw error;
    }
    this.#looseBytes -= charge;
  }

  async #forgetMissing(): Promise<number> {
    let looked = 0;
    let missing = 0;
    for (const [name, { sweep }] of this.#ledger.entries()) {
      if (sweep !== this.#sweeps) {
        this.#ledger.drop(name);
        missing += 1;
      }
      looked += 1;
      if (looked % ENTRIES_PER_TURN === 0) await nextTurn();
    }
    return missing;
  }
}
