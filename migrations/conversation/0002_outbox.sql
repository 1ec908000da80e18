-- Replies that are owed to channels: one row a message. A row is removed once it was delivered; a dead letter stays
-- until a person sends it again or drops it. No index beside the primary keys: an attempt is one row written.
--
-- `id` is `<delivery>.<part>`; a delivery is one turn's answer for one place. `place` names the channel and the address
-- together: order is kept within it. `due` is the journal's sequence number that made the row due.
-- `phase`: 'waiting' for the turn, 'begun' (a placeholder is owed, or placed), 'owed' (the text is), 'dead'.
-- `placed` is the platform's id of the message that readers see. `unsure` is 1 while a placeholder may be out there
-- whose id nobody knows. `renewed` counts messages that were lost to their readers and begun anew.
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  delivery TEXT NOT NULL,
  turn TEXT NOT NULL,
  place TEXT NOT NULL,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  part INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  phase TEXT NOT NULL CHECK (phase IN ('waiting', 'begun', 'owed', 'dead')),
  text TEXT NOT NULL,
  due INTEGER NOT NULL,
  key TEXT NOT NULL,
  placed TEXT,
  unsure INTEGER NOT NULL CHECK (unsure IN (0, 1)),
  renewed INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  error TEXT NOT NULL,
  at INTEGER NOT NULL
) WITHOUT ROWID;

-- Places whose platform said when it may be asked again, in milliseconds since the epoch. Outlives the rows.
CREATE TABLE outbox_waits (
  place TEXT PRIMARY KEY,
  until INTEGER NOT NULL
) WITHOUT ROWID;

-- How many undelivered answers the list of chats knows of; -1 while it is being told. One row.
CREATE TABLE outbox_told (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  count INTEGER NOT NULL
);
