/** The API of one team, as its settings use it. All calls throw `ApiError`. */
import { z } from "zod";
import {
  type Invitation,
  invitationSchema,
  memberSchema,
  newInvitationSchema,
  type TeamMember,
  type TeamRole,
  teamSchema,
} from "../../protocol/teams.ts";
import type { Api } from "../app/api.ts";

const membersSchema = z.object({ members: z.array(memberSchema) });
const memberAnswer = z.object({ member: memberSchema });
const invitationsSchema = z.object({ invitations: z.array(invitationSchema) });
export const teamAnswer = z.object({ team: teamSchema });

export interface TeamApi {
  members(signal: AbortSignal): Promise<TeamMember[]>;
  changeRole(userId: string, role: TeamRole): Promise<TeamMember>;
  remove(userId: string): Promise<void>;
  leave(): Promise<void>;
  invitations(signal: AbortSignal): Promise<Invitation[]>;
  invite(terms: {
    role: TeamRole;
    email: string;
    expiresInDays: number;
  }): Promise<z.infer<typeof newInvitationSchema>>;
  revoke(invitation: string): Promise<void>;
  change(change: { name?: string; handle?: string }): Promise<z.infer<typeof teamSchema>>;
  delete(confirm: string): Promise<void>;
}

export function teamApi(api: Api, handle: string): TeamApi {
  const team = `/api/teams/${encodeURIComponent(handle)}`;
  const member = (userId: string): string => `${team}/members/${encodeURIComponent(userId)}`;
  const nothing = async (method: string, path: string, body?: unknown): Promise<void> => {
    await api.call(path, {
      method,
      ...(body !== undefined && {
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    });
  };
  return {
    members: async (signal) => (await api.get(`${team}/members`, membersSchema, signal)).members,
    changeRole: async (userId, role) =>
      (await api.send("PATCH", member(userId), { role }, memberAnswer)).member,
    remove: (userId) => nothing("DELETE", member(userId)),
    leave: () => nothing("POST", `${team}/leave`),
    invitations: async (signal) =>
      (await api.get(`${team}/invitations`, invitationsSchema, signal)).invitations,
    invite: (terms) => api.send("POST", `${team}/invitations`, terms, newInvitationSchema),
    revoke: (invitation) => nothing("DELETE", `${team}/invitations/${encodeURIComponent(invitation)}`),
    change: async (change) => (await api.send("PATCH", team, change, teamAnswer)).team,
    delete: (confirm) => nothing("DELETE", team, { confirm }),
  };
}
