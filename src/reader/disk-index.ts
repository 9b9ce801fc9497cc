import { closeSync, openSync, rmSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { ConfigError, errorCode, errorMessage } from "../base/errors.ts";
import { type Database, loadSqlite } from "../catalog/sqlite.ts";
import { isNameBytes, nameFrom } from "./disk-files.ts";

/** `PRAGMA application_id`, "NwSC": says whose file this is. */
const APPLICATION_ID = 0x4e775343;
/** Another version's index is dropped with the files, not migrated. */
const SCHEMA_VERSION = 1;
const ROWS_PER_LOAD = 2048;
const MAX_SIZE = 2 ** 31;
/** Rows are numbered in the order of use, oldest first, so that one tree is the index and the order; it is read once, whole, at the start. */
const SCHEMA =
  "CREATE TABLE segment (row INTEGER PRIMARY KEY, name BLOB NOT NULL, size INTEGER NOT NULL, crc32 INTEGER NOT NULL) STRICT";

/** What is known of one file: its place in the order of use, its name, length and the CRC-32 of its bytes. */
export interface IndexRow {
  readonly row: number;
  readonly name: string;
  readonly size: number;
  readonly crc32: number;
}

/** The index of the disk tier in its own SQLite file, held by this process alone while it is open. Every call is synchronous, and short. */
export interface DiskIndex extends Disposable {
  /** The next rows with a number above `after`, in order; none at the end. Throws DamagedIndex. */
  load(after: number): readonly IndexRow[];
  /** Deletes, then adds, in one transaction. Throws DamagedIndex or SQLite's error, and then nothing has changed. */
  change(deleted: readonly number[], added: readonly IndexRow[]): void;
  /** Whether the path still leads to the file that is open: it may have been deleted, or its disk unmounted. */
  isInPlace(): Promise<boolean>;
  /** Closes and deletes it. */
  drop(): void;
}

/** The file is no index of this version, or not a sound one: it can only be dropped. */
export class DamagedIndex extends Error {}

/**
 * Opens or creates the index. Throws DamagedIndex, or ConfigError with a hint when the file is another program's or in use,
 * or SQLite's or the system's error when it cannot be written.
 */
export function openDiskIndex(path: string, lockWaitMs: number): DiskIndex {
  create(path);
  const db = new (loadSqlite())(path, { timeout: lockWaitMs });
  try {
    prepare(db, path);
    return index(db, path);
  } catch (error) {
    db.close();
    throw explained(error, path);
  }
}

/** Deletes the file and what belongs to it. */
export function dropDiskIndex(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(path + suffix, { force: true });
}

/** Only its owner may read it. An existing file is not opened here: closing it again would drop the locks on it. */
function create(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}

function prepare(db: Database, path: string): void {
  // Locks are kept once taken, so two servers never share a folder; a killed process leaves none behind.
  db.pragma("locking_mode = EXCLUSIVE");
  db.exec("BEGIN EXCLUSIVE; COMMIT");
  if (db.prepare("SELECT count(*) FROM sqlite_schema").pluck().get() === 0) {
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
    db.exec(SCHEMA);
  }
  if (db.pragma("application_id", { simple: true }) !== APPLICATION_ID) {
    throw new ConfigError("CONFIG_INVALID", `${path} is a database of another program`, {
      hint: "give the disk cache a folder of its own",
    });
  }
  if (db.pragma("user_version", { simple: true }) !== SCHEMA_VERSION) {
    throw new DamagedIndex("it was written by another version");
  }
  db.pragma("journal_mode = WAL");
  // Never an fsync on the thread that feeds the players: behind many written segments it could take seconds. A killed process
  // loses nothing; after a power cut the index may be old or damaged, which costs segments, since each is verified when read.
  db.pragma("synchronous = OFF");
  db.pragma("temp_store = MEMORY");
  db.pragma("cell_size_check = ON");
  db.pragma("trusted_schema = OFF");
  // Small steps, since they are taken here.
  db.pragma("wal_autocheckpoint = 200");
  db.pragma("journal_size_limit = 1048576");
}

function index(db: Database, path: string): DiskIndex {
  const load = db
    .prepare<[number, number]>("SELECT row, name, size, crc32 FROM segment WHERE row > ? ORDER BY row LIMIT ?")
    .raw();
  const remove = db.prepare<[number]>("DELETE FROM segment WHERE row = ?");
  const add = db.prepare<[number, Buffer, number, number]>(
    "INSERT INTO segment (row, name, size, crc32) VALUES (?, ?, ?, ?)",
  );
  const change = db.transaction((deleted: readonly number[], added: readonly IndexRow[]) => {
    for (const row of deleted) remove.run(row);
    for (const { row, name, size, crc32 } of added) add.run(row, Buffer.from(name, "hex"), size, crc32);
  });
  const opened = statSync(path, { bigint: true });
  return {
    load(after) {
      try {
        return (load.all(after, ROWS_PER_LOAD) as unknown[][]).map(rowFrom);
      } catch (error) {
        throw explained(error, path);
      }
    },
    change(deleted, added) {
      try {
        change.immediate(deleted, added);
      } catch (error) {
        throw explained(error, path);
      }
    },
    async isInPlace() {
      try {
        const found = await stat(path, { bigint: true });
        return found.ino === opened.ino && found.dev === opened.dev;
      } catch {
        return false;
      }
    },
    drop() {
      db.close();
      dropDiskIndex(path);
    },
    [Symbol.dispose]: () => db.close(),
  };
}

function rowFrom([row, name, size, crc32]: unknown[]): IndexRow {
  const isRight = isWithin(row, Number.MAX_SAFE_INTEGER) && isWithin(size, MAX_SIZE) && isWithin(crc32, 2 ** 32);
  if (!isRight || !isNameBytes(name) || size === 0) throw new DamagedIndex("it holds a row that cannot be");
  return { row: row as number, name: nameFrom(name), size: size as number, crc32: crc32 as number };
}

function isWithin(value: unknown, end: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < end;
}

function explained(error: unknown, path: string): unknown {
  const code = errorCode(error) ?? "";
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    return new ConfigError("CONFIG_INVALID", `another process uses the disk cache ${path}`, {
      cause: error,
      hint: "stop the other Newsreel, or give this one a folder of its own",
    });
  }
  // SQLITE_ERROR: a table of another shape.
  return /^SQLITE_(NOTADB|CORRUPT|ERROR|FORMAT)/.test(code) ? new DamagedIndex(errorMessage(error)) : error;
}
