import { closeSync, openSync } from "node:fs";
import { resolve } from "node:path";
import { AppError, CatalogError, ConfigError, errorCode, errorMessage } from "../base/errors.ts";
import { foldCase } from "./fold-case.ts";
import { type Database, loadSqlite } from "./sqlite.ts";

/** `PRAGMA application_id`, "Nwsr": says whose file this is. */
const APPLICATION_ID = 0x4e777372;
/** Nobody else may hold the file while it is open, so this is only the patience for a predecessor that is just closing. */
const LOCK_WAIT_MS = 1000;

/**
 * Opens or creates the file and takes it for this process alone, until `close()` or the end of the process.
 * Throws ConfigError CONFIG_INVALID when the file is in use, damaged, foreign or not writable, CatalogError DISK_FULL.
 * While it is open, nothing else in this process may open and close the file: that would drop the POSIX locks.
 */
export function openDatabase(path: string): Database {
  const file = resolve(path);
  return explained(file, () => {
    create(file);
    const db = new (loadSqlite())(file, { timeout: LOCK_WAIT_MS });
    try {
      prepare(db, file);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/** Only its owner may read it: it holds passwords of archives. An existing file is not touched, see the locks above. */
function create(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}

function prepare(db: Database, file: string): void {
  // In this mode locks are kept once taken, so two servers never share a library; the WAL index then lives in memory.
  db.pragma("locking_mode = EXCLUSIVE");
  db.exec("BEGIN EXCLUSIVE; COMMIT");
  claimFile(db, file);
  db.pragma("journal_mode = WAL");
  // A commit is in the operating system's hands when it returns, so a killed process loses nothing. A power cut may undo the
  // last moments but never corrupts: the log is synced before it is copied into the file. FULL would add an fsync to every
  // commit, on the thread that also feeds the players.
  db.pragma("synchronous = NORMAL");
  db.pragma("foreign_keys = ON");
  // The upper levels of the indexes of a large library. No mmap: a failing disk would be a SIGBUS instead of an error.
  db.pragma("cache_size = -8192");
  db.pragma("temp_store = MEMORY");
  // An import of a million segments grows the log once; the disk gets that back.
  db.pragma("journal_size_limit = 16777216");
  // What is deleted goes from the pages that are written anyhow: addresses to fetch from hold keys.
  db.pragma("secure_delete = FAST");
  db.pragma("cell_size_check = ON");
  db.pragma("trusted_schema = OFF");
  // For migrations; nothing in the schema needs it.
  db.function("fold", (text) => foldCase(String(text)));
}

function claimFile(db: Database, file: string): void {
  const isEmpty = db.prepare("SELECT count(*) FROM sqlite_schema").pluck().get() === 0;
  if (isEmpty) db.pragma(`application_id = ${APPLICATION_ID}`);
  else if (db.pragma("application_id", { simple: true }) !== APPLICATION_ID) {
    throw new ConfigError("CONFIG_INVALID", `${file} is a database of another program, not a Newsreel catalog`, {
      hint: "Point dataDir (NEWSREEL_DATA_DIR) at a folder of its own.",
    });
  }
}

/** Runs `open` and puts what SQLite or the file system says about `file` into a sentence with advice. */
export function explained<T>(file: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    const isExplained = cause instanceof AppError && cause.code !== "CATALOG_UNUSABLE";
    throw isExplained ? cause : explain(file, cause instanceof AppError ? cause.cause : cause);
  }
}

function explain(file: string, cause: unknown): unknown {
  if (isDiskFull(errorCode(cause))) return diskFull(cause);
  const found = failureOf(cause);
  if (found === undefined) return cause;
  const message = `cannot open the catalog ${file}: ${found.message ?? errorMessage(cause)}`;
  return new ConfigError("CONFIG_INVALID", message, { cause, hint: found.hint });
}

/** What SQLite finds wrong with a file that is in use, as CatalogError CATALOG_UNUSABLE; undefined for any other trouble. */
export function unusable(file: string, cause: unknown): CatalogError | undefined {
  const found = failureOf(cause);
  if (found === undefined) return undefined;
  const message = `cannot use the catalog ${file}: ${found.message ?? errorMessage(cause)}`;
  return new CatalogError("CATALOG_UNUSABLE", message, { cause, hint: `Stop Newsreel. ${found.hint}` });
}

function failureOf(cause: unknown): Failure | undefined {
  const code = errorCode(cause) ?? "";
  return FAILURES.find(({ codes }) => codes.test(code));
}

interface Failure {
  readonly codes: RegExp;
  /** undefined: the system's own words. */
  readonly message?: string;
  readonly hint: string;
}

export const RESTORE =
  "Move it away with its -wal file, then restore a backup, or start with an empty library and import again.";
const FAILURES: readonly Failure[] = [
  {
    codes: /^SQLITE_(BUSY|LOCKED)/,
    message: "another process has it open",
    hint: "Stop the other Newsreel that uses this data folder, or give this one a folder of its own with dataDir (NEWSREEL_DATA_DIR).",
  },
  { codes: /^SQLITE_NOTADB/, message: "it is not a database", hint: RESTORE },
  { codes: /^SQLITE_CORRUPT/, message: "the file is damaged", hint: RESTORE },
  {
    codes: /^(ENOENT|ENOTDIR)$/,
    message: "its folder does not exist",
    hint: "Create the folder, or set dataDir (NEWSREEL_DATA_DIR) to one that exists.",
  },
  {
    // A file that may only be read fails at its write lock.
    codes: /^(SQLITE_(CANTOPEN|READONLY|PERM|AUTH|IOERR_LOCK)|EACCES|EPERM|EROFS|EISDIR)/,
    message: "the file or its folder cannot be written or locked",
    hint:
      "Let the user that runs Newsreel write the data folder (owner, mode, read-only mount; a network share must know " +
      "locks), or set another dataDir.",
  },
  { codes: /^(SQLITE_IOERR|EIO)/, hint: "The disk answered with an error: check it and the system log." },
];

/** The transactions of `inTransaction`, which is where everything is written: what was read holds until one more is over. */
export interface Writes {
  /** Of these, so many are over, well or not. */
  readonly over: number;
  readonly open: number;
}

const writesByDatabase = new WeakMap<Database, { over: number; open: number }>();

/** Changes as they do. */
export function writesOf(db: Database): Writes {
  return countsOf(db);
}

function countsOf(db: Database): { over: number; open: number } {
  let counts = writesByDatabase.get(db);
  if (counts === undefined) {
    counts = { over: 0, open: 0 };
    writesByDatabase.set(db, counts);
  }
  return counts;
}

/** One IMMEDIATE transaction: all of `work`, or nothing. A full disk is CatalogError DISK_FULL. */
export function inTransaction<T>(db: Database, work: () => T): T {
  const counts = countsOf(db);
  counts.open += 1;
  try {
    return db.transaction(work).immediate();
  } catch (error) {
    throw isDiskFull(errorCode(error)) ? diskFull(error) : (unusable(db.name, error) ?? error);
  } finally {
    counts.open -= 1;
    counts.over += 1;
  }
}

function isDiskFull(code: string | undefined): boolean {
  return code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT";
}

function diskFull(cause: unknown): CatalogError {
  return new CatalogError("DISK_FULL", "cannot write the catalog: the disk is full", {
    cause,
    hint: "Make room on the disk of the data folder; nothing was changed, and what was tried can be tried again.",
  });
}
