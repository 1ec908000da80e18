-- Chats that were deleted for good. The name is not used again: an old client that comes back with it is refused.
-- `done` is 0 while anything of the chat may still be left somewhere.
CREATE TABLE deletions (
  thread TEXT PRIMARY KEY,
  deleted_at INTEGER NOT NULL,
  done INTEGER NOT NULL CHECK (done IN (0, 1))
) WITHOUT ROWID;
