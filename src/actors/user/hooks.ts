/**
 * Hooks of an agent: addresses at which other services bring it messages. The secret is sealed here and does not leave;
 * a delivery is checked, told apart from those that came before, and made into a message.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { settingsOf } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { base32, threadOf } from "../../names.ts";
import {
  type ChangeHook,
  type HookDelivery,
  type HookInfo,
  type HooksRpc,
  hookSchemeSchema,
  type NewHook,
  type RawDelivery,
  type TakenDelivery,
} from "../../protocol/hooks.ts";
import type { Sender } from "../../protocol/rpc.ts";
import { Facet, type FacetHost } from "./facet.ts";
import { payloadOf } from "./hook-payload.ts";
import { hookSecret, verifyDelivery } from "./hook-signature.ts";
import { parseTemplate, renderHook } from "./hook-template.ts";
import type { MakerOptions } from "./keys.ts";

const ID_CHARS = 20;
const SECRET_BYTES = 32;
/** A sender's id of an event goes into a key of the journal; a longer one goes in as its hash. */
const EVENT_CHARS = 120;

const hookRow = z.object({
  id: z.string(),
  name: z.string(),
  thread: z.string(),
  template: z.string(),
  scheme: z.string().transform((text) => hookSchemeSchema.parse(JSON.parse(text))),
  secret: z.string(),
  made_by: z.string(),
  made_by_name: z.string(),
  created_at: z.number(),
  refused_at: z.number().nullable(),
  refused_why: z.string().nullable(),
  revoked_at: z.number().nullable(),
});
type HookRow = z.infer<typeof hookRow>;

const deliveryRow = z.object({
  id: z.number(),
  event: z.string(),
  at: z.number(),
  bytes: z.number(),
  turn: z.string().nullable(),
  error: z.string().nullable(),
  repeats: z.number(),
});
const DELIVERY = "id, event, at, bytes, turn, error, repeats";

export class Hooks extends Facet implements HooksRpc {
  readonly #maker: MakerOptions;

  constructor(host: FacetHost, maker: MakerOptions) {
    super(host);
    this.#maker = maker;
  }

  async list(): Promise<HookInfo[]> {
    const rows = this.host.answer("hooks.list", () =>
      this.#rows("SELECT * FROM hooks WHERE revoked_at IS NULL ORDER BY created_at DESC, id"),
    );
    return Promise.all(rows.map((row) => this.#infoOf(row)));
  }

  async create(by: Sender, hook: NewHook): Promise<{ hook: HookInfo; secret: string }> {
    const { random } = this.host;
    const secret = hookSecret(hook.scheme, random(SECRET_BYTES));
    const row = this.host.answer("hooks.create", () => {
      parseTemplate(hook.template);
      this.#requireRoom();
      const { name, template, scheme } = hook;
      const thread = threadOf(hook.thread);
      const id = `h${base32(random(ID_CHARS), ID_CHARS)}`;
      const made: HookRow = {
        ...{ id, name, thread, template, scheme, secret: this.#seal(id, secret) },
        ...{ made_by: by.id, made_by_name: by.name, created_at: this.host.now() },
        ...{ refused_at: null, refused_why: null, revoked_at: null },
      };
      const detail = { hook: id, name, thread, scheme: scheme.type };
      return this.host.log.commit(by, "hook-created", detail, (seq) => this.#write(made, seq));
    });
    await this.host.published();
    return { hook: await this.#infoOf(row), secret };
  }

  async change(by: Sender, id: string, change: ChangeHook): Promise<HookInfo> {
    const row = this.host.answer("hooks.change", () => {
      const known = this.#known(id);
      const { name = known.name, thread = known.thread, template = known.template } = change;
      parseTemplate(template);
      const changed = { ...known, name, thread: threadOf(thread), template };
      const detail = { hook: id, name, thread, template: template !== known.template };
      return this.host.log.commit(by, "hook-changed", detail, (seq) => this.#write(changed, seq));
    });
    await this.host.published();
    return this.#infoOf(row);
  }

  async rotate(by: Sender, id: string): Promise<{ hook: HookInfo; secret: string }> {
    const made = this.host.answer("hooks.rotate", () => {
      const known = this.#known(id);
      const secret = hookSecret(known.scheme, this.host.random(SECRET_BYTES));
      const rotated = { ...known, secret: this.#seal(id, secret) };
      const detail = { hook: id, name: known.name };
      const row = this.host.log.commit(by, "hook-rotated", detail, (seq) => this.#write(rotated, seq));
      return { row, secret };
    });
    return { hook: await this.#infoOf(made.row), secret: made.secret };
  }

  async revoke(by: Sender, id: string): Promise<HookInfo> {
    const row = this.host.answer("hooks.revoke", () => {
      const known = this.#known(id);
      const revoked = { ...known, revoked_at: this.host.now() };
      const detail = { hook: id, name: known.name };
      return this.host.log.commit(by, "hook-revoked", detail, (seq) => {
        this.host.storage.sql.exec("DELETE FROM hook_deliveries WHERE hook = ?", id);
        return this.#write(revoked, seq);
      });
    });
    await this.host.published();
    return this.#infoOf(row);
  }

  async preview(id: string, payload: unknown, template?: string): Promise<string> {
    return this.host.answer("hooks.preview", () => {
      const known = this.#known(id);
      return renderHook(known.name, template ?? known.template, payload);
    });
  }

  async deliveries(id: string): Promise<HookDelivery[]> {
    return this.host.answer("hooks.deliveries", () => {
      this.#known(id);
      return this.#deliveries("WHERE hook = ? ORDER BY id DESC", id).map(
        ({ id: _, ...delivery }) => delivery,
      );
    });
  }

  async receive(id: string, delivery: RawDelivery): Promise<TakenDelivery> {
    const row = this.host.answer("hooks.receive", () => this.#known(id));
    if (!(await this.#maker.runs(row.made_by))) throw unknownHook();
    return this.host.answer("hooks.receive", () => {
      const now = this.host.now();
      try {
        const { event } = verifyDelivery(row.scheme, this.#open(row), delivery, now);
        const payload = payloadOf(row.scheme, delivery);
        const text = renderHook(row.name, row.template, payload);
        const { name, made_by: madeBy, thread } = row;
        return {
          hook: { id, name, madeBy },
          thread,
          event: this.#note(row, event, delivery.body, now),
          text,
        };
      } catch (error) {
        if (error instanceof AppError && error.status < 500) this.#refused(row, error.message, now);
        throw error;
      }
    });
  }

  async settled(id: string, event: string, outcome: { turn: string } | { error: string }): Promise<void> {
    this.host.answer("hooks.settled", () => {
      const [turn, error] = "turn" in outcome ? [outcome.turn, null] : [null, outcome.error];
      this.host.storage.sql.exec(
        "UPDATE hook_deliveries SET turn = coalesce(?, turn), error = ? WHERE hook = ? AND event = ?",
        turn,
        error,
        id,
        event,
      );
    });
  }

  /** Writes down that it came, and gives the event that it is: an earlier one when it came before. */
  #note(row: HookRow, sent: string | null, body: Uint8Array, now: number): string {
    const { sql } = this.host.storage;
    const hash = createHash("sha256").update(body).digest("base64url");
    const named = sent !== null && sent.length > EVENT_CHARS ? sha256(sent) : sent;
    const earlier = this.#earlier(row, named, hash, now);
    if (earlier) {
      sql.exec("UPDATE hook_deliveries SET repeats = repeats + 1 WHERE id = ?", earlier.id);
      return earlier.event;
    }
    const event = named ?? `${hash}.${now}`;
    sql.exec(
      "INSERT INTO hook_deliveries (hook, body_hash, event, at, bytes, repeats) VALUES (?, ?, ?, ?, ?, 0)",
      row.id,
      hash,
      event,
      now,
      body.byteLength,
    );
    sql.exec(
      `DELETE FROM hook_deliveries WHERE hook = ? AND id NOT IN
         (SELECT id FROM hook_deliveries WHERE hook = ? ORDER BY id DESC LIMIT ?)`,
      row.id,
      row.id,
      limits.hookDeliveries,
    );
    return event;
  }

  /**
   * The same event, if it is remembered. GitHub does not sign its id, but two of its events never have the same body.
   * Where a sender names no event, the same body shortly after is the same one.
   */
  #earlier(row: HookRow, event: string | null, hash: string, now: number) {
    if (event !== null) {
      const [named] = this.#deliveries("WHERE hook = ? AND event = ?", row.id, event);
      if (named || row.scheme.type !== "github") return named;
    }
    const since = event === null ? now - limits.hookToleranceMs : 0;
    return this.#deliveries(
      "WHERE hook = ? AND body_hash = ? AND at > ? ORDER BY id DESC",
      row.id,
      hash,
      since,
    )[0];
  }

  #deliveries(where: string, ...bindings: (string | number)[]): z.infer<typeof deliveryRow>[] {
    const rows = this.host.storage.sql.exec(`SELECT ${DELIVERY} FROM hook_deliveries ${where}`, ...bindings);
    return rows.toArray().map((row) => deliveryRow.parse(row));
  }

  #refused(row: HookRow, why: string, now: number): void {
    if (now - (row.refused_at ?? 0) < limits.hookRefusalNotedMs) return;
    this.host.storage.sql.exec(
      "UPDATE hooks SET refused_at = ?, refused_why = ? WHERE id = ?",
      now,
      why,
      row.id,
    );
  }

  #seal(id: string, secret: string): string {
    return settingsOf(this.host.env).keyring.seal("hook", this.host.ownerId, id, secret);
  }

  #open({ id, secret }: HookRow): string {
    return settingsOf(this.host.env).keyring.open("hook", this.host.ownerId, id, secret);
  }

  async #infoOf(row: HookRow): Promise<HookInfo> {
    const orphan = !(await this.#maker.runs(row.made_by));
    const [newest] = this.#deliveries("WHERE hook = ? ORDER BY id DESC LIMIT 1", row.id);
    const { id, name, thread, template, scheme, refused_at, refused_why } = row;
    return {
      ...{ id, name, thread, template, scheme },
      state: row.revoked_at !== null ? "revoked" : orphan ? "orphaned" : "active",
      createdBy: row.made_by_name,
      createdAt: row.created_at,
      revokedAt: row.revoked_at,
      deliveredAt: newest?.at ?? null,
      refused: refused_at === null ? null : { at: refused_at, why: refused_why ?? "" },
    };
  }

  #write(row: HookRow, seq: number): HookRow {
    const values = Object.values({ ...row, scheme: JSON.stringify(row.scheme) });
    this.host.storage.sql.exec(
      `INSERT OR REPLACE INTO hooks (${Object.keys(row).join(", ")}) VALUES (${values.map(() => "?").join(", ")})`,
      ...values,
    );
    const { id, name, made_by: created_by, created_at, revoked_at } = row;
    const { ownerId: owner_id, mirror } = this.host;
    mirror.put("hooks", { id, owner_id, name, created_by, created_at, revoked_at }, seq);
    return row;
  }

  #requireRoom(): void {
    if (this.#rows("SELECT * FROM hooks WHERE revoked_at IS NULL").length < limits.hooksPerAgent) return;
    throw new AppError("hooks_full", `An agent has at most ${limits.hooksPerAgent} hooks. Revoke one first.`);
  }

  /** A hook that is not revoked. */
  #known(id: string): HookRow {
    const [row] = this.#rows("SELECT * FROM hooks WHERE id = ? AND revoked_at IS NULL", id);
    if (row) return row;
    throw unknownHook();
  }

  #rows(query: string, ...bindings: string[]): HookRow[] {
    const rows = this.host.storage.sql.exec(query, ...bindings).toArray();
    return rows.map((row) => hookRow.parse(row));
  }
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("base64url");

const unknownHook = (): AppError =>
  new AppError("hook_unknown", "There is no such hook. It may have been revoked; check the address.");
