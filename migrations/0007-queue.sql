-- The queue gets an order of its own, jobs whose NZB is still to be fetched, and what download clients see of it: folders of completed
-- jobs. Also what the program remembers of itself: settings changed while it ran, and the traffic with each provider.
-- Times are milliseconds since 1970.

ALTER TABLE job ADD COLUMN nzb_name TEXT;
ALTER TABLE job ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal' CHECK (priority IN ('low', 'normal', 'high', 'force'));
-- Served from the lowest up: when the job came, less a head start for its priority; between two others where somebody moved it.
ALTER TABLE job ADD COLUMN rank REAL NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0);
-- Scheme and host alone; what follows may hold a key. NULL: the NZB is here.
ALTER TABLE job ADD COLUMN fetch_from TEXT;
ALTER TABLE job ADD COLUMN error_code TEXT;
ALTER TABLE job ADD COLUMN started_at INTEGER;
ALTER TABLE job ADD COLUMN ended_at INTEGER;
ALTER TABLE job ADD COLUMN is_archived INTEGER NOT NULL DEFAULT 0 CHECK (is_archived IN (0, 1));
-- Nobody but dropped files has asked for it: it goes with the last of them.
ALTER TABLE job ADD COLUMN is_dropped INTEGER NOT NULL DEFAULT 0 CHECK (is_dropped IN (0, 1));
-- The job that imports the post that this one was to fetch.
ALTER TABLE job ADD COLUMN merged_into TEXT REFERENCES job (id) ON DELETE SET NULL;
-- The name as it is searched, without regard to case.
ALTER TABLE job ADD COLUMN folded_name TEXT NOT NULL DEFAULT '';
UPDATE job SET rank = created_at, folded_name = fold(name),
  ended_at = iif(state IN ('completed', 'failed', 'cancelled'), updated_at, NULL),
  is_dropped = id IN (SELECT job FROM entry WHERE job IS NOT NULL);

-- Each holds what its search filters by, so that only those jobs are read that are found.
DROP INDEX job_state;
CREATE INDEX job_history ON job (state, is_archived, id, category, priority, folded_name);
CREATE INDEX job_queue ON job (rank, id, state, category, priority, folded_name, bytes, progress)
WHERE state IN ('queued', 'waiting', 'paused');
CREATE INDEX job_queued ON job (rank, id) WHERE state = 'queued' AND fetch_from IS NULL;
CREATE INDEX job_waiting ON job (rank, id, not_before, state, fetch_from) WHERE state = 'waiting' AND fetch_from IS NULL;
DROP INDEX job_due;
CREATE INDEX job_due ON job (not_before, rank, state, fetch_from) WHERE state = 'waiting' AND fetch_from IS NULL;
CREATE INDEX job_fetchable ON job (rank, id, state, not_before, fetch_from)
WHERE state IN ('queued', 'waiting') AND fetch_from IS NOT NULL;
CREATE INDEX job_fetch_due ON job (not_before) WHERE state = 'waiting' AND fetch_from IS NOT NULL;
CREATE INDEX job_merged ON job (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX job_updated ON job (updated_at, id);
CREATE INDEX job_done ON job (state, ended_at, started_at) WHERE state = 'completed';

-- Apart from the job, and only until its NZB has come: the URL may hold a key.
CREATE TABLE job_fetch (
  job            TEXT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
  url            TEXT NOT NULL,
  is_named       INTEGER NOT NULL CHECK (is_named IN (0, 1)),
  when_completed TEXT NOT NULL CHECK (when_completed IN ('the same job', 'a new job')),
  passwords      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE queue (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  is_paused INTEGER NOT NULL CHECK (is_paused IN (0, 1))
) STRICT;
INSERT INTO queue VALUES (1, 0);

-- What download clients see of a completed job: a folder that refers to files of the library.
CREATE TABLE completed (
  job        TEXT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
  category   TEXT NOT NULL,
  name       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  is_ready   INTEGER NOT NULL CHECK (is_ready IN (0, 1)),
  UNIQUE (category, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX completed_unready ON completed (created_at, job) WHERE is_ready = 0;

CREATE TABLE completed_entry (
  job    TEXT NOT NULL REFERENCES completed (job) ON DELETE CASCADE,
  -- Path of the folder it stands in, from the completed folder on; empty for that folder itself.
  parent TEXT NOT NULL,
  name   TEXT NOT NULL,
  -- NULL: a folder.
  entry  INTEGER REFERENCES entry (id) ON DELETE CASCADE,
  PRIMARY KEY (job, parent, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX completed_entry_entry ON completed_entry (entry) WHERE entry IS NOT NULL;

CREATE TABLE setting (
  key   TEXT PRIMARY KEY,
  -- As JSON.
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- By provider and day, counted from 1970 on.
CREATE TABLE traffic (
  day      INTEGER NOT NULL,
  provider TEXT NOT NULL,
  bytes    INTEGER NOT NULL,
  tried    INTEGER NOT NULL,
  found    INTEGER NOT NULL,
  PRIMARY KEY (day, provider)
) STRICT, WITHOUT ROWID;

-- Over all days, those too that have been forgotten.
CREATE TABLE traffic_total (
  provider TEXT PRIMARY KEY,
  bytes    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A release of nothing but small unpacked files is nobody's once its folder is gone.
CREATE TRIGGER release_emptied BEFORE DELETE ON entry WHEN OLD.kind = 'folder' BEGIN
  UPDATE release SET is_owned = 0
  WHERE folder = OLD.id AND is_owned = 1 AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.release = release.id);
END;
