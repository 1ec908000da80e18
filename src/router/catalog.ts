/** Queries on the catalog (D1): which user is this, and whose agent has this handle. */
import { z } from "zod";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import { handleFrom, userIdFrom } from "../names.ts";
import type { AgentAddress } from "../protocol/rpc.ts";
import type { Identity } from "./access.ts";

/** Users and handles that one isolate remembers. A row is some 300 bytes; the oldest goes first. */
export const USER_CACHE_ENTRIES = 10_000;
/** Numbers tried in order behind a handle that is taken, before random ones: `alice`, `alice-2`, ... */
const ORDERED_SUFFIXES = 9;
const RANDOM_SUFFIXES = 10;

const userRow = z.object({ id: z.string(), handle: z.string(), name: z.string() });
type UserRow = z.infer<typeof userRow>;

export interface Catalog {
  /** The user behind an identity, made at first sight. Two requests at once make one user. */
  userOf(db: D1Database, identity: Identity): Promise<AgentAddress>;
  /** Throws `agent_unknown`. */
  agentOf(db: D1Database, handle: string): Promise<AgentAddress>;
}

export function createCatalog(deps: { now(): number; random(bytes: number): Uint8Array }): Catalog {
  const users = cache<UserRow>(deps.now);
  const agents = cache<AgentAddress>(deps.now);

  return {
    async userOf(db, identity) {
      const key = JSON.stringify([identity.issuer, identity.kind, identity.subject]);
      let row = users.get(key);
      if (!row || row.name !== identity.name) {
        row = (await findUser(db, identity)) ?? (await makeUser(db, identity, deps));
        if (row.name !== identity.name) row = await renameUser(db, row, identity.name);
        users.set(key, row);
      }
      return { userId: row.id, handle: row.handle };
    },

    async agentOf(db, handle) {
      const known = agents.get(handle);
      if (known) return known;
      const row = await first(db.prepare("SELECT id, handle, name FROM users WHERE handle = ?").bind(handle));
      // Not remembered: the handle may be taken the next second.
      if (!row) throw agentUnknown();
      const agent = { userId: row.id, handle: row.handle };
      agents.set(handle, agent);
      return agent;
    },
  };
}

export const agentUnknown = (): AppError =>
  new AppError("agent_unknown", "There is no agent of that name. Check the address.");

const findUser = (db: D1Database, { issuer, kind, subject }: Identity): Promise<UserRow | null> =>
  first(
    db
      .prepare("SELECT id, handle, name FROM users WHERE issuer = ? AND kind = ? AND subject = ?")
      .bind(issuer, kind, subject),
  );

/** Whoever inserts first makes the user; everyone else finds it. A handle that is taken gets a number. */
async function makeUser(
  db: D1Database,
  identity: Identity,
  deps: { now(): number; random(bytes: number): Uint8Array },
): Promise<UserRow> {
  const wanted = handleFrom(identity.name);
  for (const handle of candidates(wanted, deps.random)) {
    const made = await first(
      db
        .prepare(
          `INSERT INTO users (id, issuer, kind, subject, name, handle, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT DO NOTHING RETURNING id, handle, name`,
        )
        .bind(
          userIdFrom(deps.random(20)),
          identity.issuer,
          identity.kind,
          identity.subject,
          identity.name,
          handle,
          deps.now(),
        ),
    );
    const user = made ?? (await findUser(db, identity));
    if (user) return user;
  }
  throw new AppError("storage_failed", "No free handle was found for your sign-in. Try again.");
}

function* candidates(wanted: string, random: (bytes: number) => Uint8Array): Generator<string> {
  yield wanted;
  for (let n = 2; n < 2 + ORDERED_SUFFIXES; n++) yield numbered(wanted, n);
  for (let i = 0; i < RANDOM_SUFFIXES; i++) {
    const [a = 0, b = 0, c = 0] = random(3);
    yield numbered(wanted, 100_000 + (((a << 16) | (b << 8) | c) % 900_000));
  }
}

/** A handle ends at 32 characters; the number stays whole. */
function numbered(handle: string, n: number): string {
  const suffix = `-${n}`;
  return handle.slice(0, 32 - suffix.length).replace(/-+$/, "") + suffix;
}

/** The person's e-mail changed at the identity provider; id and handle stay. */
async function renameUser(db: D1Database, row: UserRow, name: string): Promise<UserRow> {
  await first(
    db.prepare("UPDATE users SET name = ? WHERE id = ? RETURNING id, handle, name").bind(name, row.id),
  );
  return { ...row, name };
}

async function first(statement: D1PreparedStatement): Promise<UserRow | null> {
  try {
    const row = await statement.first();
    return row === null ? null : userRow.parse(row);
  } catch (cause) {
    throw new AppError("storage_failed", "The catalog of users did not answer. Try again in a moment.", {
      cause,
    });
  }
}

/** Values by key, believed for `limits.userCacheMs`, at most `USER_CACHE_ENTRIES` of them. */
function cache<T>(now: () => number): { get(key: string): T | undefined; set(key: string, value: T): void } {
  const entries = new Map<string, { value: T; until: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      if (entry.until > now()) return entry.value;
      entries.delete(key);
      return undefined;
    },
    set(key, value) {
      entries.delete(key);
      entries.set(key, { value, until: now() + limits.userCacheMs });
      if (entries.size <= USER_CACHE_ENTRIES) return;
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    },
  };
}
