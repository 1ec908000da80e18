-- A journal that is being copied into this conversation, page by page. While the row is there, nothing of the
-- conversation can be read or written; the commit that ends the copy takes it away. One row.
CREATE TABLE copies (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  source TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  -- The newest entry that is here, and its hash.
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL
);
