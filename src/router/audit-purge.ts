/** What the catalog knows of what happened is kept for a set time. The records themselves, in the actors, stay. */
import { limits } from "../limits.ts";

/** The part of a D1 database that it takes. */
export interface AuditCatalog {
  prepare(sql: string): { bind(...values: unknown[]): { run(): Promise<{ meta: { changes: number } }> } };
}

/** A day with more than this many times `limits.auditPurgeRows` rows is gone on with the next day. */
const ROUNDS = 200;
const DAY_MS = 24 * 60 * 60 * 1000;

const STATEMENTS = [
  "DELETE FROM requests WHERE (at, id) IN (SELECT at, id FROM requests WHERE at < ?1 LIMIT ?2)",
  `DELETE FROM changes WHERE (owner_id, thread, seq) IN
     (SELECT owner_id, thread, seq FROM changes WHERE at < ?1 LIMIT ?2)`,
];

/** A request that was under way while its sender was erased, or a chat that told of them later, may have brought a name. */
const NAMES = [
  `UPDATE requests SET principal = '' WHERE principal <> '' AND kind IN ('person', 'service')
     AND principal_id NOT IN (SELECT id FROM users)`,
  `UPDATE changes SET by_name = '' WHERE by_name <> '' AND by_kind IN ('person', 'service') AND by_id <> ''
     AND by_id NOT IN (SELECT id FROM users)`,
];

/** Deletes what is older than so many days, and names of people who are gone. Returns how many rows went. */
export async function purgeAudit(db: AuditCatalog, days: number, now: number): Promise<number> {
  let gone = 0;
  for (const sql of STATEMENTS) {
    for (let round = 0; round < ROUNDS; round++) {
      const { meta } = await db
        .prepare(sql)
        .bind(now - days * DAY_MS, limits.auditPurgeRows)
        .run();
      gone += meta.changes;
      if (meta.changes < limits.auditPurgeRows) break;
    }
  }
  for (const sql of NAMES) await db.prepare(sql).bind().run();
  return gone;
}
