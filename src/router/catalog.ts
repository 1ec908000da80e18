/** Queries on the catalog (D1): which user is this, what was set for them, and whose agent has this handle. */
import { z } from "zod";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import { handleCandidates, handleFrom, handleLook, userIdFrom } from "../names.ts";
import type { AgentAddress } from "../protocol/rpc.ts";
import { PERSON_ROLES, type PersonRole } from "../roles.ts";
import type { Identity } from "./access.ts";
import { Remembered } from "./remembered.ts";

/** Users and handles that one isolate remembers. A row is some 300 bytes; the oldest goes first. */
export const USER_CACHE_ENTRIES = 10_000;

const userRow = z.object({
  id: z.string(),
  handle: z.string(),
  name: z.string(),
  role: z.enum(PERSON_ROLES).nullable(),
  disabled_at: z.number().nullable(),
});
type UserRow = z.infer<typeof userRow>;
const agentRow = z.object({ owner_id: z.string(), handle: z.string() });

export interface Account {
  userId: string;
  handle: string;
  /** The role that an administrator gave this very person. */
  role: PersonRole | null;
  /** An administrator has switched off their access. */
  disabled: boolean;
}

export interface Catalog {
  /** The user behind an identity, made at first sight. Two requests at once make one user. */
  userOf(db: D1Database, identity: Identity): Promise<Account>;
  /** The owner of a handle, present or past, with the present one. Throws `agent_unknown`. */
  agentOf(db: D1Database, handle: string): Promise<AgentAddress>;
  /** The owner with this id. Null: there is none. */
  agentById(db: D1Database, ownerId: string): Promise<AgentAddress | null>;
  /** Something of this owner was changed here: it is looked up again. */
  forget(ownerId: string): void;
}

export function createCatalog(deps: { now(): number; random(bytes: number): Uint8Array }): Catalog {
  const users = new Remembered<UserRow>(USER_CACHE_ENTRIES);
  // A handle never gets another owner, so a copy that is too old only knows an owner by an earlier name.
  const agents = new Remembered<AgentAddress>(USER_CACHE_ENTRIES);

  /** Looks an owner up by `key`, which is a handle or an id; the two can never be the same text. */
  async function agentBy(db: D1Database, key: string, sql: string): Promise<AgentAddress | null> {
    const known = agents.get(key, deps.now());
    if (known) return known;
    const row = await one(db.prepare(sql).bind(key), agentRow);
    // Not remembered: the next second there may be one.
    if (!row) return null;
    const agent = { ownerId: row.owner_id, handle: row.handle };
    agents.set(key, agent, deps.now() + limits.handleCacheMs);
    return agent;
  }

  return {
    async userOf(db, identity) {
      const key = JSON.stringify([identity.issuer, identity.kind, identity.subject]);
      let row = users.get(key, deps.now());
      if (!row || row.name !== identity.name) {
        row = (await findUser(db, identity)) ?? (await makeUser(db, identity, deps));
        if (row.name !== identity.name) row = await renameUser(db, row, identity.name);
        users.set(key, row, deps.now() + limits.userCacheMs);
      }
      return { userId: row.id, handle: row.handle, role: row.role, disabled: row.disabled_at !== null };
    },

    async agentOf(db, handle) {
      const agent = await agentBy(
        db,
        handle,
        `SELECT now.owner_id, now.handle FROM handles AS asked
           JOIN handles AS now ON now.owner_id = asked.owner_id AND now.current = 1 WHERE asked.handle = ?`,
      );
      if (!agent) throw agentUnknown();
      return agent;
    },

    agentById: (db, ownerId) =>
      agentBy(db, ownerId, "SELECT owner_id, handle FROM handles WHERE owner_id = ? AND current = 1"),

    forget(ownerId) {
      users.drop((row) => row.id === ownerId);
      agents.drop((agent) => agent.ownerId === ownerId);
    },
  };
}

export const agentUnknown = (): AppError =>
  new AppError("agent_unknown", "There is no agent of that name. Check the address.");

const USER = `SELECT users.id, users.handle, users.name, user_state.role, user_state.disabled_at
  FROM users LEFT JOIN user_state ON user_state.user_id = users.id`;

const findUser = (db: D1Database, { issuer, kind, subject }: Identity): Promise<UserRow | null> =>
  one(
    db.prepare(`${USER} WHERE issuer = ? AND kind = ? AND subject = ?`).bind(issuer, kind, subject),
    userRow,
  );

/** Whoever inserts first makes the user; everyone else finds it. A handle that is taken gets a number. */
async function makeUser(
  db: D1Database,
  identity: Identity,
  deps: { now(): number; random(bytes: number): Uint8Array },
): Promise<UserRow> {
  const { issuer, kind, subject, name } = identity;
  for (const handle of handleCandidates(handleFrom(name), deps.random)) {
    const id = userIdFrom(deps.random(20));
    const at = deps.now();
    // One transaction: a user never is without a handle, and a handle never without its user.
    await ask(() =>
      db.batch([
        db
          .prepare(
            `INSERT INTO handles (handle, look, owner_id, current, since) SELECT ?1, ?2, ?3, 1, ?4
               WHERE NOT EXISTS (SELECT 1 FROM users WHERE issuer = ?5 AND kind = ?6 AND subject = ?7)
                 AND NOT EXISTS (SELECT 1 FROM handles WHERE look = ?2)
               ON CONFLICT DO NOTHING`,
          )
          .bind(handle, handleLook(handle), id, at, issuer, kind, subject),
        db
          .prepare(
            `INSERT INTO users (id, issuer, kind, subject, name, handle, created_at)
               SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM handles WHERE handle = ?6 AND owner_id = ?1)
               ON CONFLICT DO NOTHING`,
          )
          .bind(id, issuer, kind, subject, name, handle, at),
      ]),
    );
    const user = await findUser(db, identity);
    if (user) return user;
  }
  throw new AppError("storage_failed", "No free handle was found for your sign-in. Try again.");
}

/** The person's e-mail changed at the identity provider; id and handle stay. */
async function renameUser(db: D1Database, row: UserRow, name: string): Promise<UserRow> {
  await ask(() => db.prepare("UPDATE users SET name = ? WHERE id = ?").bind(name, row.id).run());
  return { ...row, name };
}

async function one<T>(statement: D1PreparedStatement, schema: z.ZodType<T>): Promise<T | null> {
  const row = await ask(() => statement.first());
  return row === null ? null : schema.parse(row);
}

/** Asks the catalog. Throws `storage_failed` when it does not answer. */
export async function ask<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (cause) {
    throw new AppError("storage_failed", "The catalog of users did not answer. Try again in a moment.", {
      cause,
    });
  }
}
