/** What a program says was said before, elsewhere, as lines of the transcript in front of its question. Pure. */
import type { SaidBefore } from "./entries.ts";
import type { ItemContent } from "./items.ts";
import { newTurn, type Turn } from "./turn-state.ts";

/** Ids are made from the turn's own, so that each fold makes the same ones. */
export function historyItems(turn: Turn, said: readonly SaidBefore[]): ItemContent[] {
  return said.map(({ role, parts }, i): ItemContent => {
    const id = `${turn.id}.${i}`;
    const { sender, source, acceptedAt: at } = turn;
    if (role === "user")
      return { type: "user", message: { id: `m_${id}`, parts }, sender, at, turn: id, source };
    return { type: "turn", turn: answered(turn, id, parts) };
  });
}

/** A turn that is over, with one answer. No model of ours gave it, and it cost nothing here. */
function answered(turn: Turn, id: string, parts: SaidBefore["parts"]): Turn {
  const { sender, source, acceptedAt: at } = turn;
  const empty = newTurn({ kind: "input", at, turn: id, request: id, keys: [], source, sender, messages: [] });
  const said = parts.flatMap((part) =>
    part.type === "text" ? [{ type: "text" as const, text: part.text }] : [],
  );
  const round = { round: 0, parts: said, model: "", partial: false, tools: [], asks: [] };
  return { ...empty, startedAt: at, rounds: [round], outcome: "completed" };
}
