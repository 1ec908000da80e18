/** Questions to the catalog about what happened: pages, newest first, with a cursor that names the last row. */
import { z } from "zod";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Change, FoundRequest, UsageDayRow } from "../protocol/log.ts";

/** Ids, names, kinds and patterns are short. */
const word = z.string().min(1).max(200);
/** Milliseconds since the epoch, or a date as ISO 8601 has it. */
const moment = z
  .string()
  .max(40)
  .transform((text) => (/^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text)))
  .refine((at) => Number.isFinite(at), "is a date like 2026-11-23, or milliseconds since 1970");
const page = {
  before: z.string().max(300).optional(),
  limit: z.coerce.number().int().min(1).max(limits.logPage).default(limits.logPage),
  from: moment.optional(),
  to: moment.optional(),
};

/** `person`: id or name. */
export const changesQuery = z.object({
  ...page,
  kind: word.optional(),
  person: word.optional(),
  thread: z.string().max(64).optional(),
  owner: word.optional(),
});
export const requestsQuery = z.object({
  ...page,
  person: word.optional(),
  owner: word.optional(),
  route: word.optional(),
  method: word.optional(),
  verdict: z.enum(["allow", "watch", "deny"]).optional(),
  status: z.coerce.number().int().optional(),
});
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, "is a date like 2026-11-23");
export const usageQuery = z.object({ from: day.optional(), to: day.optional(), owner: word.optional() });

const changeRow = z.object({
  owner_id: z.string(),
  thread: z.string(),
  seq: z.number(),
  at: z.number(),
  kind: z.string(),
  by_id: z.string(),
  by_name: z.string(),
  by_kind: z.string(),
  request: z.string(),
});
const requestRow = z.object({
  id: z.string(),
  owner_handle: z.string().nullable(),
  at: z.number(),
  principal_id: z.string(),
  principal: z.string(),
  kind: z.string(),
  method: z.string(),
  route: z.string(),
  owner_id: z.string(),
  resource: z.string(),
  action: z.string(),
  verdict: z.enum(["allow", "watch", "deny"]),
  status: z.number(),
});
const usageRow = z.object({
  owner_id: z.string(),
  owner_handle: z.string().nullable(),
  day: z.string(),
  micros: z.number(),
  tokens: z.number(),
});

/** The present handle of a row's owner. */
const ownerHandle = (table: string): string =>
  `(SELECT handle FROM handles WHERE handles.owner_id = ${table}.owner_id AND handles.current = 1) AS owner_handle`;

/** Days of usage that one answer lists. */
const USAGE_ROWS = 10_000;

/** Conditions of a question, with their values. */
class Where {
  readonly #parts: string[] = [];
  readonly values: (string | number)[] = [];

  and(condition: string, ...values: (string | number | undefined)[]): this {
    const given = values.flatMap((value) => (value === undefined ? [] : [value]));
    if (given.length < values.length) return this;
    this.#parts.push(condition);
    this.values.push(...given);
    return this;
  }

  toString(): string {
    return this.#parts.length === 0 ? "" : `WHERE ${this.#parts.join(" AND ")}`;
  }
}

/** Changes of one owner, or of all. */
export async function findChanges(
  db: D1Database,
  query: z.output<typeof changesQuery>,
): Promise<{ changes: Change[]; next?: string }> {
  const cursor = readCursor(query.before, z.tuple([z.number(), z.string(), z.string(), z.number()]));
  const where = new Where()
    .and("owner_id = ?", query.owner)
    .and("kind = ?", query.kind)
    .and("(by_id = ? OR by_name = ?)", query.person, query.person)
    .and("thread = ?", query.thread)
    .and("at >= ?", query.from)
    .and("at < ?", query.to);
  if (cursor) where.and("(at, owner_id, thread, seq) < (?, ?, ?, ?)", ...cursor);
  const rows = await all(
    db,
    `SELECT * FROM changes ${where} ORDER BY at DESC, owner_id DESC, thread DESC, seq DESC LIMIT ?`,
    [...where.values, query.limit + 1],
    changeRow,
  );
  const shown = rows.slice(0, query.limit);
  const changes = shown.map(
    (row): Change => ({
      ownerId: row.owner_id,
      thread: row.thread,
      seq: row.seq,
      at: row.at,
      kind: row.kind,
      byId: row.by_id,
      byName: row.by_name,
      byKind: row.by_kind,
      request: row.request,
    }),
  );
  const last = shown.at(-1);
  if (rows.length <= query.limit || !last) return { changes };
  return { changes, next: cursorOf([last.at, last.owner_id, last.thread, last.seq]) };
}

export async function findRequests(
  db: D1Database,
  query: z.output<typeof requestsQuery>,
): Promise<{ requests: FoundRequest[]; next?: string }> {
  const cursor = readCursor(query.before, z.tuple([z.number(), z.string()]));
  const where = new Where()
    .and("(principal_id = ? OR principal = ?)", query.person, query.person)
    .and("owner_id = ?", query.owner)
    .and("route = ?", query.route)
    .and("method = ?", query.method)
    .and("verdict = ?", query.verdict)
    .and("status = ?", query.status)
    .and("at >= ?", query.from)
    .and("at < ?", query.to);
  if (cursor) where.and("(at, id) < (?, ?)", ...cursor);
  const rows = await all(
    db,
    `SELECT *, ${ownerHandle("requests")} FROM requests ${where} ORDER BY at DESC, id DESC LIMIT ?`,
    [...where.values, query.limit + 1],
    requestRow,
  );
  const shown = rows.slice(0, query.limit);
  const requests = shown.map(
    ({ principal_id: principalId, owner_id: ownerId, owner_handle: handle, ...row }): FoundRequest => ({
      ...row,
      principalId,
      ownerId,
      ownerHandle: handle,
    }),
  );
  const last = shown.at(-1);
  return rows.length > query.limit && last ? { requests, next: cursorOf([last.at, last.id]) } : { requests };
}

/** Newest day first. */
export async function findUsage(db: D1Database, query: z.output<typeof usageQuery>): Promise<UsageDayRow[]> {
  const where = new Where()
    .and("owner_id = ?", query.owner)
    .and("day >= ?", query.from)
    .and("day <= ?", query.to);
  const rows = await all(
    db,
    `SELECT owner_id, ${ownerHandle("usage_days")}, day, micros, tokens FROM usage_days ${where} ORDER BY day DESC, micros DESC LIMIT ?`,
    [...where.values, USAGE_ROWS],
    usageRow,
  );
  return rows.map(({ owner_id: ownerId, owner_handle: handle, ...row }) => ({
    ownerId,
    ownerHandle: handle,
    ...row,
  }));
}

async function all<T>(
  db: D1Database,
  sql: string,
  values: readonly (string | number)[],
  schema: z.ZodType<T>,
): Promise<T[]> {
  const { results } = await db
    .prepare(sql)
    .bind(...values)
    .all()
    .catch((cause: unknown) => {
      throw new AppError("storage_failed", "The catalog did not answer. Try again in a moment.", { cause });
    });
  return results.map((row) => schema.parse(row));
}

const cursorOf = (values: readonly (string | number)[]): string => JSON.stringify(values);

function readCursor<T>(text: string | undefined, schema: z.ZodType<T>): T | null {
  if (text === undefined) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError("bad_request", "`before` is the `next` of an earlier page.", { cause });
  }
}
