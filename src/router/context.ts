/** What handlers are given: the app's bindings, its outside world, and one admitted request. */
import type { Context } from "hono";
import type { Env, Settings } from "../env.ts";
import type { AgentAddress, Principal, Relation, Rights } from "../protocol/rpc.ts";
import type { Workspace } from "../tools/tool.ts";
import type { Decided } from "./audit.ts";
import type { Catalog } from "./catalog.ts";

/** The outside world of the router, handed in at the entry so that tests can set it. */
export interface RouterDeps {
  /** Milliseconds since the epoch. */
  now(): number;
  /** A new unique id. */
  id(): string;
  /** Random bytes. */
  random(bytes: number): Uint8Array;
  /** Calls back after so many milliseconds. */
  after(ms: number, run: () => void): void;
  /** Fetches from Access: its key set, and what it knows of a person. Nothing else. */
  fetchAccess: typeof fetch;
  /** The workspace under two prefixes, which the router makes from a user id that policy has admitted. */
  openWorkspace(options: {
    bucket: R2Bucket;
    files: string;
    versions: string;
    now: () => number;
    id: () => string;
  }): Workspace;
}

export type RouterEnv = {
  Bindings: Env;
  Variables: {
    /** Set by `admit`; unset on unguarded paths. */
    principal: Principal | undefined;
    /** The pattern of the route that was taken, for the log. */
    route: string | undefined;
    /** What policy was asked, and what it said. Set before anything follows from it. */
    decided: Decided | undefined;
  };
};
export type RouterContext = Context<RouterEnv>;

/** A request that Access and policy have let through. */
export interface Call {
  c: RouterContext;
  deps: RouterDeps;
  settings: Settings;
  catalog: Catalog;
  principal: Principal;
  /** Whose agent it is about; the principal's own where the route names none. */
  agent: AgentAddress;
  /** What the principal is to its owner. */
  relation: Relation;
  /** What policy lets the principal do in its conversations. */
  rights: Rights;
}

/** Whether the client asks for a WebSocket. */
export const isUpgrade = (request: Request): boolean =>
  request.method === "GET" && request.headers.get("Upgrade")?.toLowerCase() === "websocket";
