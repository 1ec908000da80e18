-- What the catalog's index of changes has to learn: one row for each hand-over of a chat (`thread`), or for a record of
-- the agent's own log (empty). `rows` is a JSON array.
CREATE TABLE log_owed (
  thread TEXT NOT NULL,
  seq INTEGER NOT NULL,
  rows TEXT NOT NULL,
  PRIMARY KEY (thread, seq)
) WITHOUT ROWID;

-- One row when the owner is being erased, or was. `done` is 1 when nothing else is left here.
CREATE TABLE owner_erasure (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  at INTEGER NOT NULL,
  by TEXT NOT NULL,
  seq INTEGER NOT NULL,
  done INTEGER NOT NULL CHECK (done IN (0, 1))
);
