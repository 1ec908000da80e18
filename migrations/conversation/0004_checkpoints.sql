-- A checkpoint is the fold of the journal's beginning, so that a wake folds the newest entries only. It is a cache:
-- with these two tables empty the journal is folded from its first row.

-- The newest checkpoint, as JSON in UTF-8, in as many rows as it takes; its hash is in the first.
CREATE TABLE checkpoint (
  part INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,
  body BLOB NOT NULL
);

-- The pieces that it names: chunks of the transcript, pages of keys, filters. A piece is in consecutive rows, is never
-- written again, and is removed one checkpoint after the one that no longer names it.
CREATE TABLE checkpoint_pieces (
  row INTEGER PRIMARY KEY,
  body BLOB NOT NULL
);

-- Payloads of entries that are too long for the journal's own rows, as UTF-8, part by part. `seq` is the entry's.
CREATE TABLE journal_parts (
  seq INTEGER NOT NULL,
  part INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (seq, part)
);
