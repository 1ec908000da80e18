/** From a planned call to its journal entries and the request itself. Pure: replay makes the same ones again. */
import type { LanguageModelV4FunctionTool } from "@ai-sdk/provider";
import { limits } from "../../limits.ts";
import type { ModelRequest } from "../../model/port.ts";
import { sha256 } from "./chain.ts";
import type { CallEntry, Entry } from "./entries.ts";
import { systemPrompt, type Window, windowOf } from "./memory.ts";
import type { Step } from "./plan.ts";
import type { TurnSettings } from "./ports.ts";
import { reduce, type State } from "./state.ts";

/**
 * The call's entry, with notes of the texts that its hashes name where the journal does not have them yet.
 * `at` in milliseconds; `tools` is what the model may use, in a stable order.
 */
export function buildCall(
  step: Extract<Step, { type: "call" }>,
  draft: State,
  settings: TurnSettings,
  tools: readonly LanguageModelV4FunctionTool[],
  at: number,
): { entries: Entry[]; request: ModelRequest } {
  const asker =
    (draft.active ?? draft.waiting.find((turn) => turn.id === step.turn))?.sender.name ?? "the user";
  const system = systemPrompt(settings.agent, asker, at);
  const offered = step.withTools ? [...tools] : [];
  const toolText = JSON.stringify(offered);
  const call: CallEntry = {
    kind: "call",
    at,
    turn: step.turn,
    round: step.round,
    attempt: step.attempt,
    model: settings.model,
    fingerprint: "",
    prompt: sha256(system),
    tools: sha256(toolText),
    maxOutputTokens: limits.maxOutputTokens,
    windowTokens: limits.windowTokens,
    reservationMicros: 0,
  };
  // The window is that of the state in which the turn has begun.
  const window = windowOf(reduce(draft, call), call.windowTokens);
  call.fingerprint = fingerprintOf(call, window);
  const entries: Entry[] = [];
  if (!draft.noted.get(call.prompt)) {
    entries.push({ kind: "note", at, topic: "prompt", hash: call.prompt, text: system });
  }
  if (!draft.noted.get(call.tools)) {
    entries.push({ kind: "note", at, topic: "tools", hash: call.tools, text: toolText });
  }
  entries.push(call);
  return {
    entries,
    request: {
      model: settings.model,
      system,
      messages: window.messages,
      tools: offered,
      maxOutputTokens: limits.maxOutputTokens,
      metadata: { user: settings.userId, thread: settings.thread, turn: step.turn },
    },
  };
}

/** What a request is known by: the window, chained message by message, and everything else that the model is given. */
export function fingerprintOf(call: CallEntry, window: Window): string {
  return sha256(JSON.stringify([window.hash, call.model, call.prompt, call.tools, call.maxOutputTokens]));
}
