/** Changes that are made elsewhere than in the actor of the owner are written down there before they are made. */
import { userStub } from "../env.ts";
import { senderOf } from "../protocol/sender.ts";
import type { Call } from "./context.ts";

/**
 * Resolves when it is in the agent's log; rejects when it is not, and then nothing may be done. A record may be of
 * something that failed afterwards, and is never missing of something that was done.
 */
export const recorded = (call: Call, kind: string, detail: Record<string, unknown>): Promise<void> =>
  userStub(call.c.env, call.agent.ownerId).log.record(senderOf(call.principal), kind, detail);
