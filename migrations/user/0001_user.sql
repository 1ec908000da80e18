-- The user actor's own database. No index beside the primary keys: an update of a thread is one row written.

CREATE TABLE settings (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  name TEXT NOT NULL,
  instructions TEXT NOT NULL,
  model TEXT NOT NULL,
  version INTEGER NOT NULL
);

-- `seq` is the conversation's journal position that the row describes. `index_seq` grows with every change that the
-- catalog's thread index has to learn; while `indexed_seq` is behind it, that news is still owed.
CREATE TABLE threads (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  preview TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('idle', 'working', 'failed')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  index_seq INTEGER NOT NULL,
  indexed_seq INTEGER NOT NULL
) WITHOUT ROWID;
