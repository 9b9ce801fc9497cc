import { raceAbort } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { errorCode } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { type DiskFiles, isAbsence, nameOf } from "./disk-files.ts";
import type { DiskEntry, DiskLedger } from "./disk-ledger.ts";
import { DiskOffers, type Offer } from "./disk-offers.ts";
import { DiskPause, type Trouble } from "./disk-pause.ts";
import { DiskReads } from "./disk-reads.ts";
import { AnotherDisk, type DiskShelf } from "./disk-shelf.ts";
import type { DiskSpace } from "./disk-space.ts";
import type { DiskStats, DiskTier } from "./disk-tier.ts";
import { ELSEWHERE, NEARLY_FULL, SLOW, troubleFrom } from "./disk-trouble.ts";

const SAVE_MS = 1_000;
const SAVE_AT_ONCE = 256;
const SLOW_WRITE_MS = 2_000;
const CLOSE_MS = 5_000;
/** Errors at reading that say nothing about the file. */
const SHORTAGE = /^(EMFILE|ENFILE|ENOMEM|EAGAIN|EACCES|EPERM)$/;

export interface DiskSegmentsOptions {
  readonly folder: string;
  readonly budgetBytes: number;
  readonly maxOfferedBytes: number;
  readonly maxOffers: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly crc32: (bytes: Buffer) => number;
  readonly files: DiskFiles;
  readonly ledger: DiskLedger;
  readonly shelf: DiskShelf;
  readonly space: DiskSpace;
}

/**
 * The disk tier in operation. All that changes anything on the disk is one step after the other of one worker, which runs while
 * there is something to do and has no timer when there is not; at most two reads go beside it. It begins with a sweep, and
 * takes offers after that. Whatever fails pauses the writing for a while; the first offer after that tries again. Owns the
 * shelf and its index: disposing waits for what is under way, at most five seconds, saves the index and closes it.
 */
export class DiskSegments implements DiskTier {
  readonly #options: DiskSegmentsOptions;
  readonly #ledger: DiskLedger;
  readonly #shelf: DiskShelf;
  readonly #offers: DiskOffers;
  readonly #pause: DiskPause;
  readonly #reads: DiskReads;
  readonly #counts = { hits: 0, misses: 0, writes: 0, skipped: 0, damaged: 0 };
  #worker: Promise<void> | undefined;
  #saveTimer: Disposable | undefined;
  #isSaveDue = false;
  #restsUntil = 0;
  #isClosing = false;
  #closing: Promise<void> | undefined;

  constructor(options: DiskSegmentsOptions) {
    const { folder, clock, log, ledger, shelf, maxOfferedBytes, maxOffers } = options;
    this.#options = options;
    this.#ledger = ledger;
    this.#shelf = shelf;
    this.#offers = new DiskOffers(maxOfferedBytes, maxOffers);
    this.#pause = new DiskPause(folder, clock, log);
    this.#reads = new DiskReads(clock);
  }

  /** Lets the first sweep begin. */
  start(): void {
    this.#wake();
  }

  has(key: string): boolean {
    return this.#mayHave(nameOf(key));
  }

  async read(key: string, into: Buffer, size: number, cancel: Cancel): Promise<boolean> {
    cancel.signal.throwIfAborted();
    const name = nameOf(key);
    const isRight =
      this.#mayHave(name) && (await this.#reads.run(() => this.#readFile(name, into, size), cancel)) === true;
    cancel.signal.throwIfAborted();
    this.#counts[isRight ? "hits" : "misses"] += 1;
    return isRight;
  }

  offer(key: string, bytes: Buffer, done: () => void): void {
    const name = nameOf(key);
    if (this.#ledger.find(name) !== undefined || this.#offers.has(name)) {
      done();
      return;
    }
    const isWelcome = !this.#isClosing && this.#shelf.isSwept && !this.#pause.isOn && this.#shelf.fits(bytes.length);
    if (!isWelcome || !this.#offers.add({ name, bytes, done })) {
      this.#counts.skipped += 1;
      done();
    }
    this.#wake();
  }

  stats(): DiskStats {
    const sweeping = this.#shelf.isSwept ? undefined : "its files are being looked through";
    return {
      ...this.#counts,
      evictions: this.#shelf.evictions,
      entries: this.#ledger.count,
      bytes: this.#shelf.usedBytes,
      budgetBytes: this.#options.budgetBytes,
      pausedBecause: this.#pause.because ?? sweeping,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    // First, since letting go of offers may bring new ones.
    this.#isClosing = true;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #mayHave(name: string): boolean {
    return !this.#isClosing && !this.#reads.isStalled && this.#ledger.find(name) !== undefined;
  }

  async #close(): Promise<void> {
    this.#counts.skipped += this.#offers.release();
    this.#saveTimer?.[Symbol.dispose]();
    const patience = new AbortController();
    using _patience = this.#options.clock.after(CLOSE_MS, () => patience.abort());
    const work = Promise.all([this.#worker, this.#reads.end(patience)]);
    try {
      await raceAbort(work, patience.signal);
    } catch {
      this.#options.log.warn(
        { folder: this.#options.folder },
        "the disk of the cache does not answer: it is left behind",
      );
    }
    try {
      await this.#shelf.close();
    } catch (error) {
      const { because: reason } = troubleFrom(error);
      this.#options.log.warn({ folder: this.#options.folder, reason }, "the index of the disk cache is not up to date");
    }
  }

  /** Whether all of the segment is in `into`, and right; otherwise what is wrong with it has been seen to. */
  async #readFile(name: string, into: Buffer, size: number): Promise<boolean> {
    // It may have been evicted while this read waited for its place.
    const entry = this.#ledger.find(name);
    if (entry === undefined || entry.size !== size || into.length < size) return false;
    entry.readers += 1;
    try {
      const isWhole = await this.#options.files.read(name, into, size);
      if (isWhole && this.#options.crc32(into.subarray(0, size)) === entry.crc32) {
        if (this.#ledger.find(name) === entry) this.#ledger.touch(name);
        this.#noteNews();
        return true;
      }
      this.#foundDamaged(name, entry);
    } catch (error) {
      if (isAbsence(error)) this.#giveUp(name, entry);
      else if (!SHORTAGE.test(errorCode(error) ?? "")) this.#foundDamaged(name, entry);
    } finally {
      entry.readers -= 1;
    }
    return false;
  }

  #foundDamaged(name: string, entry: DiskEntry): void {
    if (this.#counts.damaged === 0) {
      this.#options.log.warn(
        { folder: this.#options.folder, hint: "after a power cut this is normal; if it comes often, check the disk" },
        "a damaged segment was found in the disk cache and dropped; further ones are only counted",
      );
    }
    this.#counts.damaged += 1;
    this.#giveUp(name, entry);
  }

  #giveUp(name: string, entry: DiskEntry): void {
    this.#shelf.giveUp(name, entry);
    this.#noteNews();
    this.#wake();
  }

  /** The index learns of it within a second, or when enough has come together. */
  #noteNews(): void {
    if (this.#isClosing) return;
    if (this.#ledger.unsaved >= SAVE_AT_ONCE) {
      this.#saveIsDue();
      return;
    }
    this.#saveTimer ??= this.#options.clock.after(SAVE_MS, () => this.#saveIsDue());
  }

  #saveIsDue(): void {
    this.#saveTimer?.[Symbol.dispose]();
    this.#saveTimer = undefined;
    this.#isSaveDue = true;
    this.#wake();
  }

  #wake(): void {
    this.#worker ??= this.#work();
  }

  async #work(): Promise<void> {
    // Not in the stack of whoever offers.
    await undefined;
    for (let step = this.#nextStep(); step !== undefined; step = this.#nextStep()) await step();
    this.#worker = undefined;
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const trouble = error instanceof AnotherDisk ? ELSEWHERE : troubleFrom(error);
      this.#restsUntil = this.#options.clock.now() + trouble.ms;
      this.#stopWriting(trouble);
    }
  }

  #nextStep(): (() => Promise<void>) | undefined {
    if (this.#isClosing || this.#options.clock.now() < this.#restsUntil) return undefined;
    if (!this.#shelf.isOpen) return () => this.#attempt(() => this.#shelf.restart());
    if (!this.#shelf.isSwept) return () => this.#attempt(() => this.#sweep());
    if (this.#shelf.hasDoomed) return () => this.#attempt(() => this.#shelf.removeDoomed());
    if (this.#isSaveDue) return () => this.#attempt(() => this.#save());
    // Whoever is told that its offer is done with can see what has become of it.
    if (!this.#offers.isEmpty) return () => this.#offers.serve((offer) => this.#attempt(() => this.#store(offer)));
    return undefined;
  }

  async #sweep(): Promise<void> {
    await this.#shelf.sweep(() => this.#isClosing);
    this.#noteNews();
  }

  async #save(): Promise<void> {
    await this.#shelf.save();
    this.#isSaveDue = this.#ledger.unsaved > 0;
  }

  async #store(offer: Offer): Promise<void> {
    let isStored = false;
    try {
      isStored = await this.#write(offer);
    } finally {
      this.#counts[isStored ? "writes" : "skipped"] += 1;
    }
  }

  async #write({ name, bytes }: Offer): Promise<boolean> {
    const { clock, crc32, space } = this.#options;
    let isSlow = false;
    using _slow = clock.after(SLOW_WRITE_MS, () => {
      isSlow = true;
      this.#stopWriting(SLOW);
    });
    if (!(await space.admits(bytes.length, this.#shelf.usedBytes))) {
      this.#stopWriting(NEARLY_FULL);
      return false;
    }
    if (!(await this.#shelf.put(name, bytes, crc32(bytes)))) return false;
    if (!isSlow) this.#pause.end();
    this.#noteNews();
    return true;
  }

  #stopWriting(trouble: Trouble): void {
    this.#pause.begin(trouble);
    this.#counts.skipped += this.#offers.release();
  }
}
