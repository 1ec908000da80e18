/** The recall as the actor runs it: over its own purse, asking its own conversations. */
import { conversationStub, type Env, settingsOf } from "../../env.ts";
import { conversationName } from "../../names.ts";
import type { UserPurse } from "./purse.ts";
import { Recall, type RecallOptions } from "./recall.ts";

export function openRecall(
  env: Env,
  ownerId: string,
  purse: UserPurse,
  shell: Pick<RecallOptions, "now" | "after" | "failed">,
): Recall {
  return new Recall({
    ...shell,
    books: purse.books(() => settingsOf(env).spending, shell.now),
    ask: (thread, lease) => conversationStub(env, conversationName(ownerId, thread)).returnLease(lease),
  });
}
