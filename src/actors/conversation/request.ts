/** From a planned call to its journal entries and the request itself. Pure: replay makes the same ones again. */
import type { LanguageModelV4FunctionTool } from "@ai-sdk/provider";
import { limits } from "../../limits.ts";
import type { ModelRequest } from "../../model/port.ts";
import { isTeamId } from "../../names.ts";
import { sha256 } from "../chain.ts";
import type { CallEntry, Entry } from "./entries.ts";
import { type AskingProgram, systemPrompt, type Window, windowOf } from "./memory.ts";
import type { Step } from "./plan.ts";
import type { TurnPorts, TurnSettings } from "./ports.ts";
import { reduce, type State, type Turn } from "./state.ts";

/** A call that is ready to be made, or what has to happen instead. */
export type BuiltCall =
  | { type: "call"; entries: Entry[]; request: ModelRequest }
  | { type: "lease"; request: ModelRequest }
  | { type: "refused"; error: { code: string; message: string } };

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
  reserve: TurnPorts["reserve"],
): BuiltCall {
  const turn = draft.active ?? draft.waiting.find((waiting) => waiting.id === step.turn);
  const asker = turn?.sender.name ?? "the user";
  const system = systemPrompt(settings.agent, asker, at, {
    program: turn ? programOf(turn) : undefined,
    team: isTeamId(settings.userId),
  });
  const most = Math.min(limits.maxOutputTokens, turn?.maxOutputTokens ?? limits.maxOutputTokens);
  const offered = step.withTools ? tools : NO_TOOLS;
  const { text: toolText, hash: toolHash } = written(offered);
  const call: CallEntry = {
    kind: "call",
    at,
    turn: step.turn,
    round: step.round,
    attempt: step.attempt,
    model: settings.model,
    fingerprint: "",
    prompt: sha256(system),
    tools: toolHash,
    maxOutputTokens: most,
    windowTokens: limits.windowTokens,
    reservationMicros: 0,
  };
  // The window is that of the state in which the turn has begun.
  const window = windowOf(reduce(draft, call), call.windowTokens);
  const request: ModelRequest = {
    model: settings.model,
    system,
    messages: window.messages,
    tools: [...offered],
    maxOutputTokens: most,
    metadata: { user: settings.userId, thread: settings.thread, turn: step.turn },
  };
  const reserved = reserve(draft, request);
  if (!reserved.ok) {
    return reserved.needs === "lease"
      ? { type: "lease", request }
      : { type: "refused", error: reserved.error };
  }
  // A purse that is nearly empty pays for a shorter answer.
  call.maxOutputTokens = reserved.maxOutputTokens;
  call.reservationMicros = reserved.micros;
  if (reserved.tokens !== undefined) call.reservationTokens = reserved.tokens;
  call.fingerprint = fingerprintOf(call, window);
  const entries: Entry[] = [];
  if (!draft.noted.get(call.prompt)) {
    entries.push({ kind: "note", at, topic: "prompt", hash: call.prompt, text: system });
  }
  if (!draft.noted.get(call.tools)) {
    entries.push({ kind: "note", at, topic: "tools", hash: call.tools, text: toolText });
  }
  entries.push(call);
  return { type: "call", entries, request: { ...request, maxOutputTokens: call.maxOutputTokens } };
}

const NO_TOOLS: readonly LanguageModelV4FunctionTool[] = [];

const writtenLists = new WeakMap<readonly LanguageModelV4FunctionTool[], { text: string; hash: string }>();

/** A list of tools as JSON, and its hash. */
function written(tools: readonly LanguageModelV4FunctionTool[]): { text: string; hash: string } {
  const known = writtenLists.get(tools);
  if (known) return known;
  const text = JSON.stringify(tools);
  const made = { text, hash: sha256(text) };
  writtenLists.set(tools, made);
  return made;
}

/** What asks on behalf of the owner, if it is no person. */
const programOf = ({ sender: { kind }, instructions = "" }: Turn): AskingProgram | undefined =>
  kind === "key" || kind === "hook" ? { kind, instructions } : undefined;

/** What every other step has to have written before it is taken. */
export function plannedEntries(step: Step, ports: Pick<TurnPorts, "tools" | "toolKey">, at: number): Entry[] {
  switch (step.type) {
    case "tools":
      return step.calls
        .filter((call) => !call.known)
        .map((call) => ({
          kind: "intent",
          at,
          turn: step.turn,
          round: step.round,
          id: call.id,
          name: call.name,
          input: call.input,
          replay: ports.tools.replay(call.name),
          key: ports.toolKey(call.id),
        }));
    case "ask": {
      const { turn, round } = step;
      const expiresAt = at + limits.approvalMs;
      return step.calls.map(({ id, name, input }) => ({
        kind: "ask",
        at,
        turn,
        round,
        id,
        name,
        input,
        expiresAt,
      }));
    }
    case "expire":
      return step.asks.map((ask) => ({ kind: "expire", at, turn: step.turn, id: ask.id }));
    case "refuse":
      return step.calls.map(({ id, error }) => ({ kind: "result", at, turn: step.turn, id, error }));
    case "interrupt":
      return step.tools.map((tool) => ({
        kind: "result",
        at,
        turn: step.turn,
        id: tool.id,
        interrupted: true,
      }));
    case "end":
      return step.outcome === "failed"
        ? [{ kind: "end", at, turn: step.turn, outcome: "failed", error: step.error }]
        : [{ kind: "end", at, turn: step.turn, outcome: "completed" }];
    default:
      return [];
  }
}

/** What a request is known by: the window, chained message by message, and everything else that the model is given. */
export function fingerprintOf(call: CallEntry, window: Window): string {
  return sha256(JSON.stringify([window.hash, call.model, call.prompt, call.tools, call.maxOutputTokens]));
}
