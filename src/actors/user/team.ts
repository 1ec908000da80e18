/** Who is in a team. Whoever is removed or gets another role is out of every socket before the call that did it ends. */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { type Relation, type Sender, TEAM_ROLES, type TeamRole } from "../../protocol/rpc.ts";
import type { Invitation, InvitationOffer, TeamInfo, TeamMember, TeamRpc } from "../../protocol/teams.ts";
import type { Cuts } from "./cuts.ts";
import { Facet, type FacetHost } from "./facet.ts";
import type { Handles } from "./handles.ts";
import { Invitations } from "./invitations.ts";

const teamRow = z.object({ name: z.string(), created_at: z.number(), deleted_at: z.number().nullable() });
const memberRow = z.object({
  user_id: z.string(),
  name: z.string(),
  role: z.enum(TEAM_ROLES),
  since: z.number(),
});
const count = z.object({ n: z.number() });

const REMOVED = "You are not a member of this team any more.";
const ROLE_CHANGED = "Your role in this team was changed. Load the page again.";
const DISBANDED = "This team was deleted.";

export class Team extends Facet implements TeamRpc {
  readonly #handles: Handles;
  readonly #cuts: Cuts;
  readonly #invitations: Invitations;

  constructor(host: FacetHost, parts: { handles: Handles; cuts: Cuts }) {
    super(host);
    this.#handles = parts.handles;
    this.#cuts = parts.cuts;
    this.#invitations = new Invitations(host);
  }

  async roleOf(userId: string): Promise<TeamRole | null> {
    return this.host.answer("team.roleOf", () => this.#member(userId)?.role ?? null);
  }

  /** The same within the actor. */
  has(userId: string): boolean {
    return this.#member(userId) !== null;
  }

  async create(by: Sender, team: { name: string; handle: string }): Promise<TeamInfo> {
    await this.#handles.check(team.handle);
    await this.#handles.remember();
    this.host.answer("team.create", () => {
      if (this.#team()) throw new AppError("handle_taken", "This team exists already.");
      const { name, handle } = team;
      this.host.log.commit(by, "team-created", { name, handle }, (seq) => {
        const at = this.host.now();
        this.host.storage.sql.exec("INSERT INTO team (id, name, created_at) VALUES (1, ?, ?)", name, at);
        this.#mirrorTeam(seq);
        this.#put({ userId: by.id, name: by.name, role: "owner", since: at }, seq);
        this.#handles.want(handle);
      });
    });
    await this.#handles.settle(by);
    await this.host.published();
    return this.#info();
  }

  async info(): Promise<TeamInfo> {
    return this.host.answer("team.info", () => this.#info());
  }

  async rename(by: Sender, name: string): Promise<TeamInfo> {
    const info = this.host.answer("team.rename", () => {
      const before = this.#info();
      return this.host.log.commit(by, "team-renamed", { from: before.name, to: name }, (seq) => {
        this.host.storage.sql.exec("UPDATE team SET name = ?", name);
        this.#mirrorTeam(seq);
        return this.#info();
      });
    });
    await this.host.published();
    return info;
  }

  async members(): Promise<TeamMember[]> {
    return this.host.answer("team.members", () =>
      this.host.storage.sql
        .exec("SELECT user_id, name, role, since FROM members ORDER BY since, user_id")
        .toArray()
        .map(memberOf),
    );
  }

  async changeRole(by: Sender, userId: string, role: TeamRole): Promise<TeamMember> {
    await this.#cuts.remember();
    const member = this.host.answer("team.changeRole", () => {
      const before = this.#known(userId);
      if (before.role === role) return before;
      if (before.role === "owner") this.#keepsOwner(userId);
      const after = { ...before, role };
      const detail = { member: userId, name: before.name, from: before.role, to: role };
      this.host.log.commit(by, "member-role-changed", detail, (seq) => {
        this.#put(after, seq);
        this.#cuts.order(userId, ROLE_CHANGED);
      });
      return after;
    });
    await this.#takeEffect();
    return member;
  }

  async remove(by: Sender, userId: string): Promise<void> {
    await this.#cuts.remember();
    this.host.answer("team.remove", () => {
      const before = this.#known(userId);
      if (before.role === "owner") this.#keepsOwner(userId);
      const kind = by.id === userId ? "member-left" : "member-removed";
      this.host.log.commit(by, kind, { member: userId, name: before.name, role: before.role }, (seq) => {
        this.#drop(before, seq);
        this.#cuts.order(userId, REMOVED);
      });
    });
    await this.#takeEffect();
  }

  async invite(
    by: Sender,
    terms: { role: TeamRole; email: string; expiresAt: number },
  ): Promise<{ invitation: Invitation; token: string }> {
    return this.host.answer("team.invite", () => {
      this.#info();
      return this.#invitations.make(by, terms);
    });
  }

  async invitations(): Promise<Invitation[]> {
    return this.host.answer("team.invitations", () => this.#invitations.open());
  }

  async revokeInvitation(by: Sender, id: string): Promise<void> {
    this.host.answer("team.revokeInvitation", () => this.#invitations.revoke(by, id));
  }

  async offer(by: Sender, token: string): Promise<InvitationOffer> {
    return this.host.answer("team.offer", () => {
      const { role, createdBy, expiresAt } = this.#invitations.fitting(by, token);
      const member = this.#member(by.id) !== null;
      return { team: this.#info(), role, invitedBy: createdBy, expiresAt, member };
    });
  }

  async accept(by: Sender, token: string): Promise<TeamMember> {
    const member = this.host.answer("team.accept", () => {
      const invitation = this.#invitations.fitting(by, token);
      this.#info();
      const before = this.#member(by.id);
      if (before) {
        throw new AppError(
          "bad_request",
          "You are a member of this team already. The invitation stays open.",
        );
      }
      if (this.#count() >= limits.membersPerTeam) {
        throw new AppError("team_full", `A team has at most ${limits.membersPerTeam} members.`);
      }
      const made: TeamMember = {
        userId: by.id,
        name: by.name,
        role: invitation.role,
        since: this.host.now(),
      };
      const detail = { member: by.id, name: by.name, role: made.role, invitation: invitation.id };
      this.host.log.commit(by, "member-joined", detail, (seq) => {
        this.#invitations.use(invitation.id, by.id);
        this.#put(made, seq);
      });
      return made;
    });
    await this.host.published();
    return member;
  }

  /** Also called while the team is being erased, when nobody else is answered any more. */
  async disband(by: Sender): Promise<void> {
    const { sql } = this.host.storage;
    const team = this.#team();
    await this.#cuts.remember();
    if (team && team.deleted_at === null) {
      this.host.log.commit(by, "team-deleted", { name: team.name }, (seq) => {
        const at = this.host.now();
        sql.exec("UPDATE team SET deleted_at = ?", at);
        sql.exec("UPDATE invitations SET revoked_at = ? WHERE used_at IS NULL AND revoked_at IS NULL", at);
        this.#mirrorTeam(seq);
        const all = sql.exec("SELECT user_id, name, role, since FROM members").toArray().map(memberOf);
        for (const member of all) {
          this.#drop(member, seq);
          this.#cuts.order(member.userId, DISBANDED);
        }
        this.#handles.want(null);
      });
    }
    await this.#handles.settle(by);
    await this.#takeEffect();
  }

  async arrived(userId: string, thread: string, as: Relation): Promise<number | null> {
    return this.host.answer("team.arrived", () =>
      this.#member(userId)?.role === as ? this.#cuts.arrived(userId, thread) : null,
    );
  }

  async left(userId: string, thread: string, number: number): Promise<void> {
    this.host.answer("team.left", () => this.#cuts.left(userId, thread, number));
  }

  async cut(userId: string, reason: string): Promise<void> {
    await this.#cuts.remember();
    this.#cuts.order(userId, reason);
    await this.#cuts.carryOut();
  }

  /** The catalog first: then the sockets that are closed cannot be opened again by what it says. */
  async #takeEffect(): Promise<void> {
    await this.host.published();
    await this.#cuts.carryOut();
  }

  #team(): z.infer<typeof teamRow> | null {
    const [row] = this.host.storage.sql.exec("SELECT name, created_at, deleted_at FROM team").toArray();
    return row ? teamRow.parse(row) : null;
  }

  #info(): TeamInfo {
    const team = this.#team();
    if (!team || team.deleted_at !== null) {
      throw new AppError("agent_unknown", "There is no such team. Check the address.");
    }
    const { ownerId } = this.host;
    return {
      id: ownerId,
      handle: this.#handles.wanted ?? "",
      name: team.name,
      createdAt: team.created_at,
    };
  }

  #member(userId: string): TeamMember | null {
    const [row] = this.host.storage.sql
      .exec("SELECT user_id, name, role, since FROM members WHERE user_id = ?", userId)
      .toArray();
    return row ? memberOf(row) : null;
  }

  #known(userId: string): TeamMember {
    const member = this.#member(userId);
    if (member) return member;
    throw new AppError("member_unknown", "There is no such member in this team.");
  }

  #count(): number {
    return count.parse(this.host.storage.sql.exec("SELECT count(*) AS n FROM members").one()).n;
  }

  /** Throws `last_owner` when nobody else owns the team. */
  #keepsOwner(userId: string): void {
    const others = this.host.storage.sql
      .exec("SELECT count(*) AS n FROM members WHERE role = 'owner' AND user_id <> ?", userId)
      .one();
    if (count.parse(others).n > 0) return;
    throw new AppError(
      "last_owner",
      "A team needs an owner. Make somebody else an owner first, or delete the team.",
    );
  }

  #put(member: TeamMember, seq: number): void {
    const { userId, name, role, since } = member;
    this.host.storage.sql.exec(
      `INSERT INTO members (user_id, name, role, since) VALUES (?, ?, ?, ?)
         ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, role = excluded.role`,
      userId,
      name,
      role,
      since,
    );
    this.#mirrorMember(member, null, seq);
  }

  #drop(member: TeamMember, seq: number): void {
    this.host.storage.sql.exec("DELETE FROM members WHERE user_id = ?", member.userId);
    this.#mirrorMember(member, this.host.now(), seq);
  }

  #mirrorMember({ userId, role, since }: TeamMember, removedAt: number | null, seq: number): void {
    const { mirror, ownerId } = this.host;
    mirror.put("members", { team_id: ownerId, user_id: userId, role, since, removed_at: removedAt }, seq);
  }

  #mirrorTeam(seq: number): void {
    const team = this.#team();
    if (!team) return;
    this.host.mirror.put("teams", { id: this.host.ownerId, ...team }, seq);
  }
}

function memberOf(row: unknown): TeamMember {
  const { user_id: userId, name, role, since } = memberRow.parse(row);
  return { userId, name, role, since };
}
