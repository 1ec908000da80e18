/** Counts the rows that SQL reads, by table, in every actor of the test's isolate. */
import { runInDurableObject } from "cloudflare:test";

export interface ReadCount {
  byTable: Record<string, number>;
  stop(): void;
}

/** Starts counting; a cursor's rows are counted when it has been read. The platform's class is patched meanwhile. */
export async function countReads(stub: DurableObjectStub): Promise<ReadCount> {
  return runInDurableObject(stub, (_instance, state) => {
    const sql = Object.getPrototypeOf(state.storage.sql) as { exec: SqlStorage["exec"] }; // the platform's class
    const { exec } = sql;
    const cursors: { table: string; cursor: { rowsRead: number } }[] = [];
    sql.exec = function (this: SqlStorage, query: string, ...bindings: unknown[]) {
      const cursor = exec.call(this, query, ...bindings);
      const table = /^\s*SELECT\b[\s\S]*?\bFROM\s+(\w+)/i.exec(query)?.[1];
      if (table) cursors.push({ table, cursor });
      return cursor;
    } as SqlStorage["exec"]; // the same signature, with the generic row type left to the caller
    return {
      get byTable() {
        const out: Record<string, number> = {};
        for (const { table, cursor } of cursors) out[table] = (out[table] ?? 0) + cursor.rowsRead;
        return out;
      },
      stop() {
        sql.exec = exec;
      },
    };
  });
}
