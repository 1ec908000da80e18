-- Wakes since the journal last moved forward, and when the first of them was. One row. Made anew: what was counted
-- before has no time, and a turn that is stuck is counted again.
DROP TABLE wakes;
CREATE TABLE wakes (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  progress INTEGER NOT NULL,
  count INTEGER NOT NULL,
  since INTEGER NOT NULL
);
