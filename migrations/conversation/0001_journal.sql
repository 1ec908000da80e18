-- A conversation's own database. Applied once, by src/actors/migrate.ts.

-- The journal: one row a commit. `seq` is that of the commit's first entry. `heads` is a JSON array of
-- [seq, kind, version, hash, payload hash]; `bodies` one of [salt, payload], or null where a payload was erased.
-- `progress` is 1 when the commit holds an answer, a result or an end.
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  progress INTEGER NOT NULL,
  heads TEXT NOT NULL,
  bodies TEXT NOT NULL
);

-- What has streamed of the running answer, for readers who come while it is being asked for again. One row.
CREATE TABLE live (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  turn TEXT NOT NULL,
  parts TEXT NOT NULL
);

-- Wakes since the journal last moved forward. One row.
CREATE TABLE wakes (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  progress INTEGER NOT NULL,
  count INTEGER NOT NULL
);
