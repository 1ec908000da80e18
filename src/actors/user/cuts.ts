/**
 * Open sockets of somebody who may not have them any more. A cut is ordered in the transaction that takes the right away,
 * and is owed until every chat at which they were confirmed it: after a crash the alarm goes on.
 *
 * At a team's actor each arrival of a member at a chat is written down before the chat takes the socket, so that exactly
 * those chats are asked. A user's own chats pay nothing for this: there, all of them are asked.
 */
import { z } from "zod";
import { conversationStub, userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { conversationName, isTeamId } from "../../names.ts";
import { CUT_CODE } from "../../protocol/teams.ts";
import type { FacetHost } from "./facet.ts";

const cutRow = z.object({
  user_id: z.string(),
  reason: z.string(),
  seq: z.number(),
  again_at: z.number().nullable(),
});
type Cut = z.infer<typeof cutRow>;
const presentRow = z.object({ thread: z.string(), number: z.number() });
const teamRow = z.object({ team_id: z.string() });

/** Chats that are asked side by side. */
const AT_ONCE = 16;

export class Cuts {
  readonly #host: FacetHost;

  constructor(host: FacetHost) {
    this.#host = host;
  }

  get #sql(): SqlStorage {
    return this.#host.storage.sql;
  }

  get #isTeam(): boolean {
    return isTeamId(this.#host.ownerId);
  }

  /** Writes an arrival down and numbers it. */
  arrived(userId: string, thread: string): number {
    const number = this.#nextNumber();
    this.#sql.exec(
      `INSERT INTO present (user_id, thread, number) VALUES (?, ?, ?)
         ON CONFLICT (user_id, thread) DO UPDATE SET number = excluded.number`,
      userId,
      thread,
      number,
    );
    return number;
  }

  /** The last socket is closed; later arrivals stay. */
  left(userId: string, thread: string, number: number): void {
    this.#sql.exec(
      "DELETE FROM present WHERE user_id = ? AND thread = ? AND number <= ?",
      userId,
      thread,
      number,
    );
  }

  /** To be called in the transaction that takes the right away. `againAt`: to be carried out once more then. */
  order(userId: string, reason: string, againAt: number | null = null): void {
    this.#sql.exec(
      `INSERT INTO cuts (user_id, reason, seq, again_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (user_id) DO UPDATE SET reason = excluded.reason, seq = excluded.seq, again_at = coalesce(excluded.again_at, again_at)`,
      userId,
      reason,
      this.#nextNumber(),
      againAt,
    );
  }

  /** Sees to it that the alarm comes for what is owed. Called before anything is ordered, and again by the alarm. */
  remember(): Promise<void> {
    return this.#host.remember(this.#host.now() + limits.cutAgainMs);
  }

  /** Carries out what is owed, as far as it can be reached. Rejects when something could not be. */
  async carryOut(): Promise<void> {
    await settled(this.#owed().map((cut) => this.#carryOut(cut)));
  }

  #owed(): Cut[] {
    return this.#sql
      .exec("SELECT user_id, reason, seq, again_at FROM cuts ORDER BY seq")
      .toArray()
      .map((row) => cutRow.parse(row));
  }

  async #carryOut({ user_id: userId, reason, seq, again_at: againAt }: Cut): Promise<void> {
    const again = againAt !== null && againAt > this.#host.now();
    for (const socket of this.#host.feeds(userId)) socket.close(CUT_CODE, reason);
    const places = this.#isTeam ? this.#placesOf(userId) : this.#ownChats(userId);
    for (let i = 0; i < places.length; i += AT_ONCE) {
      const asked = places.slice(i, i + AT_ONCE).map(async ({ thread, number }) => {
        const chat = conversationStub(this.#host.env, conversationName(this.#host.ownerId, thread));
        await within(chat.disconnect(userId, reason, this.#isTeam ? number : null));
        this.left(userId, thread, number);
      });
      await settled(asked);
    }
    if (!this.#isTeam) await this.#cutAtTeams(userId, reason);
    if (again) await this.#host.remember(againAt);
    else this.#sql.exec("DELETE FROM cuts WHERE user_id = ? AND seq = ?", userId, seq);
  }

  /** Whoever is kept out is kept out of their teams' chats too. The catalog knows which those are. */
  async #cutAtTeams(userId: string, reason: string): Promise<void> {
    const { results } = await this.#host.env.CATALOG.prepare(
      "SELECT team_id FROM members WHERE user_id = ? AND removed_at IS NULL",
    )
      .bind(userId)
      .all();
    await settled(
      results.map(async (row) => {
        const { team_id: teamId } = teamRow.parse(row);
        await within(userStub(this.#host.env, teamId).team.cut(userId, reason));
      }),
    );
  }

  #placesOf(userId: string): z.infer<typeof presentRow>[] {
    return this.#sql
      .exec("SELECT thread, number FROM present WHERE user_id = ?", userId)
      .toArray()
      .map((row) => presentRow.parse(row));
  }

  #ownChats(userId: string): z.infer<typeof presentRow>[] {
    return this.#sql
      .exec(
        `SELECT thread, max(number) AS number FROM (
           SELECT id AS thread, 0 AS number FROM threads
           UNION ALL SELECT thread, number FROM present WHERE user_id = ?
         ) GROUP BY thread`,
        userId,
      )
      .toArray()
      .map((row) => presentRow.parse(row));
  }

  /** Only grows, whatever is deleted. */
  #nextNumber(): number {
    const row = this.#sql.exec("UPDATE account SET arrivals = arrivals + 1 RETURNING arrivals").one();
    return z.object({ arrivals: z.number() }).parse(row).arrivals;
  }
}

/** All are waited for; the first that failed is thrown. */
async function settled(asked: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(asked)).find((result) => result.status === "rejected");
  if (!failed) return;
  throw new AppError(
    "storage_failed",
    "It is done, but a window that is open somewhere could not be reached yet. It is closed as soon as it can be.",
    { cause: failed.reason },
  );
}

async function within(asked: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), limits.cutWithinMs);
  });
  await Promise.race([asked, late]).finally(() => clearTimeout(timer));
}
