import { env, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { migrate } from "../../../src/actors/migrate.ts";

/** A storage of its own for each test: that of an actor nobody else talks to, emptied. */
let names = 0;
async function inStorage(work: (storage: DurableObjectStorage) => void): Promise<void> {
  const stub = env.USER.get(env.USER.idFromName(`umigrate${++names}`));
  await runInDurableObject(stub, async (_, state) => {
    await state.storage.deleteAll();
    work(state.storage);
  });
}

const first = { version: 1, sql: "CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (1);" };
const second = { version: 2, sql: "ALTER TABLE a ADD COLUMN m TEXT; INSERT INTO a VALUES (2, 'x');" };
const tables = (storage: DurableObjectStorage) =>
  storage.sql
    .exec(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('a', 'b', 'schema_versions') ORDER BY name",
    )
    .toArray()
    .map(({ name }) => name);
const count = (storage: DurableObjectStorage) => storage.sql.exec("SELECT COUNT(*) AS n FROM a").one().n;

it("applies each version once, in order", async () => {
  await inStorage((storage) => {
    migrate(storage, [first], 10);
    migrate(storage, [first], 20);
    expect(count(storage)).toBe(1);
    migrate(storage, [first, second], 30);
    migrate(storage, [first, second], 40);
    expect(count(storage)).toBe(2);
    expect(storage.sql.exec("SELECT version, applied_at FROM schema_versions").toArray()).toEqual([
      { version: 1, applied_at: 10 },
      { version: 2, applied_at: 30 },
    ]);
  });
});

it("writes nothing when there is nothing to do", async () => {
  await inStorage((storage) => {
    migrate(storage, [first, second], 10);
    let written = 0;
    const counting = new Proxy(storage, {
      get(target, key) {
        if (key === "transactionSync") written += 1;
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    migrate(counting, [first, second], 20);
    expect(written).toBe(0);
  });
});

it("leaves nothing of a version that fails half-way, and tries it again", async () => {
  await inStorage((storage) => {
    const broken = {
      version: 1,
      sql: "CREATE TABLE a (n INTEGER); CREATE TABLE b (n INTEGER); INSERT INTO none VALUES (1);",
    };
    expect(() => migrate(storage, [broken], 10)).toThrow(/none/);
    expect(tables(storage)).toEqual([]);
    migrate(storage, [first], 20);
    const half = { version: 2, sql: "INSERT INTO a VALUES (2); SELECT no_such_function();" };
    expect(() => migrate(storage, [first, half], 30)).toThrow();
    expect(count(storage)).toBe(1);
    migrate(storage, [first, second], 40);
    expect(count(storage)).toBe(2);
  });
});

it("leaves a database alone that is newer than this build", async () => {
  await inStorage((storage) => {
    migrate(storage, [first, second], 10);
    migrate(storage, [first], 20);
    expect(count(storage)).toBe(2);
  });
});

it("refuses a list with gaps or doubles before it touches anything", async () => {
  await inStorage((storage) => {
    for (const files of [[second], [first, first], [first, { version: 3, sql: "" }]]) {
      expect(() => migrate(storage, files, 10)).toThrow(/carries the version/);
    }
    expect(tables(storage)).toEqual([]);
  });
});
