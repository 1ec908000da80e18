/** The parts of the actor that say who may: the team, the account, and what is owed after either changed. */
import type { Sender } from "../../protocol/rpc.ts";
import { Account } from "./account.ts";
import { Cuts } from "./cuts.ts";
import type { FacetHost } from "./facet.ts";
import { Handles } from "./handles.ts";
import { Team } from "./team.ts";

/** Who finishes what a crash interrupted. */
const NOBODY: Sender = { id: "", name: "Holdfast" };

export class People {
  readonly team: Team;
  readonly account: Account;
  readonly #cuts: Cuts;
  readonly #handles: Handles;

  constructor(host: FacetHost) {
    this.#cuts = new Cuts(host);
    this.#handles = new Handles(host);
    this.team = new Team(host, { handles: this.#handles, cuts: this.#cuts });
    this.account = new Account(host, { handles: this.#handles, cuts: this.#cuts });
  }

  /** Whether somebody may look on at the owner's feed. */
  admits(userId: string): boolean {
    return this.account.admits(userId) || this.team.has(userId);
  }

  /** Whether somebody runs the agent: it is theirs and they are not shut out, or they are an owner of the team. */
  async runs(userId: string): Promise<boolean> {
    return this.account.admits(userId) || (await this.team.roleOf(userId)) === "owner";
  }

  /** What is left of earlier changes, at the alarm. What cannot be done now is tried again. */
  async duties(failed: (what: string, error: unknown) => void): Promise<void> {
    const again = async (what: string, error: unknown): Promise<void> => {
      failed(what, error);
      await this.#cuts.remember();
    };
    await this.#handles.settle(NOBODY).catch((error: unknown) => again("handle", error));
    await this.#cuts.carryOut().catch((error: unknown) => again("cut", error));
  }
}
