/**
 * Counts what Durable Objects bill: rows that SQL writes, and alarms that are set. Counts for every actor of the
 * test's isolate, the SDK's own statements included.
 */
import { env, runInDurableObject } from "cloudflare:test";

export interface RowCount {
  /** Rows by the table or the kind of write. */
  byTarget: Record<string, number>;
  total: number;
  stop(): void;
}

/** Starts counting. The platform's classes are patched for as long as it runs. */
export async function countRows(): Promise<RowCount> {
  const stub = env.USER.get(env.USER.idFromName("ucounting2222222222222"));
  return runInDurableObject(stub, (_instance, state) => {
    const byTarget: Record<string, number> = {};
    const add = (target: string, rows: number) => {
      if (rows > 0) byTarget[target] = (byTarget[target] ?? 0) + rows;
    };
    const sql = Object.getPrototypeOf(state.storage.sql) as { exec: SqlStorage["exec"] }; // the platform's class
    const storage = Object.getPrototypeOf(state.storage) as { setAlarm: DurableObjectStorage["setAlarm"] }; // likewise
    const { exec } = sql;
    const { setAlarm } = storage;
    const counted: RowCount = {
      byTarget,
      get total() {
        return Object.values(byTarget).reduce((sum, rows) => sum + rows, 0);
      },
      stop() {
        sql.exec = exec;
        storage.setAlarm = setAlarm;
      },
    };
    sql.exec = function (this: SqlStorage, query: string, ...bindings: unknown[]) {
      const cursor = exec.call(this, query, ...bindings);
      add(targetOf(query), cursor.rowsWritten);
      return cursor;
    } as SqlStorage["exec"]; // the same signature, with the generic row type left to the caller
    storage.setAlarm = function (this: DurableObjectStorage, ...args) {
      add("alarm", 1);
      return setAlarm.apply(this, args);
    };
    return counted;
  });
}

function targetOf(query: string): string {
  const match = /(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+(\w+)/i.exec(query);
  return match?.[1] ?? query.trim().slice(0, 40);
}
