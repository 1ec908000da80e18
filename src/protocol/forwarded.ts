/**
 * How the router hands a request to an actor: a fresh request to a fixed host, with only the headers of this file.
 * An actor believes these headers because nothing but the router can reach it.
 */
import type { AgentAddress, Principal } from "./rpc.ts";

export const PRINCIPAL_HEADER = "x-holdfast-principal";
export const ADDRESS_HEADER = "x-holdfast-agent";

/** Query keys that survive the hand-over. `_pk`: connection id, never an identity. `client`: whose frames to speak. */
export const FORWARDED_QUERY = ["_pk", "client", "before", "limit"] as const;

/** Paths at an actor. */
export const ACTOR_PATHS = {
  socket: "/socket",
  messages: "/get-messages",
  journal: "/journal",
  transcript: "/transcript.md",
  import: "/import",
  feed: "/feed",
} as const;

// JSON with every non-ASCII character escaped: header values are Latin-1.
const asHeader = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

export function forwardedHeaders(principal: Principal, agent: AgentAddress): Record<string, string> {
  return { [PRINCIPAL_HEADER]: asHeader(principal), [ADDRESS_HEADER]: asHeader(agent) };
}

/** Throws when the headers are missing: then the request did not come from the router. */
export function forwardedFrom(headers: Headers): { principal: Principal; agent: AgentAddress } {
  const principal = headers.get(PRINCIPAL_HEADER);
  const agent = headers.get(ADDRESS_HEADER);
  if (!principal || !agent) throw new Error("The request did not come through the router.");
  return { principal: JSON.parse(principal), agent: JSON.parse(agent) };
}
