import type { AppPasswordStore } from "../auth/app-passwords.ts";
import { inTransaction } from "./database.ts";
import type { Database } from "./sqlite.ts";

interface Row {
  readonly id: number;
  readonly name: string;
  readonly mayWrite: number;
  readonly hash: string;
  readonly md5: string;
  readonly sha256: string;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
}

export function appPasswordStore(db: Database): AppPasswordStore {
  const load = db.prepare<[], Row>(
    `SELECT id, name, may_write AS mayWrite, hash, digest_md5 AS md5, digest_sha256 AS sha256,
       created_at AS createdAt, last_used_at AS lastUsedAt
     FROM app_password ORDER BY id`,
  );
  const insert = db.prepare<[Omit<Row, "id" | "lastUsedAt">]>(
    `INSERT INTO app_password (name, may_write, hash, digest_md5, digest_sha256, created_at)
     VALUES (@name, @mayWrite, @hash, @md5, @sha256, @createdAt)`,
  );
  const remove = db.prepare<[number]>("DELETE FROM app_password WHERE id = ?");
  const noteUse = db.prepare<[number, number]>("UPDATE app_password SET last_used_at = ? WHERE id = ?");

  return {
    load: () =>
      load.all().map(({ mayWrite, md5, sha256, lastUsedAt, ...row }) => ({
        ...row,
        mayWrite: mayWrite === 1,
        digestSecrets: { MD5: md5, "SHA-256": sha256 },
        lastUsedAt: lastUsedAt ?? undefined,
      })),
    add({ name, mayWrite, hash, digestSecrets, createdAt }) {
      const digests = { md5: digestSecrets.MD5, sha256: digestSecrets["SHA-256"] };
      const row = { name, mayWrite: mayWrite ? 1 : 0, hash, ...digests, createdAt };
      return inTransaction(db, () => Number(insert.run(row).lastInsertRowid));
    },
    remove: (id) => inTransaction(db, () => void remove.run(id)),
    noteUse: (id, at) => inTransaction(db, () => void noteUse.run(at, id)),
  };
}
