-- Two more settings, a thread that waits for a person, and what the conversations told of their schedules.

ALTER TABLE settings ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
-- JSON: tool name to auto, ask or deny.
ALTER TABLE settings ADD COLUMN tool_risks TEXT NOT NULL DEFAULT '{}';

-- SQLite cannot change a CHECK: the table is made anew, with `asking`.
CREATE TABLE threads_next (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  preview TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('idle', 'working', 'asking', 'failed')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  index_seq INTEGER NOT NULL,
  indexed_seq INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO threads_next (id, title, preview, status, created_at, updated_at, seq, archived, input_tokens,
  output_tokens, index_seq, indexed_seq)
SELECT id, title, preview, status, created_at, updated_at, seq, archived, input_tokens, output_tokens, index_seq,
  indexed_seq FROM threads;
DROP TABLE threads;
ALTER TABLE threads_next RENAME TO threads;

-- One row a thread: a copy of what its conversation holds, as JSON. `seq` is the conversation's count of changes; an
-- older copy that arrives late changes nothing.
CREATE TABLE schedules (
  thread TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  schedules TEXT NOT NULL
) WITHOUT ROWID;
