-- Passwords of single devices. The program keeps all of them in memory and reads this table once. `hash` is SHA-256 of 160 random bits and
-- worthless to who reads it; `digest_md5` and `digest_sha256` are what HTTP Digest needs (H(A1)), and let their reader log in by Digest
-- until the password is revoked. Times are milliseconds since 1970.

CREATE TABLE app_password (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  name          TEXT NOT NULL UNIQUE,
  may_write     INTEGER NOT NULL CHECK (may_write IN (0, 1)),
  hash          TEXT NOT NULL UNIQUE,
  digest_md5    TEXT NOT NULL,
  digest_sha256 TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  last_used_at  INTEGER
) STRICT;
