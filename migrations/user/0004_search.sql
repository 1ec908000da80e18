-- Search over a user's chats. One row an exchange (what was asked and what was answered), and one document of the
-- index for it. Two rows a turn: the position that a thread has reached is read from the index, not kept beside it.

-- `id` is time-ordered (see src/actors/user/search.ts), so that the index gives the newest first without sorting.
-- `start` is the position of its first message in the thread's transcript; `messages` a JSON array of
-- {id, role, at, text}.
CREATE TABLE search_exchanges (
  id INTEGER PRIMARY KEY,
  thread TEXT NOT NULL,
  start INTEGER NOT NULL,
  messages TEXT NOT NULL
);

-- Contentless: the texts are in the table above, and the index holds only where each word occurs. What it is given are
-- terms that src/actors/user/search-terms.ts made (case and accents folded, East Asian texts one character a term), so
-- its own tokenizer has nothing left to do but to split at spaces: `ascii` takes all else for letters.
-- `thread` is one term, so that a search in one chat, and finding a thread's exchanges, costs what that chat holds.
CREATE VIRTUAL TABLE search_index USING fts5(
  terms,
  thread,
  content = '',
  contentless_delete = 1,
  tokenize = 'ascii'
);

-- Pages of 16 KB instead of 4: a quarter of the rows for the same words. Segments are merged eight at a time, because
-- a document comes a turn and merging small ones early writes the same words again and again.
INSERT INTO search_index (search_index, rank) VALUES ('pgsz', 16384);
INSERT INTO search_index (search_index, rank) VALUES ('automerge', 8);
