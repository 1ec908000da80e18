-- Credentials of the agent. `sealed` is the value, readable only for this owner, name, use and hosts.
CREATE TABLE vault (
  name TEXT PRIMARY KEY,
  hosts TEXT NOT NULL,
  sent_as TEXT NOT NULL,
  note TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  sealed TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  rotated_at INTEGER NOT NULL,
  used_at INTEGER
) WITHOUT ROWID;
