/**
 * The owner's handle. The catalog says who has which, because two owners may ask for one at once; what was asked for is
 * written here first, with its record, so that a crash on the way is made good by the alarm.
 */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { chosenHandle, handleCandidates, handleLook } from "../../names.ts";
import type { Sender } from "../../protocol/rpc.ts";
import type { FacetHost } from "./facet.ts";

const accountRow = z.object({ handle: z.string().nullable(), claim: z.number() });
const handleRow = z.object({ handle: z.string() });
const standing = z.object({ mine: z.number(), taken: z.number(), known: z.number() });

/** When the catalog could not be asked, it is tried again then. */
const AGAIN_MS = 10_000;

export class Handles {
  readonly #host: FacetHost;
  #running: Promise<void> | null = null;

  constructor(host: FacetHost) {
    this.#host = host;
  }

  /** The handle that was asked for last, as far as this actor was asked; null when it never was, or has none any more. */
  get wanted(): string | null {
    return this.#row().handle;
  }

  /** Whether the catalog still has to be told. */
  get owing(): boolean {
    return this.#row().claim === 1;
  }

  /**
   * Whether the owner could have this handle. Throws `handle_invalid`, or `handle_taken` also when it only looks like
   * another's, or when the owner had too many.
   */
  async check(handle: string): Promise<void> {
    chosenHandle(handle);
    const { env, ownerId } = this.#host;
    const asked = env.CATALOG.prepare(
      `SELECT
         (SELECT count(*) FROM handles WHERE owner_id = ?1) AS mine,
         (SELECT count(*) FROM handles WHERE look = ?2 AND owner_id <> ?1) AS taken,
         (SELECT count(*) FROM handles WHERE handle = ?3 AND owner_id = ?1) AS known`,
    )
      .bind(ownerId, handleLook(handle), handle)
      .first();
    const row = await asked.catch(silent);
    const { mine, taken, known } = standing.parse(row);
    if (taken > 0) throw handleTaken(handle);
    if (known === 0 && mine >= limits.handlesPerOwner) {
      throw new AppError(
        "handle_taken",
        `An agent has at most ${limits.handlesPerOwner} handles, old ones included. Go back to one of those.`,
      );
    }
  }

  /** Asks for a handle, or with null gives up the current one for good. To be called in a transaction. */
  want(handle: string | null): void {
    this.#host.storage.sql.exec("UPDATE account SET handle = ?, claim = 1", handle);
  }

  /**
   * Tells the catalog what is owed to it. Another owner may have been faster: then a first handle gets a number, and
   * any other is taken back, which `by` is recorded for. Rejects when the catalog does not answer.
   */
  async settle(by: Sender): Promise<void> {
    // One that runs may have read before the newest was wanted.
    if (this.#running) await this.#running.catch(() => {});
    this.#running ??= this.#drain(by).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Sees to it that the alarm comes for what is owed. */
  remember(): Promise<void> {
    return this.#host.remember(this.#host.now() + AGAIN_MS);
  }

  async #drain(by: Sender): Promise<void> {
    while (this.owing) {
      const { handle } = this.#row();
      const has = await this.#claim(handle);
      if (this.#row().handle !== handle) continue; // another was asked for meanwhile
      if (has === handle) this.#put(has);
      else if (has === null) await this.#numbered(handle ?? "");
      else {
        this.#host.log.commit(by, "handle-refused", { handle }, () => this.#put(has));
      }
    }
  }

  /** A new owner wants a handle that somebody else got in the same moment. */
  async #numbered(wanted: string): Promise<void> {
    for (const handle of handleCandidates(wanted, (bytes) => this.#host.random(bytes))) {
      if ((await this.#claim(handle)) === handle) return this.#put(handle);
    }
    throw new AppError("storage_failed", "No free handle was found. Try again.");
  }

  #put(handle: string | null): void {
    this.#host.storage.sql.exec("UPDATE account SET handle = ?, claim = 0", handle);
  }

  #row(): z.infer<typeof accountRow> {
    return accountRow.parse(this.#host.storage.sql.exec("SELECT handle, claim FROM account").one());
  }

  /** Makes a handle the owner's current one if nobody else has it, and says which is current now. One transaction. */
  async #claim(handle: string | null): Promise<string | null> {
    const { env, ownerId, now } = this.#host;
    const db = env.CATALOG;
    const current = db.prepare("SELECT handle FROM handles WHERE owner_id = ? AND current = 1").bind(ownerId);
    const steps =
      handle === null
        ? [db.prepare("UPDATE handles SET current = 0 WHERE owner_id = ?").bind(ownerId)]
        : [
            db
              .prepare(
                `INSERT INTO handles (handle, look, owner_id, current, since) SELECT ?1, ?2, ?3, 0, ?4
                   WHERE NOT EXISTS (SELECT 1 FROM handles WHERE look = ?2 AND owner_id <> ?3)
                   ON CONFLICT (handle) DO NOTHING`,
              )
              .bind(handle, handleLook(handle), ownerId, now()),
            db
              .prepare(
                `UPDATE handles SET current = 0 WHERE owner_id = ?1 AND handle <> ?2
                   AND EXISTS (SELECT 1 FROM handles WHERE handle = ?2 AND owner_id = ?1)`,
              )
              .bind(ownerId, handle),
            db
              .prepare("UPDATE handles SET current = 1 WHERE owner_id = ?1 AND handle = ?2")
              .bind(ownerId, handle),
            db
              .prepare(
                `UPDATE users SET handle = ?2 WHERE id = ?1
                   AND EXISTS (SELECT 1 FROM handles WHERE handle = ?2 AND owner_id = ?1)`,
              )
              .bind(ownerId, handle),
          ];
    const results = await db.batch([...steps, current]).catch(silent);
    const [row] = results.at(-1)?.results ?? [];
    return row === undefined ? null : handleRow.parse(row).handle;
  }
}

export const handleTaken = (handle: string): AppError =>
  new AppError(
    "handle_taken",
    `“${handle}” is taken, was taken before, or looks like one that is. Choose another.`,
  );

function silent(cause: unknown): never {
  throw new AppError("storage_failed", "The catalog of handles did not answer. Try again in a moment.", {
    cause,
  });
}
