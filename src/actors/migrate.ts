/** Brings an actor's SQLite database to the schema that this build knows. */

export interface Migration {
  /** 1, 2, 3, ... without gaps. A file that was released never changes. */
  version: number;
  sql: string;
}

/**
 * Runs every file whose version the database has not seen, each together with its mark in one transaction, so that
 * a crash leaves a version either applied and marked, or neither. Call it in the actor's constructor: it is
 * synchronous, and a database that is up to date costs one read and no write.
 *
 * A database that is newer than this build (after a rollback) is left as it is: migrations only ever add.
 *
 * @param now milliseconds since the epoch, kept beside the version
 * @throws when the list of files is not 1, 2, 3, ..., or when a file fails; nothing of that file stays then
 */
export function migrate(storage: DurableObjectStorage, files: readonly Migration[], now: number): void {
  for (const [index, file] of files.entries()) {
    if (file.version !== index + 1)
      throw new Error(`Migration ${index + 1} carries the version ${file.version}.`);
  }
  const known = schemaVersion(storage.sql);
  for (const file of files.slice(known)) {
    storage.transactionSync(() => {
      // The table is made inside the transaction, so that the first file and its mark stand or fall together.
      storage.sql.exec(
        "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL)",
      );
      storage.sql.exec(file.sql);
      storage.sql.exec("INSERT INTO schema_versions (version, applied_at) VALUES (?, ?)", file.version, now);
    });
  }
}

/** The newest version that the database has seen; 0 when it is new. (`PRAGMA user_version` is not available.) */
function schemaVersion(sql: SqlStorage): number {
  const table = sql
    .exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_versions'")
    .toArray();
  if (table.length === 0) return 0;
  return (
    sql.exec<{ version: number | null }>("SELECT MAX(version) AS version FROM schema_versions").one()
      .version ?? 0
  );
}
