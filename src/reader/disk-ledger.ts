import type { DiskIndex, IndexRow } from "./disk-index.ts";

/** A segment on disk. */
export interface DiskEntry {
  readonly size: number;
  readonly crc32: number;
  /** Its row in the index; 0 before it is there. */
  row: number;
  /** Reads under way: while there are any, its file stays. */
  readers: number;
  /** The sweep that met its file last. */
  sweep: number;
}

/**
 * What lies on disk, in memory, in the order of use; and what the index does not know yet. About 200 bytes per segment.
 * Does no I/O but `save`.
 */
export class DiskLedger {
  readonly #blockBytes: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, DiskEntry>();
  readonly #unsaved = new Map<string, DiskEntry>();
  #deletedRows: number[] = [];
  #lastRow = 0;
  #bytes = 0;

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Bytes of all files, each rounded up to whole blocks. */
  get bytes(): number {
    return this.#bytes;
  }

  get unsaved(): number {
    return this.#unsaved.size + this.#deletedRows.length;
  }

  /** Bytes that a file of `size` takes: whole blocks. */
  chargeOf(size: number): number {
    return Math.ceil(size / this.#blockBytes) * this.#blockBytes;
  }

  find(name: string): DiskEntry | undefined {
    return this.#entries.get(name);
  }

  /** Least recently used first; entries may come and go meanwhile. */
  entries(): IterableIterator<[string, DiskEntry]> {
    return this.#entries.entries();
  }

  /** A row of the index; the later of two for one file is right. */
  restore({ row, name, size, crc32 }: IndexRow): void {
    this.drop(name);
    this.#set(name, { size, crc32, row, readers: 0, sweep: 0 });
    this.#lastRow = row;
  }

  add(name: string, { size, crc32 }: { readonly size: number; readonly crc32: number }): void {
    const entry = { size, crc32, row: 0, readers: 0, sweep: 0 };
    this.#set(name, entry);
    this.#unsaved.set(name, entry);
  }

  /** It has been used just now. */
  touch(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    this.#unsaved.delete(name);
    this.#unsaved.set(name, entry);
  }

  drop(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.#unsaved.delete(name);
    this.#bytes -= this.chargeOf(entry.size);
    if (entry.row > 0) this.#deletedRows.push(entry.row);
  }

  clear(): void {
    this.#entries.clear();
    this.#unsaved.clear();
    this.#deletedRows = [];
    this.#lastRow = 0;
    this.#bytes = 0;
  }

  /** The least recently used segment that nobody reads. */
  oldestIdle(): [string, DiskEntry] | undefined {
    for (const found of this.#entries) if (found[1].readers === 0) return found;
    return undefined;
  }

  /** Writes at most `limit` news of each kind to the index, in one transaction. Throws SQLite's error; then they are still news. */
  save(index: DiskIndex, limit: number): void {
    const deleted = this.#deletedRows.slice(-limit);
    const moved: number[] = [];
    const added: IndexRow[] = [];
    for (const [name, { size, crc32, row }] of this.#unsaved) {
      if (added.length === limit) break;
      if (row > 0) moved.push(row);
      added.push({ row: this.#lastRow + added.length + 1, name, size, crc32 });
    }
    index.change([...deleted, ...moved], added);
    this.#deletedRows.length -= deleted.length;
    this.#lastRow += added.length;
    for (const { name, row } of added) {
      (this.#unsaved.get(name) as DiskEntry).row = row;
      this.#unsaved.delete(name);
    }
  }

  #set(name: string, entry: DiskEntry): void {
    this.#entries.set(name, entry);
    this.#bytes += this.chargeOf(entry.size);
  }
}
