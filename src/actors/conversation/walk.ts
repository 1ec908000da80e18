/** The whole transcript, message by message, so that no conversation is too long to be read to its end. Pure. */
import type { ChatMessage } from "../../protocol/message.ts";
import { isErased } from "./items.ts";
import { Log } from "./persistent.ts";
import type { State } from "./state.ts";
import { messageIn, transcript, viewOf } from "./transcript.ts";

/** The same messages as `transcript` without a limit, oldest first. */
export function* eachMessage(state: State): Generator<ChatMessage> {
  for (let i = 0; i < state.items.length; i++) {
    const item = state.items.at(i);
    if (!item || isErased(item)) continue;
    // A message that joined the running turn says whether it was read.
    const joined = item.type === "user" && item.joined !== undefined && item.joined === state.active?.id;
    const message = (joined ? messageIn(state, item.message.id) : null) ?? viewOf(item);
    if (message.parts.length > 0 || message.metadata?.outcome) yield message;
  }
  yield* transcript({ ...state, items: Log.empty }, { limit: Number.POSITIVE_INFINITY });
}
