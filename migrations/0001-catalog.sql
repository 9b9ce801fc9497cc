-- The library: a tree of folders and files, the posts that hold their bytes, and the import queue.
-- Times are milliseconds since 1970. AUTOINCREMENT keeps ids from being used twice: caches and URLs outlive rows.

CREATE TABLE entry (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  parent      INTEGER REFERENCES entry (id),
  name        TEXT NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('folder', 'file')),
  size        INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
  created_at  INTEGER NOT NULL,
  modified_at INTEGER NOT NULL,
  content_tag TEXT NOT NULL DEFAULT '',
  release     INTEGER REFERENCES release (id),
  runs        BLOB,
  -- A name belongs to its parent alone, so renaming a folder is one row. Names compare by byte: case matters.
  UNIQUE (parent, name),
  CHECK ((parent IS NULL) = (id = 1)),
  CHECK (parent IS NULL OR (name <> '' AND instr(name, '/') = 0))
) STRICT;

CREATE INDEX entry_release ON entry (release) WHERE release IS NOT NULL;

CREATE TABLE release (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  digest     TEXT NOT NULL UNIQUE,
  folder     INTEGER NOT NULL REFERENCES entry (id),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE post (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  release  INTEGER NOT NULL REFERENCES release (id) ON DELETE CASCADE,
  size     INTEGER NOT NULL CHECK (size >= 0),
  segments INTEGER NOT NULL CHECK (segments >= 0)
) STRICT;

CREATE INDEX post_release ON post (release);

-- Up to 1024 segments of a post, packed; `start` is the offset of their first byte in the post, so that one search finds
-- the chunk of any byte. Not WITHOUT ROWID: a search in such a table reads every large row that it compares with.
CREATE TABLE segment_chunk (
  id    INTEGER PRIMARY KEY,
  post  INTEGER NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  start INTEGER NOT NULL,
  data  BLOB NOT NULL,
  UNIQUE (post, start)
) STRICT;

CREATE TABLE job (
  id         TEXT PRIMARY KEY,
  state      TEXT NOT NULL
             CHECK (state IN ('queued', 'waiting', 'importing', 'completed', 'failed', 'paused', 'cancelled')),
  name       TEXT NOT NULL,
  category   TEXT NOT NULL,
  digest     TEXT NOT NULL,
  progress   REAL NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
  reason     TEXT,
  error      TEXT,
  hint       TEXT,
  release    INTEGER REFERENCES release (id) ON DELETE SET NULL,
  attempts   INTEGER NOT NULL DEFAULT 0,
  not_before INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX job_state ON job (state, id);
CREATE INDEX job_due ON job (not_before) WHERE state = 'waiting';
-- One living job for a post and category, whoever asks.
CREATE UNIQUE INDEX job_living ON job (digest, category) WHERE state NOT IN ('failed', 'cancelled');

-- Apart from the job, so that listing jobs never reads an NZB.
CREATE TABLE job_source (
  job       TEXT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
  nzb       BLOB NOT NULL,
  passwords TEXT NOT NULL
) STRICT;

-- Counts are kept by triggers: nothing is ever scanned for them, and no code path can forget them.
CREATE TABLE totals (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  files    INTEGER NOT NULL,
  releases INTEGER NOT NULL,
  segments INTEGER NOT NULL,
  bytes    INTEGER NOT NULL
) STRICT;
INSERT INTO totals VALUES (1, 0, 0, 0, 0);

CREATE TRIGGER file_added AFTER INSERT ON entry WHEN NEW.kind = 'file' BEGIN
  UPDATE totals SET files = files + 1, bytes = bytes + NEW.size;
END;
CREATE TRIGGER file_removed AFTER DELETE ON entry WHEN OLD.kind = 'file' BEGIN
  UPDATE totals SET files = files - 1, bytes = bytes - OLD.size;
END;
CREATE TRIGGER release_added AFTER INSERT ON release BEGIN
  UPDATE totals SET releases = releases + 1;
END;
CREATE TRIGGER release_removed AFTER DELETE ON release BEGIN
  UPDATE totals SET releases = releases - 1;
END;
CREATE TRIGGER post_added AFTER INSERT ON post BEGIN
  UPDATE totals SET segments = segments + NEW.segments;
END;
CREATE TRIGGER post_removed AFTER DELETE ON post BEGIN
  UPDATE totals SET segments = segments - OLD.segments;
END;

CREATE TABLE job_count (
  state TEXT PRIMARY KEY,
  jobs  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO job_count VALUES
  ('queued', 0), ('waiting', 0), ('importing', 0), ('completed', 0), ('failed', 0), ('paused', 0), ('cancelled', 0);

CREATE TRIGGER job_added AFTER INSERT ON job BEGIN
  UPDATE job_count SET jobs = jobs + 1 WHERE state = NEW.state;
END;
CREATE TRIGGER job_moved AFTER UPDATE OF state ON job WHEN NEW.state <> OLD.state BEGIN
  UPDATE job_count SET jobs = jobs - 1 WHERE state = OLD.state;
  UPDATE job_count SET jobs = jobs + 1 WHERE state = NEW.state;
END;
CREATE TRIGGER job_removed AFTER DELETE ON job BEGIN
  UPDATE job_count SET jobs = jobs - 1 WHERE state = OLD.state;
END;

-- Written by the readiness check, to prove that writing works.
CREATE TABLE write_check (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  at INTEGER NOT NULL
) STRICT;
