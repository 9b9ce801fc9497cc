import { inTransaction } from "./database.ts";
import type { Database } from "./sqlite.ts";

/** A WebDAV lock as it is kept; what it means is the protocol's business. */
export interface StoredLock {
  readonly token: string;
  /** Names from the root of the tree that WebDAV serves; none of them has a slash. */
  readonly path: readonly string[];
  readonly depth: "0" | "infinity";
  readonly scope: "exclusive" | "shared";
  readonly owner: string;
  readonly user: string;
  /** Seconds. */
  readonly timeoutS: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Locks that outlive the process. Every call is one short transaction. */
export interface LockStore {
  load(): readonly StoredLock[];
  /** New, or in place of the one with this token. */
  save(lock: StoredLock): void;
  delete(tokens: readonly string[]): void;
}

type LockRow = Omit<StoredLock, "path"> & { readonly path: string };

export function lockStore(db: Database): LockStore {
  const load = db.prepare<[], LockRow>(
    `SELECT token, path, depth, scope, owner, user, timeout_s AS timeoutS, expires_at AS expiresAt
     FROM dav_lock ORDER BY expires_at`,
  );
  const save = db.prepare<[LockRow]>(
    `INSERT OR REPLACE INTO dav_lock (token, path, depth, scope, owner, user, timeout_s, expires_at)
     VALUES (@token, @path, @depth, @scope, @owner, @user, @timeoutS, @expiresAt)`,
  );
  const remove = db.prepare<[string]>("DELETE FROM dav_lock WHERE token = ?");

  return {
    load: () => load.all().map((row) => ({ ...row, path: row.path === "" ? [] : row.path.split("/") })),
    save(lock) {
      const row = { ...lock, path: lock.path.join("/"), expiresAt: Math.round(lock.expiresAt) };
      inTransaction(db, () => void save.run(row));
    },
    delete(tokens) {
      inTransaction(db, () => {
        for (const token of tokens) remove.run(token);
      });
    },
  };
}
