/** Teams, people and handles: what actors are asked, and what the API answers. */
import { z } from "zod";
import type { Relation, Sender } from "./rpc.ts";

export const TEAM_ROLES = ["owner", "writer", "reader"] as const;
export type TeamRole = (typeof TEAM_ROLES)[number];
const teamRole = z.enum(TEAM_ROLES);
/** Milliseconds since the epoch. */
const moment = z.number().int();

export const teamSchema = z.object({
  id: z.string(),
  handle: z.string(),
  name: z.string(),
  createdAt: moment,
});
export type TeamInfo = z.infer<typeof teamSchema>;

/** One of my teams, as the catalog lists it. */
export const myTeamSchema = teamSchema.extend({ role: teamRole });
export type MyTeam = z.infer<typeof myTeamSchema>;

export const memberSchema = z.object({
  userId: z.string(),
  /** E-mail of a person, name of a service. */
  name: z.string(),
  role: teamRole,
  since: moment,
});
export type TeamMember = z.infer<typeof memberSchema>;

export const invitationSchema = z.object({
  id: z.string(),
  role: teamRole,
  /** The only e-mail address that may take it; empty for whoever has the link. */
  email: z.string(),
  createdBy: z.string(),
  createdAt: moment,
  expiresAt: moment,
});
export type Invitation = z.infer<typeof invitationSchema>;

/** What `POST .../invitations` answers. The link is not kept and never shown again. */
export const newInvitationSchema = z.object({ invitation: invitationSchema, link: z.string() });

/** What somebody who holds an invitation's link is shown before they take it. */
export const invitationOfferSchema = z.object({
  team: teamSchema,
  role: teamRole,
  invitedBy: z.string(),
  expiresAt: moment,
  /** Whoever asks is in the team already. */
  member: z.boolean(),
});
export type InvitationOffer = z.infer<typeof invitationOfferSchema>;

export const personSchema = z.object({
  id: z.string(),
  kind: z.enum(["person", "service"]),
  name: z.string(),
  handle: z.string(),
  createdAt: moment,
  /** Set by an administrator; `null`: their groups say it. */
  role: z.enum(["admin", "member", "guest"]).nullable(),
  disabled: z.boolean(),
});
export type PersonInfo = z.infer<typeof personSchema>;

/** What an administrator sets for a user. */
export interface AccountState {
  role: "admin" | "member" | "guest" | null;
  disabledAt: number | null;
}

/** What a socket is closed with when its holder may not have it any more. The sentence is shown. */
export const CUT_CODE = 4403;

/** A team: who is in it. At the actor of its id; at a user's, nobody is. `by` is who does it, and is kept. */
export interface TeamRpc {
  /** Null for who is not in it. */
  roleOf(userId: string): Promise<TeamRole | null>;
  /** Makes the team, whose first owner is `by`. A handle that is taken in the same moment gets a number. */
  create(by: Sender, team: { name: string; handle: string }): Promise<TeamInfo>;
  /** Throws `agent_unknown` where there is no team. */
  info(): Promise<TeamInfo>;
  rename(by: Sender, name: string): Promise<TeamInfo>;
  members(): Promise<TeamMember[]>;
  /** Throws `member_unknown`, `last_owner`. Their sockets are closed before it resolves. */
  changeRole(by: Sender, userId: string, role: TeamRole): Promise<TeamMember>;
  /** Of somebody else or of oneself. Throws `member_unknown`, `last_owner`. Sockets are closed before it resolves. */
  remove(by: Sender, userId: string): Promise<void>;
  invite(
    by: Sender,
    terms: { role: TeamRole; email: string; expiresAt: number },
  ): Promise<{ invitation: Invitation; token: string }>;
  /** Those that can still be taken, newest first. */
  invitations(): Promise<Invitation[]>;
  /** Throws `invitation_unknown`. */
  revokeInvitation(by: Sender, id: string): Promise<void>;
  /** What a token is for; changes nothing. Throws as `accept` does, but for `team_full`. */
  offer(by: Sender, token: string): Promise<InvitationOffer>;
  /** Throws `invitation_unknown`, `invitation_used`, `forbidden` (another address was invited), `team_full`. */
  accept(by: Sender, token: string): Promise<TeamMember>;
  /** Ends the team for everybody, once; its data is erased by whoever calls this. */
  disband(by: Sender): Promise<void>;
  /**
   * A conversation is about to take a socket of somebody who was let in as `as`. The number of this arrival, or null:
   * they are not that any more.
   */
  arrived(userId: string, thread: string, as: Relation): Promise<number | null>;
  /** The last socket of somebody at a conversation is closed; `number`: of their newest arrival there. */
  left(userId: string, thread: string, number: number): Promise<void>;
  /** Closes all sockets that somebody has at the team. They stay a member. */
  cut(userId: string, reason: string): Promise<void>;
}

/** What belongs to an owner's name here: what administrators set for a user, and the handle. */
export interface AccountRpc {
  /** Throws nothing that is not storage's. What is changed takes effect on open sockets before it resolves. */
  change(
    by: Sender,
    change: { role?: AccountState["role"] | undefined; disabled?: boolean | undefined },
  ): Promise<AccountState>;
  /** Gives the owner another handle; the old ones lead to it. Throws `handle_invalid`, `handle_taken`. */
  rename(by: Sender, handle: string): Promise<string>;
  /** An administrator is about to look at what is this owner's. Rejects when it could not be written down. */
  watched(by: Sender, read: { method: string; route: string; resource: string }): Promise<void>;
}
