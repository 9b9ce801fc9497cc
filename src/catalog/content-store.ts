import { randomBytes } from "node:crypto";
import { clampRange } from "../base/byte-range.ts";
import { CatalogError } from "../base/errors.ts";
import type { ContentStore, ContentWriter } from "./contents.ts";
import { inTransaction } from "./database.ts";
import type { Leftovers } from "./leftovers.ts";
import type { Database } from "./sqlite.ts";

/** Bytes that are read and written at a time, and that each upload takes of memory. */
export const PIECE_BYTES = 64 * 1024;

export interface SqliteContentStore extends ContentStore {
  /** Stores what the writer still holds; returns the row of `content`, which no sweep takes until `handOver` or the writer's end. */
  finish(writer: ContentWriter): number;
  /** A sidecar has been made of it, and that is committed: the writer is done. */
  handOver(writer: ContentWriter): void;
}

/** What a sidecar's contentTag is: never the same twice, whatever became of the ids of contents, since a backup may have been restored. */
export function sidecarTag(): string {
  return randomBytes(15).toString("base64url");
}

/** The search in the index, apart from the bytes: one row of them is read, never the rows that it is compared with. */
export const READ_PIECE = `SELECT start, data FROM content_chunk WHERE id =
  (SELECT id FROM content_chunk WHERE content = ? AND start <= ? ORDER BY start DESC LIMIT 1)`;

export function contentStore(db: Database, leftovers: Leftovers): SqliteContentStore {
  const insert = db.prepare("INSERT INTO content DEFAULT VALUES");
  const insertPiece = db.prepare("INSERT INTO content_chunk (content, start, data) VALUES (?, ?, ?)");
  const sidecar = db.prepare<[number], { content: number; size: number }>(
    "SELECT content, size FROM entry WHERE id = ? AND content IS NOT NULL",
  );
  const pieceAt = db.prepare<[number, number], { start: number; data: Buffer }>(READ_PIECE);
  const rows = {
    add: () => Number(insert.run().lastInsertRowid),
    addPiece: (content: number, start: number, data: Uint8Array) => void insertPiece.run(content, start, data),
  };

  function* read(content: number, { start, end }: { readonly start: number; readonly end: number }) {
    for (let at = start; at < end; ) {
      const piece = pieceAt.get(content, at);
      const from = at - (piece?.start ?? at);
      const bytes = piece?.data.subarray(from, Math.min(piece.data.length, from + end - at));
      if (bytes === undefined || bytes.length === 0) {
        throw new CatalogError("PATH_MISSING", "the bytes of a sidecar are no longer in the catalog");
      }
      yield bytes;
      at += bytes.length;
    }
  }

  return {
    begin: () => new PieceWriter(db, leftovers, rows),
    read(id, range) {
      const row = sidecar.get(id);
      if (row === undefined) throw new CatalogError("PATH_MISSING", `entry ${id} is no sidecar of the catalog`);
      return read(row.content, clampRange(range, row.size));
    },
    finish: (writer) => own(writer).finish(),
    handOver: (writer) => own(writer).end(),
  };
}

function own(writer: ContentWriter): PieceWriter {
  if (writer instanceof PieceWriter) return writer;
  throw new TypeError("this writer belongs to no catalog");
}

interface Rows {
  add(): number;
  addPiece(content: number, start: number, data: Uint8Array): void;
}

class PieceWriter implements ContentWriter {
  readonly #db: Database;
  readonly #leftovers: Leftovers;
  readonly #rows: Rows;
  /** Row of `content`, once there is one. */
  #content: number | undefined;
  #storedBytes = 0;
  #piece: Buffer | undefined;
  #filled = 0;
  #isOpen = true;

  constructor(db: Database, leftovers: Leftovers, rows: Rows) {
    this.#db = db;
    this.#leftovers = leftovers;
    this.#rows = rows;
  }

  get size(): number {
    return this.#storedBytes + this.#filled;
  }

  write(chunk: Uint8Array): void {
    this.#assertOpen();
    this.#piece ??= Buffer.allocUnsafe(PIECE_BYTES);
    for (let from = 0; from < chunk.length; ) {
      const part = chunk.subarray(from, from + PIECE_BYTES - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      from += part.length;
      if (this.#filled === PIECE_BYTES) this.#store();
    }
  }

  finish(): number {
    this.#assertOpen();
    return this.#content !== undefined && this.#filled === 0 ? this.#content : this.#store();
  }

  /** Its bytes are an owner's from now on, or nobody's. */
  end(): void {
    this.#isOpen = false;
    this.#piece = undefined;
    if (this.#content !== undefined) this.#leftovers.release(this.#content);
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.end();
    this.#leftovers.trySweep();
  }

  /** Room is made by those who need it: every piece that comes in lets some go that nobody owns. */
  #store(): number {
    const filled = this.#piece?.subarray(0, this.#filled);
    try {
      const content = inTransaction(this.#db, () => {
        this.#leftovers.sweep();
        const id = this.#content ?? this.#rows.add();
        if (filled !== undefined && filled.length > 0) this.#rows.addPiece(id, this.#storedBytes, filled);
        return id;
      });
      this.#leftovers.hold(content);
      this.#content = content;
      this.#storedBytes += this.#filled;
      this.#filled = 0;
      return content;
    } catch (error) {
      // A piece is missing: nothing whole can come of it any more.
      this.end();
      throw error;
    }
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new Error("these bytes have been handed over or given up already");
  }
}
