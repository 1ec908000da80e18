/** Taking back the newest exchange: what leaves the transcript, and what of it stays in the world. Pure. */
import type { RemainingEffect, Undone } from "../../protocol/rpc.ts";
import type { Sender, UndoEntry } from "./entries.ts";
import { isErased, lastExchange } from "./items.ts";
import { answerId, reduce, type State, type ToolRun, type Turn } from "./state.ts";

/** What a tool call leaves behind, in words; null for one that only looked. */
export type EffectOf = (name: string, input: string) => { what: string; remedy?: string } | null;

/** Null when there is nothing to take back. */
export function undoneBy(state: State, effectOf: EffectOf): Undone | null {
  const items = state.items.slice(lastExchange(state.items));
  if (items.length === 0) return null;
  const texts: string[] = [];
  const messageIds: string[] = [];
  const effects: RemainingEffect[] = [];
  for (const item of items) {
    if (item.type === "turn") {
      messageIds.push(answerId(item.turn.id));
      effects.push(...effectsOf(item.turn, effectOf));
      continue;
    }
    messageIds.push(item.message.id);
    const said = item.message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
    if (said) texts.push(said);
  }
  return { text: texts.join("\n\n"), messageIds, effects };
}

/**
 * What takes the newest exchange back that a person sees, and what that was. Erased ones behind it are on the transcript
 * for the fold alone, and go along.
 */
export function undo(
  state: State,
  by: Sender,
  at: number,
  effectOf: EffectOf,
): { entries: UndoEntry[]; undone: Undone | null } {
  const entry: UndoEntry = { kind: "undo", at, scope: "last", by };
  const entries = [entry];
  let shown = state;
  while (endsErased(shown)) {
    shown = reduce(shown, entry);
    entries.push(entry);
  }
  return { entries, undone: undoneBy(shown, effectOf) };
}

/** Whether the newest exchange is only the place of what was erased. */
function endsErased(state: State): boolean {
  const items = state.items.slice(lastExchange(state.items));
  return items.length > 0 && items.every(isErased);
}

function effectsOf(turn: Turn, effectOf: EffectOf): RemainingEffect[] {
  const runs: ToolRun[] = turn.rounds.flatMap((round) => round.tools);
  return runs.flatMap((run): RemainingEffect[] => {
    // A call that failed or was refused did nothing that anyone knows of; one that was cut off may have.
    if (!run.result || run.result.error) return [];
    const effect = effectOf(run.name, run.input);
    return effect ? [{ tool: run.name, certain: run.result.interrupted !== true, ...effect }] : [];
  });
}
