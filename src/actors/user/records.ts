/** The parts of the actor that know what happened: its log, the index of it in the catalog, and the end of the owner. */
import { Buffer } from "node:buffer";
import { limits } from "../../limits.ts";
import { migrate } from "../migrate.ts";
import { ChangeIndex } from "./change-index.ts";
import { ChangeLog } from "./change-log.ts";
import type { Deletions } from "./deletions.ts";
import type { FacetHost } from "./facet.ts";
import { Log } from "./log.ts";
import { OwnerErasure } from "./owner-erasure.ts";
import type { People } from "./people.ts";
import type { UserPurse } from "./purse.ts";
import { SCHEMA } from "./schema.ts";
import type { ThreadList } from "./thread-list.ts";

/** Nobody guesses these: an erased record cannot be found again by trying. */
const SALT_BYTES = 32;
/** What a socket is closed with when its owner is gone. */
const ERASED_CODE = 4410;

export interface RecordsOptions {
  ctx: DurableObjectState;
  /** Set when the actor is put together; not asked for before. */
  host(): FacetHost;
  people(): People;
  deletions: Deletions;
  threads: ThreadList;
  purse: UserPurse;
  catalog: D1Database;
  ownerId: string;
  /** Every open feed. */
  feeds(): Iterable<{ close(code: number, reason: string): void }>;
  syncIndex(): void;
  /** The catalog did not take something: it is offered again later. */
  untold(error: unknown): Promise<void>;
}

export class Records {
  readonly log: ChangeLog;
  readonly changes: ChangeIndex;
  readonly #options: RecordsOptions;
  #erasure: OwnerErasure | null = null;
  #facet: Log | null = null;

  constructor(options: RecordsOptions) {
    this.#options = options;
    const { ctx, catalog, ownerId, purse } = options;
    this.changes = new ChangeIndex({
      ...{ sql: ctx.storage.sql, catalog, ownerId },
      spent: () => purse.newestDays(),
      soon: (run) => ctx.waitUntil(this.#soon(run)),
    });
    this.log = new ChangeLog({
      storage: ctx.storage,
      now: () => options.host().now(),
      salt: () => Buffer.from(options.host().random(SALT_BYTES)).toString("base64url"),
      index: (row) => this.changes.owe("", [row]),
    });
    if (this.changes.owing) this.changes.soon();
  }

  get erasure(): OwnerErasure {
    const { ctx, host, people, deletions, feeds } = this.#options;
    this.#erasure ??= new OwnerErasure({
      ...{ env: host().env, ownerId: host().ownerId, storage: ctx.storage, log: this.log, deletions },
      now: () => host().now(),
      migrate: () => migrate(ctx.storage, SCHEMA, host().now()),
      disband: (by) => people().team.disband(by),
      close: () => {
        for (const feed of feeds()) feed.close(ERASED_CODE, "This agent was erased for good.");
      },
      remember: (at) => host().remember(at),
    });
    return this.#erasure;
  }

  get facet(): Log {
    const { host, threads, syncIndex } = this.#options;
    this.#facet ??= new Log(host(), { threads, syncIndex, erasure: this.erasure });
    return this.#facet;
  }

  /** What is owed at the alarm. True when the owner is being erased: then there is nothing else to do. */
  async duties(failed: (what: string, error: unknown) => void): Promise<boolean> {
    await this.changes.sync().catch((error: unknown) => this.#options.untold(error));
    if (!this.erasure.owing) return false;
    await this.erasure.finish().catch((error: unknown) => failed("owner erasure", error));
    return true;
  }

  async #soon(run: () => Promise<void>): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, limits.auditTellMs));
    await run().catch((error: unknown) => this.#options.untold(error));
  }
}
