/** Links to read one chat of the agent. Whether one stands is said here, each time that somebody follows it. */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { base32 } from "../../names.ts";
import type { Sender } from "../../protocol/rpc.ts";
import type { OpenShare, ShareInfo, SharesRpc } from "../../protocol/shares.ts";
import { Facet, type FacetHost } from "./facet.ts";
import { readSettings } from "./settings.ts";

/** 100 random bits: the signature is the lock, this only has to be nobody else's. */
const ID_CHARS = 20;

const flag = z.number().transform((value) => value === 1);
const row = z.object({
  id: z.string(),
  thread: z.string(),
  up_to: z.string().nullable(),
  names: flag,
  details: flag,
  maker_id: z.string(),
  created_by: z.string(),
  created_at: z.number(),
  expires_at: z.number(),
  revoked_at: z.number().nullable(),
});
type Row = z.infer<typeof row>;

/** What a link needs to know of chats: the title, or undefined when there is no such chat. */
export type TitleOf = (thread: string) => string | undefined;

export class Shares extends Facet implements SharesRpc {
  readonly #titleOf: TitleOf;

  constructor(host: FacetHost, titleOf: TitleOf) {
    super(host);
    this.#titleOf = titleOf;
  }

  async list(thread?: string): Promise<ShareInfo[]> {
    return this.host.answer("shares.list", () => {
      const since = this.host.now() - limits.sharesShownMs;
      return this.#rows()
        .filter((one) => (thread === undefined || one.thread === thread) && overAt(one) > since)
        .sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1))
        .map(infoOf);
    });
  }

  async create(
    by: Sender,
    share: { thread: string; expiresAt: number; upTo: string | null; names: boolean; details: boolean },
  ): Promise<ShareInfo> {
    const made = this.host.answer("shares.create", () => {
      const { thread, upTo, names, details, expiresAt } = share;
      if (this.#titleOf(thread) === undefined) throw threadUnknown();
      const now = this.host.now();
      if (this.#rows().filter((one) => this.#stands(one)).length >= limits.sharesPerAgent)
        throw new AppError(
          "shares_full",
          `An agent has at most ${limits.sharesPerAgent} links. Revoke one first.`,
        );
      const fresh: Row = {
        id: base32(this.host.random(ID_CHARS), ID_CHARS),
        thread,
        up_to: upTo,
        names,
        details,
        maker_id: by.id,
        created_by: by.name,
        created_at: now,
        expires_at: expiresAt,
        revoked_at: null,
      };
      const detail = { id: fresh.id, thread, live: upTo === null, names, details, expiresAt };
      this.host.log.commit(by, "share-created", detail, (seq) => {
        // What is long over is listed no more, and goes when the next one comes.
        this.host.storage.sql.exec(
          "DELETE FROM shares WHERE MIN(expires_at, COALESCE(revoked_at, expires_at)) <= ?",
          now - limits.sharesShownMs,
        );
        this.#write(fresh, seq);
      });
      return infoOf(fresh);
    });
    await this.host.published();
    return made;
  }

  async revoke(by: Sender, id: string): Promise<void> {
    this.host.answer("shares.revoke", () => {
      const known = this.#rows().find((one) => one.id === id);
      if (!known) throw new AppError("share_unknown", "There is no such link.");
      if (known.revoked_at !== null) return;
      this.host.log.commit(by, "share-revoked", { id, thread: known.thread }, (seq) =>
        this.#write({ ...known, revoked_at: this.host.now() }, seq),
      );
    });
    await this.host.published();
  }

  async open(id: string): Promise<OpenShare> {
    return this.host.answer("shares.open", () => {
      const known = this.#rows().find((one) => one.id === id);
      const title = known && this.#titleOf(known.thread);
      if (!known || title === undefined || !this.#stands(known))
        throw new AppError(
          "share_over",
          "It was withdrawn, or the chat is gone. Ask whoever sent it for a new one.",
        );
      return {
        ...infoOf(known),
        upTo: known.up_to,
        makerId: known.maker_id,
        title,
        agent: readSettings(this.host.storage.sql).name,
      };
    });
  }

  #stands(one: Row): boolean {
    return one.revoked_at === null && one.expires_at > this.host.now();
  }

  #rows(): Row[] {
    return this.host.storage.sql
      .exec("SELECT * FROM shares")
      .toArray()
      .map((one) => row.parse(one));
  }

  #write(one: Row, seq: number): void {
    this.host.storage.sql.exec(
      `INSERT OR REPLACE INTO shares
         (id, thread, up_to, names, details, maker_id, created_by, created_at, expires_at, revoked_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      one.id,
      one.thread,
      one.up_to,
      Number(one.names),
      Number(one.details),
      one.maker_id,
      one.created_by,
      one.created_at,
      one.expires_at,
      one.revoked_at,
    );
    this.host.mirror.put(
      "shares",
      {
        id: one.id,
        owner_id: this.host.ownerId,
        thread: one.thread,
        created_by: one.created_by,
        created_at: one.created_at,
        expires_at: one.expires_at,
        revoked_at: one.revoked_at,
      },
      seq,
    );
  }
}

const overAt = (one: Row): number => Math.min(one.expires_at, one.revoked_at ?? one.expires_at);

const infoOf = (one: Row): ShareInfo => ({
  id: one.id,
  thread: one.thread,
  live: one.up_to === null,
  names: one.names,
  details: one.details,
  createdBy: one.created_by,
  createdAt: one.created_at,
  expiresAt: one.expires_at,
  revokedAt: one.revoked_at,
});

const threadUnknown = (): AppError =>
  new AppError("thread_unknown", "There is no such chat. It may have been archived or deleted.");
