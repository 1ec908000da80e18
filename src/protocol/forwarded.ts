/**
 * How the router hands a request to an actor: a fresh request to a fixed host, with only the headers of this file.
 * An actor believes these headers because nothing but the router can reach it.
 */
import { z } from "zod";
import type { AgentAddress, Principal, Relation, Rights } from "./rpc.ts";
import { TEAM_ROLES } from "./teams.ts";

export const PRINCIPAL_HEADER = "x-holdfast-principal";
export const ADDRESS_HEADER = "x-holdfast-agent";
export const RIGHTS_HEADER = "x-holdfast-rights";
export const RELATION_HEADER = "x-holdfast-relation";
/** Set by a conversation on its own way to the socket: the number of the arrival at its team. */
export const ARRIVAL_HEADER = "x-holdfast-arrival";

export const ALL_RIGHTS: Rights = { write: true, decide: true };

/** Query keys that survive the hand-over. `_pk`: connection id, never an identity. `client`: whose frames to speak. */
export const FORWARDED_QUERY = ["_pk", "client", "before", "until", "limit"] as const;

/** Paths at an actor. */
export const ACTOR_PATHS = {
  socket: "/socket",
  messages: "/get-messages",
  journal: "/journal",
  transcript: "/transcript.md",
  import: "/import",
  ask: "/ask",
  feed: "/feed",
} as const;

// JSON with every non-ASCII character escaped: header values are Latin-1.
const asHeader = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

export interface Forwarded {
  principal: Principal;
  agent: AgentAddress;
  rights: Rights;
  /** What the principal was to the owner when the router asked. */
  relation?: Relation;
}

export function forwardedHeaders({
  principal,
  agent,
  rights,
  relation = "self",
}: Forwarded): Record<string, string> {
  return {
    [RELATION_HEADER]: relation,
    [PRINCIPAL_HEADER]: asHeader(principal),
    [ADDRESS_HEADER]: asHeader(agent),
    [RIGHTS_HEADER]: asHeader(rights),
  };
}

const relations = z.enum(["self", ...TEAM_ROLES, "stranger"]);

/** Throws when the headers are missing: then the request did not come from the router. */
export function forwardedFrom(headers: Headers): Forwarded {
  const principal = headers.get(PRINCIPAL_HEADER);
  const agent = headers.get(ADDRESS_HEADER);
  const rights = headers.get(RIGHTS_HEADER);
  if (!principal || !agent || !rights) throw new Error("The request did not come through the router.");
  return {
    principal: JSON.parse(principal),
    agent: JSON.parse(agent),
    rights: JSON.parse(rights),
    relation: relations.parse(headers.get(RELATION_HEADER)),
  };
}
