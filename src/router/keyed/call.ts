/** What handlers for programs are given: one request with a key that policy has let through. */

import type { Settings } from "../../env.ts";
import type { AgentAddress, Principal } from "../../protocol/rpc.ts";
import type { RouterContext, RouterDeps } from "../context.ts";
import type { Action } from "../policy.ts";

export interface KeyedCall {
  c: RouterContext;
  deps: RouterDeps;
  settings: Settings;
  principal: Principal;
  agent: AgentAddress;
  keyId: string;
  /** The one chat that the key is for; null for one that may name any. */
  keyThread: string | null;
}

export interface KeyedRoute {
  method: "GET" | "POST" | "DELETE";
  /** Below `/keyed/:handle/v1`. */
  path: string;
  action: Action;
  run(call: KeyedCall): Response | Promise<Response>;
}
