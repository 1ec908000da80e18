-- What was changed, by whom and why: a hash chain like a journal's, written in the transaction of the effect. `salt`
-- and `payload` are null where they were erased.
CREATE TABLE changes (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  hash TEXT NOT NULL,
  inner TEXT NOT NULL,
  salt TEXT,
  payload TEXT
);

-- Rows that the catalog has to learn: the newest of each.
CREATE TABLE catalog_owed (
  "table" TEXT NOT NULL,
  id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  "row" TEXT NOT NULL,
  PRIMARY KEY ("table", id)
) WITHOUT ROWID;
