-- The catalog: who exists, and which chats exist. Forward only; every statement may run twice.

-- One row per verified identity. `subject` is a person's `sub` or a service's common name; the kind is part of the
-- key, so that a service can never be named like a person.
CREATE TABLE IF NOT EXISTS users (
  id TEXT PRIMARY KEY,
  issuer TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('person', 'service')),
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  handle TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  UNIQUE (issuer, kind, subject)
) WITHOUT ROWID;

-- The thread index, written by the user actors. `seq` grows with every change of a row in its actor, so an older
-- copy that arrives late changes nothing: the index can lag but not lie.
CREATE TABLE IF NOT EXISTS threads (
  user_id TEXT NOT NULL,
  thread TEXT NOT NULL,
  title TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
  seq INTEGER NOT NULL,
  PRIMARY KEY (user_id, thread)
) WITHOUT ROWID;
