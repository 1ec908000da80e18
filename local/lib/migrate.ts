/**
 * Brings the catalog's schema up to date, forward only and each file once, in the table that `wrangler d1 migrations`
 * keeps, so that both can be used on the same database.
 */
import { CommandError } from "./command.ts";
import type { Migration } from "./deployment.ts";

/** Wrangler's default, as in `wrangler d1 migrations apply`. */
const TABLE = `CREATE TABLE IF NOT EXISTS "d1_migrations"(
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/** The part of a D1 database that migrations need. */
export interface Catalog {
  prepare(sql: string): CatalogStatement;
  /** All statements in one transaction, or none. */
  batch(statements: CatalogStatement[]): Promise<unknown>;
}
export interface CatalogStatement {
  bind(...values: unknown[]): CatalogStatement;
  run(): Promise<unknown>;
  all(): Promise<{ results: unknown[] }>;
}

/**
 * Applies the migrations that are missing, in order. A file's statements and its row in the table are one
 * transaction: a crash leaves all of it or nothing. Returns the names of those that were applied.
 */
export async function migrate(catalog: Catalog, migrations: readonly Migration[]): Promise<string[]> {
  await catalog.prepare(TABLE).run();
  const { results } = await catalog.prepare('SELECT name FROM "d1_migrations" ORDER BY id').all();
  const applied = new Set(results.map(nameIn));
  const pending = migrations.filter(({ name }) => !applied.has(name));
  for (const { name, statements } of pending) {
    const record = catalog.prepare('INSERT INTO "d1_migrations" (name) VALUES (?)').bind(name);
    try {
      await catalog.batch([...statements.map((sql) => catalog.prepare(sql)), record]);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      throw new CommandError(
        `The migration ${name} of the catalog failed, and nothing of it was kept: ${words}\n` +
          "If this data may go, start again with --reset.",
        undefined,
        { cause: error },
      );
    }
  }
  return pending.map(({ name }) => name);
}

/**
 * Tells the catalog where the local issuer is now. People are known by issuer and subject, and the issuer's name holds
 * the port: without this, a start on another port would take everyone for somebody new, with empty chats.
 */
export async function moveIssuer(catalog: Catalog, origin: string): Promise<void> {
  await catalog
    .prepare(
      `UPDATE OR IGNORE users SET issuer = ?1 WHERE issuer <> ?1 AND issuer GLOB 'http://127.0.0.1:[0-9]*'`,
    )
    .bind(origin)
    .run();
}

function nameIn(row: unknown): string {
  if (typeof row === "object" && row !== null && "name" in row) return String(row.name);
  throw new Error("The table d1_migrations has a row without a name.");
}
