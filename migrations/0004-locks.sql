-- WebDAV locks, so that a document that somebody has open stays locked across a restart. The program keeps all of them in memory and
-- reads this table once. `path` is that of the tree that WebDAV serves, `owner` the XML that the client sent, `expires_at` in
-- milliseconds since 1970. Locks stay with their URLs, so nothing refers to an entry.

CREATE TABLE dav_lock (
  token      TEXT PRIMARY KEY,
  path       TEXT NOT NULL,
  depth      TEXT NOT NULL CHECK (depth IN ('0', 'infinity')),
  scope      TEXT NOT NULL CHECK (scope IN ('exclusive', 'shared')),
  owner      TEXT NOT NULL,
  user       TEXT NOT NULL,
  timeout_s  INTEGER NOT NULL CHECK (timeout_s > 0),
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
