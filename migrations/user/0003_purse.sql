-- The purse: one row for each conversation and day on which it spent something. Grants up to `told` are in the
-- statement (`spent`, `held`) or void; a newer one (`lease`) is outstanding until the conversation says that it took it.
-- `lost` is spending that the conversation's journal forgot (it was restored, or payloads were erased): it stays counted.
-- Money in micro-dollars.
CREATE TABLE purse (
  day TEXT NOT NULL,
  thread TEXT NOT NULL,
  seq INTEGER NOT NULL,
  told INTEGER NOT NULL,
  lease INTEGER NOT NULL,
  grant_micros INTEGER NOT NULL,
  grant_tokens INTEGER NOT NULL,
  spent_micros INTEGER NOT NULL,
  spent_tokens INTEGER NOT NULL,
  lost_micros INTEGER NOT NULL,
  lost_tokens INTEGER NOT NULL,
  held_micros INTEGER NOT NULL,
  held_tokens INTEGER NOT NULL,
  PRIMARY KEY (day, thread)
) WITHOUT ROWID;
