-- The door: handles, teams, keys, links, and what happened. Forward only; every statement may run twice.
-- What an actor owns is copied here by upserts that are guarded by `seq`, a number that only grows in that actor: the
-- copy can lag but not lie. Nobody is let in by a copy alone; the actor is asked.

-- Who has which handle, and who had it: an old one leads to its owner's current one, and nobody else gets it. `look`
-- is what a hasty eye sees of it (`handleLook` in names.ts), so that no two owners have handles that are read as one.
CREATE TABLE IF NOT EXISTS handles (
  handle TEXT PRIMARY KEY,
  look TEXT NOT NULL,
  owner_id TEXT NOT NULL,
  current INTEGER NOT NULL CHECK (current IN (0, 1)),
  since INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS handles_current ON handles (owner_id) WHERE current = 1;
CREATE INDEX IF NOT EXISTS handles_owner ON handles (owner_id);
CREATE INDEX IF NOT EXISTS handles_look ON handles (look);
INSERT OR IGNORE INTO handles (handle, look, owner_id, current, since)
  SELECT handle,
    replace(replace(replace(replace(replace(replace(handle, '-', ''), '0', 'o'), '1', 'l'), 'i', 'l'), 'rn', 'm'), 'vv', 'w'),
    id, 1, created_at
  FROM users;

-- What administrators set for a user. No row: nothing.
CREATE TABLE IF NOT EXISTS user_state (
  user_id TEXT PRIMARY KEY,
  role TEXT CHECK (role IN ('admin', 'member', 'guest')),
  disabled_at INTEGER,
  seq INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS teams (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  deleted_at INTEGER,
  seq INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS members (
  team_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  role TEXT NOT NULL,
  since INTEGER NOT NULL,
  removed_at INTEGER,
  seq INTEGER NOT NULL,
  PRIMARY KEY (team_id, user_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_user ON members (user_id);

-- `hash`: SHA-256 of the key; `old_hash` that of its secret before the newest rotation. An unknown one wakes no actor.
CREATE TABLE IF NOT EXISTS api_keys (
  id TEXT PRIMARY KEY,
  owner_id TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  old_hash TEXT,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  seq INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS hooks (
  id TEXT PRIMARY KEY,
  owner_id TEXT NOT NULL,
  name TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER,
  seq INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS shares (
  id TEXT PRIMARY KEY,
  owner_id TEXT NOT NULL,
  thread TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  seq INTEGER NOT NULL
) WITHOUT ROWID;

-- What an agent cost, a row a day (UTC).
CREATE TABLE IF NOT EXISTS usage_days (
  owner_id TEXT NOT NULL,
  day TEXT NOT NULL,
  micros INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (owner_id, day)
) WITHOUT ROWID;

-- Where to look for what happened: entries of a chat's journal, and with an empty thread of the agent's own log. The
-- entries themselves, with their hash chains, are in the actors.
CREATE TABLE IF NOT EXISTS changes (
  owner_id TEXT NOT NULL,
  thread TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  by_id TEXT NOT NULL,
  by_name TEXT NOT NULL,
  by_kind TEXT NOT NULL,
  request TEXT NOT NULL,
  PRIMARY KEY (owner_id, thread, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS changes_at ON changes (at);
CREATE INDEX IF NOT EXISTS changes_owner ON changes (owner_id, at);
CREATE INDEX IF NOT EXISTS changes_by ON changes (by_id, at);

-- Requests, refused ones too. Ordered by time: pages and the purge read it from one end.
CREATE TABLE IF NOT EXISTS requests (
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  principal_id TEXT NOT NULL,
  principal TEXT NOT NULL,
  kind TEXT NOT NULL,
  method TEXT NOT NULL,
  route TEXT NOT NULL,
  owner_id TEXT NOT NULL,
  resource TEXT NOT NULL,
  action TEXT NOT NULL,
  verdict TEXT NOT NULL,
  status INTEGER NOT NULL,
  PRIMARY KEY (at, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS requests_principal ON requests (principal_id, at);
CREATE INDEX IF NOT EXISTS requests_owner ON requests (owner_id, at);
