/** Money for the drive: the conversation's purse over the user actor, the settings and the gateway of a deployment. */
import { type Env, settingsOf, userStub } from "../../env.ts";
import type { ModelRequest } from "../../model/port.ts";
import { providersAt } from "../../model/providers.ts";
import type { Usage } from "../../protocol/message.ts";
import type { LeaseEntry, ReleaseEntry } from "./entries.ts";
import type { Purse, Reserve } from "./purse.ts";
import { ConversationPurse, quoteOf } from "./purse-port.ts";

/** What of the conversation's state is about money. */
export interface MoneyState {
  purse: Purse;
  seq: number;
}

export interface MoneyPorts {
  reserve(state: Pick<MoneyState, "purse">, request: ModelRequest): Reserve;
  lease(request: ModelRequest): Promise<LeaseEntry | ReleaseEntry | null>;
  price(model: string, usage: Usage, answeredBy?: string): number;
}

/** `state`: as it is committed. Settings are read when money is first asked for, so that a chat can be shown without. */
export function moneyPorts(
  env: Env,
  where: { ownerId: string; thread: string },
  state: () => MoneyState,
  now: () => number,
): MoneyPorts {
  const purse = new ConversationPurse({
    thread: where.thread,
    spending: () => settingsOf(env).spending,
    get providers() {
      return providersAt(settingsOf(env).gatewayUrl, now);
    },
    purse: state, // it has both
    now,
    ask: (request) => userStub(env, where.ownerId).lease(request),
  });
  return {
    reserve: (draft, request) => purse.reserve(draft.purse, quoteOf(request), now()),
    lease: (request) => purse.lease(quoteOf(request)),
    price: (model, usage, answeredBy) => purse.price(model, usage, answeredBy),
  };
}
