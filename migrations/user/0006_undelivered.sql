-- Answers of the thread that are owed to a channel and could not be delivered.
ALTER TABLE threads ADD COLUMN undelivered INTEGER NOT NULL DEFAULT 0;
