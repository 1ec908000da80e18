-- What the agent is to be told later. No index beside the primary key: there are at most 50 that live, and a run is one
-- row written. Times are milliseconds since the epoch; what a column means stands in src/schedule/schedule.ts.
CREATE TABLE schedules (
  id TEXT PRIMARY KEY,
  owner_id TEXT NOT NULL,
  owner_name TEXT NOT NULL,
  text TEXT NOT NULL,
  cron TEXT,
  time_zone TEXT NOT NULL,
  catch_up TEXT NOT NULL CHECK (catch_up IN ('latest', 'skip')),
  status TEXT NOT NULL CHECK (status IN ('active', 'paused', 'done', 'deleted')),
  note TEXT NOT NULL,
  made_by TEXT,
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  wake_at INTEGER NOT NULL,
  pending_at INTEGER,
  last_at INTEGER,
  last_turn TEXT,
  failures INTEGER NOT NULL,
  -- JSON: {count, more, firstAt, lastAt} of what was missed since the last run; NULL for nothing.
  missed TEXT
) WITHOUT ROWID;

-- One row. `seq` grows with every change that a reader of the list would see; the user actor knows it up to `told`.
-- `day` (days since the epoch, in UTC) and `runs` count the runs of that day.
CREATE TABLE schedule_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL,
  told INTEGER NOT NULL,
  day INTEGER NOT NULL,
  runs INTEGER NOT NULL
);
