-- Several trees instead of one: the library (1), what was removed from it (-1), and dropped files (-2). Below zero because every
-- id from 2 on may be taken. Sidecars: files whose bytes lie in the database.

CREATE TABLE content (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Whether a file holds these bytes. Those that nobody owns are being written, or wait to be deleted piece by piece.
  is_owned INTEGER NOT NULL DEFAULT 0 CHECK (is_owned IN (0, 1))
) STRICT;

CREATE INDEX content_unowned ON content (id) WHERE is_owned = 0;

-- `start` is the offset of a piece. Not WITHOUT ROWID, as for segment_chunk.
CREATE TABLE content_chunk (
  id      INTEGER PRIMARY KEY,
  content INTEGER NOT NULL REFERENCES content (id) ON DELETE CASCADE,
  start   INTEGER NOT NULL CHECK (start >= 0),
  data    BLOB NOT NULL,
  UNIQUE (content, start)
) STRICT;

-- No constraint of a table can be changed, so it is made anew.
CREATE TABLE new_entry (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  parent      INTEGER REFERENCES entry (id),
  name        TEXT NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('folder', 'file')),
  size        INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
  created_at  INTEGER NOT NULL,
  modified_at INTEGER NOT NULL,
  content_tag TEXT NOT NULL DEFAULT '',
  release     INTEGER REFERENCES release (id),
  -- Of a sidecar; copies share it. NULL for a posted file.
  content     INTEGER REFERENCES content (id),
  -- Dead properties, in a form that only they who set them know.
  properties  TEXT,
  -- The import that a dropped file became.
  job         TEXT REFERENCES job (id) ON DELETE SET NULL,
  -- Last, because it may be long.
  runs        BLOB,
  -- A name belongs to its parent alone, so renaming a folder is one row. Names compare by byte: case matters.
  UNIQUE (parent, name),
  CHECK ((parent IS NULL) = (id IN (1, -1, -2))),
  CHECK (parent IS NULL OR (name <> '' AND instr(name, '/') = 0)),
  CHECK (content IS NULL OR (kind = 'file' AND release IS NULL AND runs IS NULL))
) STRICT;

INSERT INTO new_entry (id, parent, name, kind, size, created_at, modified_at, content_tag, release, runs)
SELECT id, parent, name, kind, size, created_at, modified_at, content_tag, release, runs FROM entry ORDER BY id;
-- No id is ever used twice, so the new table goes on where the old one stopped.
UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'entry') WHERE name = 'new_entry';
DROP TABLE entry;
ALTER TABLE new_entry RENAME TO entry;

CREATE INDEX entry_release ON entry (release) WHERE release IS NOT NULL;
CREATE INDEX entry_content ON entry (content) WHERE content IS NOT NULL;
CREATE INDEX entry_job ON entry (job) WHERE job IS NOT NULL;

CREATE TABLE new_release (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Not unique: a release in the trash does not keep its post from being imported again.
  digest     TEXT NOT NULL,
  folder     INTEGER REFERENCES entry (id) ON DELETE SET NULL,
  created_at INTEGER NOT NULL,
  -- Whether a file refers to it. One that nobody owns waits to be deleted piece by piece.
  is_owned   INTEGER NOT NULL DEFAULT 1 CHECK (is_owned IN (0, 1))
) STRICT;

INSERT INTO new_release (id, digest, folder, created_at) SELECT id, digest, folder, created_at FROM release ORDER BY id;
UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'release') WHERE name = 'new_release';
DROP TABLE release;
ALTER TABLE new_release RENAME TO release;

CREATE INDEX release_digest ON release (digest);
CREATE INDEX release_folder ON release (folder) WHERE folder IS NOT NULL;
CREATE INDEX release_unowned ON release (id) WHERE is_owned = 0;

CREATE TRIGGER release_added AFTER INSERT ON release BEGIN
  UPDATE totals SET releases = releases + 1;
END;
CREATE TRIGGER release_removed AFTER DELETE ON release BEGIN
  UPDATE totals SET releases = releases - 1;
END;

-- Totals count what the database holds: the trash too, until it is emptied, and dropped files.
CREATE TRIGGER file_added AFTER INSERT ON entry WHEN NEW.kind = 'file' BEGIN
  UPDATE totals SET files = files + 1, bytes = bytes + NEW.size;
END;
CREATE TRIGGER file_resized AFTER UPDATE OF size ON entry WHEN NEW.kind = 'file' BEGIN
  UPDATE totals SET bytes = bytes - OLD.size + NEW.size;
END;
CREATE TRIGGER file_removed AFTER DELETE ON entry WHEN OLD.kind = 'file' BEGIN
  UPDATE totals SET files = files - 1, bytes = bytes - OLD.size;
END;

-- Ownership is kept by triggers as well, so that no code path can forget it.
CREATE TRIGGER content_taken AFTER INSERT ON entry WHEN NEW.content IS NOT NULL BEGIN
  UPDATE content SET is_owned = 1 WHERE id = NEW.content AND is_owned = 0;
END;
CREATE TRIGGER content_changed AFTER UPDATE OF content ON entry WHEN NEW.content IS NOT OLD.content BEGIN
  UPDATE content SET is_owned = 1 WHERE id = NEW.content AND is_owned = 0;
  UPDATE content SET is_owned = 0
  WHERE id = OLD.content AND NOT EXISTS (SELECT 1 FROM entry WHERE content = OLD.content);
END;
CREATE TRIGGER content_left AFTER DELETE ON entry WHEN OLD.content IS NOT NULL BEGIN
  UPDATE content SET is_owned = 0
  WHERE id = OLD.content AND NOT EXISTS (SELECT 1 FROM entry WHERE content = OLD.content);
END;
CREATE TRIGGER release_left AFTER DELETE ON entry WHEN OLD.release IS NOT NULL BEGIN
  UPDATE release SET is_owned = 0
  WHERE id = OLD.release AND NOT EXISTS (SELECT 1 FROM entry WHERE release = OLD.release);
END;

-- What was removed from the library and where it stood. `removed_at` 0: it is being purged, and cannot come back.
CREATE TABLE trash (
  entry      INTEGER PRIMARY KEY REFERENCES entry (id) ON DELETE CASCADE,
  path       TEXT NOT NULL,
  removed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX trash_removed ON trash (removed_at, entry);

-- A completed job whose release left the library, and whose post was given again, no longer stands in the way of its successor.
ALTER TABLE job ADD COLUMN superseded INTEGER NOT NULL DEFAULT 0 CHECK (superseded IN (0, 1));

DROP INDEX job_living;
CREATE UNIQUE INDEX job_living ON job (digest, category)
WHERE state NOT IN ('failed', 'cancelled') AND superseded = 0;
-- For the deletion of a release.
CREATE INDEX job_release ON job (release) WHERE release IS NOT NULL;
