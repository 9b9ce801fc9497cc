-- Bytes of files that no provider has, or none has intact: what reads have found out. `stop` is the first byte after the
-- hole, `message_id` is NULL where the NZB names no article. Times are milliseconds since 1970.

CREATE TABLE damage (
  entry      INTEGER NOT NULL REFERENCES entry (id) ON DELETE CASCADE,
  start      INTEGER NOT NULL CHECK (start >= 0),
  stop       INTEGER NOT NULL CHECK (stop > start),
  message_id TEXT,
  kind       TEXT NOT NULL CHECK (kind IN ('missing', 'corrupt')),
  first_seen INTEGER NOT NULL,
  last_seen  INTEGER NOT NULL,
  PRIMARY KEY (entry, start)
) STRICT, WITHOUT ROWID;

-- Kept by triggers, like all counts.
CREATE TABLE damage_count (
  kind  TEXT PRIMARY KEY,
  holes INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO damage_count VALUES ('missing', 0, 0), ('corrupt', 0, 0);

CREATE TRIGGER damage_added AFTER INSERT ON damage BEGIN
  UPDATE damage_count SET holes = holes + 1, bytes = bytes + NEW.stop - NEW.start WHERE kind = NEW.kind;
END;
CREATE TRIGGER damage_changed AFTER UPDATE OF stop, kind ON damage BEGIN
  UPDATE damage_count SET holes = holes - 1, bytes = bytes - OLD.stop + OLD.start WHERE kind = OLD.kind;
  UPDATE damage_count SET holes = holes + 1, bytes = bytes + NEW.stop - NEW.start WHERE kind = NEW.kind;
END;
CREATE TRIGGER damage_removed AFTER DELETE ON damage BEGIN
  UPDATE damage_count SET holes = holes - 1, bytes = bytes - OLD.stop + OLD.start WHERE kind = OLD.kind;
END;
