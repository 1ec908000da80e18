/** Lists over owners, from the catalog: who is here, and who is in which team. Lists only; nobody is let in by them. */
import { z } from "zod";
import { limits } from "../limits.ts";
import { type MyTeam, myTeamSchema, type PersonInfo, personSchema } from "../protocol/teams.ts";
import { ask } from "./catalog.ts";

const teamRow = z
  .object({ id: z.string(), name: z.string(), created_at: z.number(), role: z.string(), handle: z.string() })
  .transform(({ created_at: createdAt, ...row }) => myTeamSchema.parse({ ...row, createdAt }));

/** The teams that somebody is in, the oldest membership first. */
export async function teamsOf(db: D1Database, userId: string): Promise<MyTeam[]> {
  const { results } = await ask(() =>
    db
      .prepare(
        `SELECT teams.id, teams.name, teams.created_at, members.role, handles.handle FROM members
           JOIN teams ON teams.id = members.team_id AND teams.deleted_at IS NULL
           JOIN handles ON handles.owner_id = members.team_id AND handles.current = 1
           WHERE members.user_id = ? AND members.removed_at IS NULL ORDER BY members.since, teams.id`,
      )
      .bind(userId)
      .all(),
  );
  return results.map((row) => teamRow.parse(row));
}

const personRow = z
  .object({
    id: z.string(),
    kind: z.string(),
    name: z.string(),
    handle: z.string(),
    created_at: z.number(),
    role: z.string().nullable(),
    disabled_at: z.number().nullable(),
  })
  .transform(({ created_at: createdAt, disabled_at: disabledAt, ...row }) =>
    personSchema.parse({ ...row, createdAt, disabled: disabledAt !== null }),
  );

const PERSON = `SELECT users.id, users.kind, users.name, users.handle, users.created_at, user_state.role,
  user_state.disabled_at FROM users LEFT JOIN user_state ON user_state.user_id = users.id`;

/** Everybody who ever signed in, by id. `after` is the last id of the page before. */
export async function people(
  db: D1Database,
  { query, after, limit }: { query: string; after: string; limit: number },
): Promise<{ people: PersonInfo[]; next?: string }> {
  const wanted = Math.min(limit, limits.peoplePage);
  const { results } = await ask(() =>
    db
      .prepare(
        `${PERSON} WHERE users.id > ?1 AND (instr(lower(users.name), ?2) > 0 OR instr(users.handle, ?2) > 0)
           ORDER BY users.id LIMIT ?3`,
      )
      .bind(after, query.toLowerCase(), wanted + 1)
      .all(),
  );
  const found = results.map((row) => personRow.parse(row));
  const page = found.slice(0, wanted);
  const last = page.at(-1);
  return { people: page, ...(found.length > wanted && last && { next: last.id }) };
}

/** Null when nobody of that id ever signed in. */
export async function personById(db: D1Database, userId: string): Promise<PersonInfo | null> {
  const row = await ask(() => db.prepare(`${PERSON} WHERE users.id = ?`).bind(userId).first());
  return row === null ? null : personRow.parse(row);
}

/** Whether somebody else is an administrator by hand, and may come in. */
export async function anotherAdmin(db: D1Database, userId: string): Promise<boolean> {
  const row = await ask(() =>
    db
      .prepare(
        "SELECT 1 FROM user_state WHERE role = 'admin' AND disabled_at IS NULL AND user_id <> ? LIMIT 1",
      )
      .bind(userId)
      .first(),
  );
  return row !== null;
}
