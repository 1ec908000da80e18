/** The transcript's lines, as the fold keeps them. Pure. */
import type { Sender, StoredMessage } from "./entries.ts";
import type { Log } from "./persistent.ts";
import { type Turn, turnWeight } from "./turn-state.ts";

/** One line of the transcript: what a person sent, or what the agent answered. */
export type Item = ItemContent & {
  /** Characters that a model would have to read of this item, and of all items before it. */
  weight: number;
  before: number;
};

export type ItemContent =
  | {
      type: "user";
      message: StoredMessage;
      sender: Sender;
      at: number;
      turn: string;
      source: string;
      /** The turn that it joined while that ran: a model reads it inside the turn. */
      joined?: string;
    }
  | { type: "turn"; turn: Turn };

export function pushItem(items: Log<Item>, content: ItemContent): Log<Item> {
  const last = items.at(items.length - 1);
  const weight = content.type === "user" ? messageWeight(content.message) : turnWeight(content.turn);
  return items.push({ ...content, weight, before: last ? last.before + last.weight : 0 });
}

/** Nothing of it is shown, read by a model or searched; it only keeps the place of what was erased. */
export const isErased = (item: Item): boolean =>
  item.type === "user" ? item.message.erased !== undefined : item.turn.erased === true;

function messageWeight(message: StoredMessage): number {
  return message.parts.reduce((sum, part) => sum + (part.type === "text" ? part.text.length : 100), 20);
}

/** Characters of all items. */
export function weightOf(items: Log<Item>): number {
  const last = items.at(items.length - 1);
  return last ? last.before + last.weight : 0;
}

/** Where the newest exchange begins: its question, or questions. */
export function lastExchange(items: Log<Item>): number {
  let start = items.length;
  if (items.at(start - 1)?.type === "turn") start--;
  while (start > 0 && items.at(start - 1)?.type === "user") start--;
  return start;
}
