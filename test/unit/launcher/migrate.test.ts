import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import type { Migration } from "../../../local/lib/deployment.ts";
import { type Catalog, type CatalogStatement, migrate, moveIssuer } from "../../../local/lib/migrate.ts";

/** SQLite behind the part of D1's interface that migrations use, with D1's promise that a batch is a transaction. */
function catalogOn(database: DatabaseSync): Catalog {
  const run = new Map<CatalogStatement, () => void>();
  const statement = (sql: string, values: (string | number | null)[]): CatalogStatement => {
    const made: CatalogStatement = {
      bind: (...bound) => statement(sql, bound.map(String)),
      run: async () => database.prepare(sql).run(...values),
      all: async () => ({ results: database.prepare(sql).all(...values) }),
    };
    run.set(made, () => void database.prepare(sql).run(...values));
    return made;
  };
  return {
    prepare: (sql) => statement(sql, []),
    async batch(statements) {
      database.exec("BEGIN");
      try {
        for (const each of statements) run.get(each)?.();
        database.exec("COMMIT");
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
  };
}

const first: Migration = {
  name: "0001_a.sql",
  statements: ["CREATE TABLE a (x)", "INSERT INTO a VALUES (1)"],
};
const second: Migration = { name: "0002_b.sql", statements: ["CREATE TABLE b (x)"] };
const names = (database: DatabaseSync) =>
  database
    .prepare("SELECT name FROM d1_migrations ORDER BY id")
    .all()
    .map((row) => row.name);

describe("the catalog's migrations", () => {
  it("are applied in order, each once", async () => {
    const database = new DatabaseSync(":memory:");
    expect(await migrate(catalogOn(database), [first])).toEqual(["0001_a.sql"]);
    expect(await migrate(catalogOn(database), [first, second])).toEqual(["0002_b.sql"]);
    expect(await migrate(catalogOn(database), [first, second])).toEqual([]);
    expect(database.prepare("SELECT count(*) AS n FROM a").get()).toEqual({ n: 1 });
    expect(names(database)).toEqual(["0001_a.sql", "0002_b.sql"]);
  });

  it("are kept in wrangler's own table", async () => {
    const database = new DatabaseSync(":memory:");
    await migrate(catalogOn(database), [first]);
    expect(database.prepare("SELECT * FROM d1_migrations").get()).toEqual({
      id: 1,
      name: "0001_a.sql",
      applied_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/),
    });
  });

  it("that fail leave nothing behind, stop the later ones, and can be tried again", async () => {
    const database = new DatabaseSync(":memory:");
    const broken: Migration = {
      name: "0001_a.sql",
      statements: ["CREATE TABLE a (x)", "INSERT INTO missing VALUES (1)"],
    };
    await expect(migrate(catalogOn(database), [broken, second])).rejects.toThrow(
      /0001_a\.sql of the catalog failed, and nothing of it was kept: .*missing/,
    );
    expect(names(database)).toEqual([]);
    expect(await migrate(catalogOn(database), [first, second])).toEqual(["0001_a.sql", "0002_b.sql"]);
  });
});

describe("people in the catalog", () => {
  it("stay the same when Holdfast is served on another port, and others are left alone", async () => {
    const database = new DatabaseSync(":memory:");
    database.exec("CREATE TABLE users (id, issuer, subject, UNIQUE (issuer, subject))");
    const insert = database.prepare("INSERT INTO users VALUES (?, ?, ?)");
    insert.run("alice", "http://127.0.0.1:8787", "a");
    insert.run("bob", "http://127.0.0.1:9000", "b");
    insert.run("newer alice", "http://127.0.0.1:9000", "a");
    insert.run("remote", "https://team.cloudflareaccess.com", "a");
    await moveIssuer(catalogOn(database), "http://127.0.0.1:9000");
    expect(database.prepare("SELECT id, issuer FROM users ORDER BY rowid").all()).toEqual([
      { id: "alice", issuer: "http://127.0.0.1:8787" },
      { id: "bob", issuer: "http://127.0.0.1:9000" },
      { id: "newer alice", issuer: "http://127.0.0.1:9000" },
      { id: "remote", issuer: "https://team.cloudflareaccess.com" },
    ]);
    await moveIssuer(catalogOn(database), "http://127.0.0.1:9999");
    expect(
      database.prepare("SELECT id FROM users WHERE issuer = 'http://127.0.0.1:9999' ORDER BY id").all(),
    ).toEqual([{ id: "alice" }, { id: "bob" }]);
  });
});
