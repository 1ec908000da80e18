-- What is left to do for an erasure outside of this database (search, the list of chats, files): JSON. A row is removed
-- when all of it is done.
CREATE TABLE erasures (
  seq INTEGER PRIMARY KEY,
  work TEXT NOT NULL
);
