/** Whose agent is shown, and what the reader may do there. The server decides; this is for what is worth showing. */
import { z } from "zod";
import type { Relation } from "../../protocol/rpc.ts";
import { type MyTeam, myTeamSchema, TEAM_ROLES, type TeamInfo, teamSchema } from "../../protocol/teams.ts";
import type { Api, Me } from "./api.ts";
import { ApiError } from "./api.ts";
import type { Value } from "./value.ts";
import { watched } from "./value.ts";

export interface Whose {
  relation: Relation;
  /** Null for a person's agent. */
  team: TeamInfo | null;
}

/** What there is a way to on the page. */
export interface May {
  /** Talk, decide, and change chats and files. */
  write: boolean;
  /** Run the agent: its settings, keys, credentials, links, log; and erase. */
  run: boolean;
  /** Hold sockets: see what happens as it happens. */
  listen: boolean;
}

export const mayOf = (relation: Relation): May => ({
  write: relation === "self" || relation === "owner" || relation === "writer",
  run: relation === "self" || relation === "owner",
  listen: relation !== "stranger",
});

const infoSchema = z.object({ team: teamSchema, role: z.enum(TEAM_ROLES).nullable() });

/** Asked of the server: who is in a team is the team's own to say. */
export async function whoseAgent(api: Api, me: Me, handle: string): Promise<Whose> {
  if (handle === me.user.handle) return { relation: "self", team: null };
  try {
    const { team, role } = await api.get(`/api/teams/${encodeURIComponent(handle)}`, infoSchema);
    return { relation: role ?? "stranger", team };
  } catch (error) {
    // An administrator looks at what is another person's.
    if (error instanceof ApiError && error.code === "agent_unknown") {
      return { relation: "stranger", team: null };
    }
    throw error;
  }
}

const mineSchema = z.object({ teams: z.array(myTeamSchema) });

/** The teams that the reader is in. */
export interface MyTeams {
  /** `null` until loaded. */
  list: Value<readonly MyTeam[] | null>;
  load(): Promise<void>;
}

export function myTeams(api: Api): MyTeams {
  const list = watched<readonly MyTeam[] | null>(null);
  return {
    list,
    load: async () => list.set((await api.get("/api/teams", mineSchema)).teams),
  };
}
