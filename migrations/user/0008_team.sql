-- At the actor of a team: who is in it, who may join, and who is looking on right now. Nobody is in a user's.
CREATE TABLE team (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  deleted_at INTEGER
);

CREATE TABLE members (
  user_id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('owner', 'writer', 'reader')),
  since INTEGER NOT NULL
) WITHOUT ROWID;

-- `hash`: SHA-256 of the token, which only the link holds. `email`: the only one who may take it; empty for anybody.
CREATE TABLE invitations (
  id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL CHECK (role IN ('owner', 'writer', 'reader')),
  email TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_by TEXT,
  used_at INTEGER,
  revoked_at INTEGER
) WITHOUT ROWID;

-- Which members have sockets at which of the team's chats: written before a socket is taken. `number` grows with every
-- arrival, so that news of an earlier departure never takes a later arrival away.
CREATE TABLE present (
  user_id TEXT NOT NULL,
  thread TEXT NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (user_id, thread)
) WITHOUT ROWID;

-- Sockets that have to be closed, until they are. At a user's actor: those of the user everywhere.
CREATE TABLE cuts (
  user_id TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  seq INTEGER NOT NULL,
  -- Not done before: whoever was admitted just before may connect until the last router has heard of it.
  again_at INTEGER
) WITHOUT ROWID;

-- At any owner's actor: what administrators set for a user, and the handle as it was last asked for. `claim`: the
-- catalog has to be told.
CREATE TABLE account (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  role TEXT CHECK (role IN ('admin', 'member', 'guest')),
  disabled_at INTEGER,
  handle TEXT,
  claim INTEGER NOT NULL DEFAULT 0 CHECK (claim IN (0, 1)),
  -- Counts arrivals and cuts, so that each is known to be before or after another.
  arrivals INTEGER NOT NULL DEFAULT 0
);
INSERT INTO account (id) VALUES (1);
