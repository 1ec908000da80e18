/** What belongs to the name of an owner: the handle, and what administrators set for a user. */
import { z } from "zod";
import { limits } from "../../limits.ts";
import type { Sender } from "../../protocol/rpc.ts";
import type { AccountRpc, AccountState } from "../../protocol/teams.ts";
import { PERSON_ROLES } from "../../roles.ts";
import type { Cuts } from "./cuts.ts";
import { Facet, type FacetHost } from "./facet.ts";
import { type Handles, handleTaken } from "./handles.ts";

const stateRow = z.object({
  role: z.enum(PERSON_ROLES).nullable(),
  disabled_at: z.number().nullable(),
});

const DISABLED = "An administrator has switched off your access.";
const ROLE_CHANGED = "Your role was changed. Load the page again.";
/** Beyond what a router believes of a user: its clock and this one's are not the same. */
const CACHE_MARGIN_MS = 2_000;

export class Account extends Facet implements AccountRpc {
  // Fields of an instance cannot be reached over RPC.
  readonly #handles: Handles;
  readonly #cuts: Cuts;

  constructor(host: FacetHost, parts: { handles: Handles; cuts: Cuts }) {
    super(host);
    this.#handles = parts.handles;
    this.#cuts = parts.cuts;
  }

  async change(
    by: Sender,
    change: { role?: AccountState["role"] | undefined; disabled?: boolean | undefined },
  ): Promise<AccountState> {
    await this.#cuts.remember();
    this.host.answer("account.change", () => {
      const before = this.#state();
      if (change.role !== undefined && change.role !== before.role) {
        const role = change.role;
        this.host.log.commit(by, "role-set", { from: before.role, to: role }, (seq) =>
          this.#put({ ...before, role }, ROLE_CHANGED, seq),
        );
      }
      const { disabledAt, role } = this.#state();
      if (change.disabled !== undefined && change.disabled !== (disabledAt !== null)) {
        const disabled = change.disabled ? this.host.now() : null;
        this.host.log.commit(by, change.disabled ? "access-disabled" : "access-enabled", {}, (seq) =>
          this.#put({ role, disabledAt: disabled }, change.disabled ? DISABLED : null, seq),
        );
      }
    });
    await this.host.published();
    await this.#cuts.carryOut();
    return this.#state();
  }

  async rename(by: Sender, handle: string): Promise<string> {
    await this.#handles.check(handle);
    await this.#handles.remember();
    this.host.answer("account.rename", () =>
      this.host.log.commit(by, "handle-changed", { from: this.#handles.wanted, to: handle }, () =>
        this.#handles.want(handle),
      ),
    );
    await this.#handles.settle(by);
    // Another owner was faster, and it was taken back.
    if (this.#handles.wanted !== handle) throw handleTaken(handle);
    return handle;
  }

  async watched(by: Sender, read: { method: string; route: string; resource: string }): Promise<void> {
    this.host.answer("account.watched", () => this.host.log.commit(by, "admin-read", read, () => {}));
  }

  /** Whether this is the owner, and may come in. Not for calls from outside: those are promises. */
  admits(userId: string): boolean {
    return userId === this.host.ownerId && this.#state().disabledAt === null;
  }

  /** A chat said something of itself. Of somebody who is kept out it may be one that was on no list until now. */
  async noticed(thread: string): Promise<void> {
    const { disabledAt } = this.#state();
    if (disabledAt === null) return;
    this.#cuts.arrived(this.host.ownerId, thread);
    this.#cuts.order(this.host.ownerId, DISABLED);
    await this.#cuts.remember();
    await this.#cuts.carryOut();
  }

  #state(): AccountState {
    const row = stateRow.parse(this.host.storage.sql.exec("SELECT role, disabled_at FROM account").one());
    return { role: row.role, disabledAt: row.disabled_at };
  }

  #put({ role, disabledAt }: AccountState, cut: string | null, seq: number): void {
    const { storage, mirror, ownerId, now } = this.host;
    storage.sql.exec("UPDATE account SET role = ?, disabled_at = ?", role, disabledAt);
    mirror.put("user_state", { user_id: ownerId, role, disabled_at: disabledAt }, seq);
    // Until the last router has heard of it, who was known before may connect again: then once more.
    if (cut !== null) this.#cuts.order(ownerId, cut, now() + limits.userCacheMs + CACHE_MARGIN_MS);
  }
}
