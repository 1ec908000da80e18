/**
 * Keys of an agent, for programs. A key is shown once and kept as a hash. What is in the catalog only saves waking the
 * actor for keys that nobody made; whether one may be used is decided here.
 */
import { timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { apiKeyHash, keyIdFrom, newApiKey } from "../../api-key.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { threadOf } from "../../names.ts";
import type { KeyGrant, KeyInfo, KeysRpc, MadeKey, NewKey } from "../../protocol/keys.ts";
import { KEY_SCOPES, type Sender } from "../../protocol/rpc.ts";
import { Facet, type FacetHost } from "./facet.ts";
import type { ProgramThreads } from "./program-threads.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const HOUR_MS = 60 * 60 * 1000;

const keyRow = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.string().transform((text) => z.array(z.enum(KEY_SCOPES)).parse(JSON.parse(text))),
  thread: z.string().nullable(),
  hash: z.string(),
  old_hash: z.string().nullable(),
  old_until: z.number().nullable(),
  made_by: z.string(),
  made_by_name: z.string(),
  created_at: z.number(),
  expires_at: z.number(),
  used_at: z.number().nullable(),
  revoked_at: z.number().nullable(),
});
type KeyRow = z.infer<typeof keyRow>;

export interface MakerOptions {
  /**
   * Whether somebody runs the agent: it is theirs and they are not shut out, or they are an owner of the team. What was
   * made by somebody who does not any more is refused.
   */
  runs(userId: string): Promise<boolean>;
}

export class Keys extends Facet implements KeysRpc {
  readonly #options: MakerOptions & { threads: ProgramThreads };

  constructor(host: FacetHost, options: MakerOptions & { threads: ProgramThreads }) {
    super(host);
    this.#options = options;
  }

  async list(): Promise<KeyInfo[]> {
    const since = this.host.now() - limits.keysShownMs;
    const rows = this.host.answer("keys.list", () =>
      this.#rows("SELECT * FROM api_keys ORDER BY created_at DESC, id").filter(
        (row) => (row.revoked_at ?? row.expires_at) > since,
      ),
    );
    return Promise.all(rows.map((row) => this.#infoOf(row)));
  }

  async create(by: Sender, { name, scopes, expiresInDays, thread }: NewKey): Promise<MadeKey> {
    const id = keyIdFrom(this.host.random);
    const secret = newApiKey(id, this.host.random);
    const row = this.host.answer("keys.create", () => {
      const at = this.host.now();
      const made: KeyRow = {
        ...{ id, name, scopes, thread: thread === undefined ? null : threadOf(thread) },
        ...{ hash: apiKeyHash(secret), old_hash: null, old_until: null },
        ...{ made_by: by.id, made_by_name: by.name },
        ...{ created_at: at, expires_at: at + expiresInDays * DAY_MS, used_at: null, revoked_at: null },
      };
      this.#purge(at);
      this.#requireRoom(at);
      const detail = { key: id, name, scopes, thread: made.thread, expiresAt: made.expires_at };
      return this.host.log.commit(by, "key-created", detail, (seq) => this.#write(made, seq));
    });
    await this.host.published();
    return { key: await this.#infoOf(row), secret };
  }

  async rename(by: Sender, id: string, name: string): Promise<KeyInfo> {
    const row = this.host.answer("keys.rename", () => {
      const known = this.#known(id);
      if (known.name === name) return known;
      const detail = { key: id, from: known.name, to: name };
      return this.host.log.commit(by, "key-renamed", detail, (seq) => this.#write({ ...known, name }, seq));
    });
    await this.host.published();
    return this.#infoOf(row);
  }

  async revoke(by: Sender, id: string): Promise<KeyInfo> {
    const row = this.host.answer("keys.revoke", () => {
      const known = this.#known(id);
      if (known.revoked_at !== null) return known;
      const revoked = { ...known, revoked_at: this.host.now(), old_hash: null, old_until: null };
      const detail = { key: id, name: known.name };
      return this.host.log.commit(by, "key-revoked", detail, (seq) => this.#write(revoked, seq));
    });
    await this.host.published();
    return this.#infoOf(row);
  }

  async rotate(by: Sender, id: string, overlapHours: number): Promise<MadeKey> {
    const secret = newApiKey(id, this.host.random);
    const row = this.host.answer("keys.rotate", () => {
      const known = this.#known(id);
      const now = this.host.now();
      if (known.revoked_at !== null || known.expires_at <= now)
        throw new AppError("key_over", "This key is revoked or expired. Make a new one.");
      const overlap = overlapHours > 0;
      const rotated = {
        ...known,
        hash: apiKeyHash(secret),
        old_hash: overlap ? known.hash : null,
        old_until: overlap ? now + overlapHours * HOUR_MS : null,
      };
      const detail = { key: id, name: known.name, overlapHours };
      return this.host.log.commit(by, "key-rotated", detail, (seq) => this.#write(rotated, seq));
    });
    await this.host.published();
    return { key: await this.#infoOf(row), secret };
  }

  async use(id: string, hash: string): ReturnType<KeysRpc["use"]> {
    const row = this.host.answer("keys.use", () => this.#find(id));
    if (!row || !this.#fits(row, hash)) return { refused: "unknown" };
    const { state } = await this.#infoOf(row);
    if (state !== "active") return { refused: state };
    return this.host.answer("keys.use", (): KeyGrant => {
      const now = this.host.now();
      if (now - (row.used_at ?? 0) >= limits.keyUseNotedMs)
        this.host.storage.sql.exec("UPDATE api_keys SET used_at = ? WHERE id = ?", now, id);
      const { name, scopes, thread, made_by: madeBy } = row;
      return { id, name, scopes, thread, madeBy };
    });
  }

  async openThread(thread: string, keptMs: number): Promise<void> {
    const { threads } = this.#options;
    // Before the row: an alarm that finds nothing costs little, a chat that is never deleted costs for ever.
    await this.host.remember(this.host.now() + keptMs);
    this.host.answer("keys.openThread", () => threads.open(thread, this.host.now() + keptMs));
  }

  #fits(row: KeyRow, hash: string): boolean {
    const overlaps = row.old_until !== null && row.old_until > this.host.now();
    // Both are compared whatever the first says.
    const fits = [sameText(row.hash, hash), overlaps && sameText(row.old_hash ?? "", hash)];
    return fits.includes(true);
  }

  async #infoOf(row: KeyRow): Promise<KeyInfo> {
    const now = this.host.now();
    const orphan = !(await this.#options.runs(row.made_by));
    const over = row.revoked_at !== null ? "revoked" : row.expires_at <= now ? "expired" : null;
    return {
      id: row.id,
      name: row.name,
      scopes: row.scopes,
      thread: row.thread,
      state: over ?? (orphan ? "orphaned" : "active"),
      createdBy: row.made_by_name,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
      overlapUntil: row.old_until !== null && row.old_until > now ? row.old_until : null,
      usedAt: row.used_at,
      revokedAt: row.revoked_at,
    };
  }

  #write(row: KeyRow, seq: number): KeyRow {
    const scopes = JSON.stringify(row.scopes);
    const values = Object.values({ ...row, scopes });
    this.host.storage.sql.exec(
      `INSERT OR REPLACE INTO api_keys (${Object.keys(row).join(", ")}) VALUES (${values.map(() => "?").join(", ")})`,
      ...values,
    );
    const { id, hash, old_hash, name, created_at, expires_at, revoked_at } = row;
    const { ownerId: owner_id, mirror } = this.host;
    const mirrored = { id, owner_id, hash, old_hash, name, scopes, created_by: row.made_by };
    mirror.put("api_keys", { ...mirrored, created_at, expires_at, revoked_at }, seq);
    return row;
  }

  /** Keys that are over are forgotten some time after anybody would ask for them. */
  #purge(now: number): void {
    this.host.storage.sql.exec(
      "DELETE FROM api_keys WHERE coalesce(revoked_at, expires_at) <= ?",
      now - limits.keysShownMs,
    );
  }

  #requireRoom(now: number): void {
    const live = this.#rows("SELECT * FROM api_keys WHERE revoked_at IS NULL AND expires_at > ?", now);
    if (live.length < limits.keysPerAgent) return;
    throw new AppError("keys_full", `An agent has at most ${limits.keysPerAgent} keys. Revoke one first.`);
  }

  #known(id: string): KeyRow {
    const row = this.#find(id);
    if (row) return row;
    throw new AppError("key_unknown", "This agent has no key of that id.");
  }

  #find(id: string): KeyRow | undefined {
    return this.#rows("SELECT * FROM api_keys WHERE id = ?", id)[0];
  }

  #rows(query: string, ...bindings: (string | number)[]): KeyRow[] {
    const rows = this.host.storage.sql.exec(query, ...bindings).toArray();
    return rows.map((row) => keyRow.parse(row));
  }
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}
