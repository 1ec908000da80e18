/**
 * Counts what Durable Objects bill and what they do: rows that SQL writes, key-value writes, alarms that are set, and
 * SQL statements. Only the bench's entries use it, and only in the run that counts: the classes under test are
 * the real ones, and the timed runs are not touched.
 */

export interface Counts {
  /** Rows by `actor/table`, with `alarm` and `kv` as tables. */
  rows: Record<string, number>;
  /** SQL statements by actor. */
  statements: Record<string, number>;
}

const counts: Counts = { rows: {}, statements: {} };
const actors = new WeakMap<object, string>();
let patched = false;

export interface BenchEnv {
  /** `1` when this run counts. */
  BENCH_COUNT?: string;
  /** Base URL of the bench's model provider. */
  UPSTREAM: string;
}

/** Call it in an actor's constructor, before anything is stored. All actors of the Worker share one isolate. */
export function count(actor: string, storage: DurableObjectStorage, env: BenchEnv): void {
  if (env.BENCH_COUNT !== "1") return;
  const { sql, kv } = storage;
  for (const part of [storage, sql, kv]) actors.set(part, actor);
  if (patched) return;
  patched = true;
  const sqlClass = Object.getPrototypeOf(sql) as { exec: SqlStorage["exec"] }; // the platform's class
  const { exec } = sqlClass;
  sqlClass.exec = function (this: SqlStorage, query: string, ...bindings: unknown[]) {
    const cursor = exec.call(this, query, ...bindings);
    const name = nameOf(this);
    counts.statements[name] = (counts.statements[name] ?? 0) + 1;
    add(name, targetOf(query), cursor.rowsWritten);
    return cursor;
  } as SqlStorage["exec"]; // the same signature; the row type stays the caller's
  patchWrites(Object.getPrototypeOf(storage), ["put", "delete"], "kv");
  patchWrites(Object.getPrototypeOf(kv), ["put", "delete"], "kv");
  patchWrites(Object.getPrototypeOf(storage), ["setAlarm"], "alarm");
}

/** Each call of these methods is a row; a put or delete of many keys is one for each. */
function patchWrites(owner: Record<string, unknown>, methods: readonly string[], target: string): void {
  for (const method of methods) {
    const original = owner[method];
    if (typeof original !== "function") throw new Error(`The platform's storage has no ${method}.`);
    owner[method] = function (this: object, ...args: unknown[]) {
      const [first] = args;
      const many = target === "kv" && typeof first === "object" && first !== null;
      add(nameOf(this), target, many ? Object.keys(first).length : 1);
      return original.apply(this, args);
    };
  }
}

const nameOf = (part: object): string => actors.get(part) ?? "other";

function add(actor: string, target: string, rows: number): void {
  if (rows === 0) return;
  const key = `${actor}/${target}`;
  counts.rows[key] = (counts.rows[key] ?? 0) + rows;
}

function targetOf(query: string): string {
  const match = /(?:INSERT(?: OR \w+)? INTO|REPLACE INTO|UPDATE|DELETE FROM)\s+["'`]?(\w+)/i.exec(query);
  return match?.[1] ?? "other";
}

/** The counts so far, for `GET /bench/counts`. */
export const countsResponse = (): Response => Response.json(counts);
