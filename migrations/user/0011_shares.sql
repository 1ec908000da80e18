-- Links to read one chat. `up_to`: id of the last message that is shown, null when the link follows the chat.
CREATE TABLE shares (
  id TEXT PRIMARY KEY,
  thread TEXT NOT NULL,
  up_to TEXT,
  names INTEGER NOT NULL CHECK (names IN (0, 1)),
  details INTEGER NOT NULL CHECK (details IN (0, 1)),
  maker_id TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER
) WITHOUT ROWID;
