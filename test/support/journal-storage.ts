/** The database of a conversation that no turn of its own touches, for tests of what is under the actor. */
import { runInDurableObject } from "cloudflare:test";
import { SCHEMA } from "../../src/actors/conversation/schema.ts";
import type { State } from "../../src/actors/conversation/state.ts";
import { Store } from "../../src/actors/conversation/store.ts";
import { migrate } from "../../src/actors/migrate.ts";
import { stubOf } from "./chat.ts";

/** Runs something on the thread's database, brought to the schema. */
export const onStorage = <T>(thread: string, run: (storage: DurableObjectStorage) => T): Promise<T> =>
  runInDurableObject(stubOf(thread), (_instance, { storage }) => {
    migrate(storage, SCHEMA, 0);
    return run(storage);
  });

/** A life of the conversation's state: what a cold object loads. */
export function openStore(storage: DurableObjectStorage): Store {
  const store = new Store(storage, () => "0123456789abcdef");
  store.load();
  return store;
}

/** A state as data, with its items written out, and what it knows of some keys. */
export const plainState = (state: State) => ({
  ...state,
  items: state.items.slice(0),
  seen: ["message:m0", "request:r150", "message:m399", "message:new"].map((key) => state.seen.get(key)),
  noted: [],
});

export const countOf = ({ sql }: DurableObjectStorage, table: string): number =>
  sql.exec<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`).one().n;
