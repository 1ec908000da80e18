/**
 * The end of a user or a team: chats, files, and everything that is kept of them here and in the catalog. It is written
 * down first and everything follows from that, so that a crash at any point leaves something that is gone on with. From
 * then on the actor answers nobody, and it stays so: a router that has not heard of it must not begin the agent anew.
 */
import { z } from "zod";
import { type Env, userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { filesPrefix, isTeamId, versionsPrefix } from "../../names.ts";
import type { Sender } from "../../protocol/rpc.ts";
import type { ChangeLog } from "./change-log.ts";
import type { Deletions } from "./deletions.ts";

/** What could not be reached is tried again then. */
const AGAIN_MS = 60_000;
/** R2 lists and deletes as many objects at once. */
const OBJECTS = 1_000;

const erasureRow = z.object({ at: z.number(), by: z.string(), seq: z.number(), done: z.number() });
const threadRow = z.object({ thread: z.string() });
const teamRow = z.object({ team_id: z.string() });

export interface OwnerErasureOptions {
  env: Env;
  ownerId: string;
  storage: DurableObjectStorage;
  log: ChangeLog;
  deletions: Deletions;
  now(): number;
  /** Brings the emptied database to its schema. */
  migrate(): void;
  /** Of a team: ends it for everybody. */
  disband(by: Sender): Promise<void>;
  /** Ends every open feed. */
  close(): void;
  /** Makes sure that the alarm rings by then. */
  remember(at: number): Promise<void>;
}

export class OwnerErasure {
  readonly #options: OwnerErasureOptions;
  #running: Promise<void> | null = null;
  #begun: boolean;

  constructor(options: OwnerErasureOptions) {
    this.#options = options;
    this.#begun = this.#row() !== null;
  }

  /** Throws `agent_erased` when the owner is being erased, or was. */
  refuse(): void {
    if (!this.#begun) return;
    throw new AppError("agent_erased", "This agent was erased for good.");
  }

  /** Something is left to do. */
  get owing(): boolean {
    return this.#row()?.done === 0;
  }

  /** Resolves when nothing is left. Throws `last_owner` before anything is done. */
  async erase(by: Sender): Promise<void> {
    const { storage, log, now, remember } = this.#options;
    if (!this.#begun) {
      await this.#leaveTeams(by);
      await remember(now() + AGAIN_MS);
      log.commit(by, "owner-erased", {}, (seq) =>
        storage.sql.exec(
          "INSERT INTO owner_erasure (id, at, by, seq, done) VALUES (1, ?, ?, ?, 0)",
          now(),
          // Who it was stays known by the id alone.
          JSON.stringify({ ...by, name: "" }),
          seq,
        ),
      );
      this.#begun = true;
    }
    await this.finish();
  }

  /** Goes on with what is left. Rejects when a part could not be reached; then the alarm tries again. */
  async finish(): Promise<void> {
    this.#running ??= this.#finish().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #finish(): Promise<void> {
    const row = this.#row();
    if (!row || row.done === 1) return;
    const { storage, migrate, close, remember, now, ownerId, disband } = this.#options;
    await remember(now() + AGAIN_MS);
    const by = JSON.parse(row.by) as Sender; // written by `erase`
    if (isTeamId(ownerId)) await disband({ id: by.id, name: by.name });
    close();
    await this.#chats();
    await this.#objects(filesPrefix(ownerId));
    await this.#objects(versionsPrefix(ownerId));
    await this.#catalog(row, by);
    await storage.deleteAlarm();
    await storage.deleteAll();
    migrate();
    storage.sql.exec(
      "INSERT INTO owner_erasure (id, at, by, seq, done) VALUES (1, ?, ?, ?, 1)",
      row.at,
      row.by,
      row.seq,
    );
  }

  /** Wherever one is the last owner, that team needs another one first. */
  async #leaveTeams(by: Sender): Promise<void> {
    const { env, ownerId } = this.#options;
    if (isTeamId(ownerId)) return;
    const { results } = await env.CATALOG.prepare(
      "SELECT team_id FROM members WHERE user_id = ? AND removed_at IS NULL",
    )
      .bind(ownerId)
      .all();
    for (const { team_id: team } of results.map((row) => teamRow.parse(row))) {
      const stub = userStub(env, team);
      if ((await stub.team.roleOf(ownerId)) === null) continue;
      try {
        await stub.team.remove({ id: by.id, name: by.name }, ownerId);
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "last_owner")) throw error;
        throw new AppError(
          "last_owner",
          "A team has no other owner. Make somebody else its owner, or delete it, before you erase yourself.",
          { cause: error },
        );
      }
    }
  }

  /** Every chat that anything here knows of. */
  async #chats(): Promise<void> {
    const { storage, deletions } = this.#options;
    // One by one: a compound statement takes five at most here.
    const lists = [
      "SELECT id AS thread FROM threads",
      "SELECT thread FROM schedules",
      "SELECT thread FROM purse",
      "SELECT thread FROM search_exchanges",
      "SELECT thread FROM log_owed WHERE thread <> ''",
      "SELECT thread FROM deletions WHERE done = 0",
    ];
    const threads = new Set(
      lists.flatMap((list) =>
        storage.sql
          .exec(list)
          .toArray()
          .map((row) => threadRow.parse(row).thread),
      ),
    );
    for (const thread of threads) {
      deletions.begin(thread);
      await deletions.finish(thread);
    }
  }

  async #objects(prefix: string): Promise<void> {
    const { FILES } = this.#options.env;
    for (;;) {
      // Always from the beginning: what was listed is gone.
      const { objects } = await FILES.list({ prefix, limit: OBJECTS });
      if (objects.length === 0) return;
      await FILES.delete(objects.map(({ key }) => key));
    }
  }

  /** Rows go; of what is kept for the audit the names go. The erasure itself is the last thing that is known. */
  async #catalog({ at, seq }: z.infer<typeof erasureRow>, by: Sender): Promise<void> {
    const { env, ownerId } = this.#options;
    const db = env.CATALOG;
    await db.batch([
      ...[
        "DELETE FROM threads WHERE user_id = ?1",
        "DELETE FROM api_keys WHERE owner_id = ?1",
        "DELETE FROM hooks WHERE owner_id = ?1",
        "DELETE FROM shares WHERE owner_id = ?1",
        "DELETE FROM usage_days WHERE owner_id = ?1",
        "DELETE FROM members WHERE team_id = ?1 OR user_id = ?1",
        "DELETE FROM teams WHERE id = ?1",
        "DELETE FROM user_state WHERE user_id = ?1",
        "DELETE FROM handles WHERE owner_id = ?1",
        "DELETE FROM users WHERE id = ?1",
        "UPDATE changes SET by_name = '' WHERE owner_id = ?1 OR by_id = ?1",
        "UPDATE requests SET principal = '' WHERE principal_id = ?1",
        "UPDATE requests SET principal = '' WHERE owner_id = ?1",
      ].map((statement) => db.prepare(statement).bind(ownerId)),
      db
        .prepare(
          `INSERT OR IGNORE INTO changes (owner_id, thread, seq, at, kind, by_id, by_name, by_kind, request)
             VALUES (?, '', ?, ?, 'owner-erased', ?, '', ?, ?)`,
        )
        .bind(ownerId, seq, at, by.id, by.kind ?? "person", by.request ?? ""),
    ]);
  }

  #row(): z.infer<typeof erasureRow> | null {
    const [row] = this.#options.storage.sql.exec("SELECT at, by, seq, done FROM owner_erasure").toArray();
    return row ? erasureRow.parse(row) : null;
  }
}
