-- Programs: keys of the agent, hooks that bring messages, and the chats that calls of the API run in.

-- Of a key only hashes are kept. `old_hash` is valid beside `hash` until `old_until`: a program changes over meanwhile.
-- `scopes` is a JSON array. `used_at` is written at most once an hour.
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  thread TEXT,
  hash TEXT NOT NULL,
  old_hash TEXT,
  old_until INTEGER,
  made_by TEXT NOT NULL,
  made_by_name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  revoked_at INTEGER
) WITHOUT ROWID;

-- `scheme` is JSON without the secret; `secret` is sealed. `refused_*`: the newest delivery that was not taken.
CREATE TABLE hooks (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  thread TEXT NOT NULL,
  template TEXT NOT NULL,
  scheme TEXT NOT NULL,
  secret TEXT NOT NULL,
  made_by TEXT NOT NULL,
  made_by_name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  refused_at INTEGER,
  refused_why TEXT,
  revoked_at INTEGER
) WITHOUT ROWID;

-- The newest deliveries of each hook, by what is signed of them. `event` is the key under which the chat took it.
CREATE TABLE hook_deliveries (
  id INTEGER PRIMARY KEY,
  hook TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  event TEXT NOT NULL,
  at INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  turn TEXT,
  error TEXT,
  repeats INTEGER NOT NULL
);
CREATE INDEX hook_deliveries_hook ON hook_deliveries (hook, id);

-- Chats of calls that brought their own history: not listed, and deleted for good when their time has come.
CREATE TABLE program_threads (
  thread TEXT PRIMARY KEY,
  delete_at INTEGER NOT NULL
) WITHOUT ROWID;
