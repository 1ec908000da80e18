/**
 * Where a message or an answer is on the transcript, however long that is: items in memory are looked at one by one,
 * stored ones are found through the index that checkpoints keep. Pure.
 */
import type { Item } from "./items.ts";
import type { Log } from "./persistent.ts";

/** What an item is looked up by: see `findUserMessage` and `findTurnItem`. */
export const itemName = (item: Item): string =>
  item.type === "user" ? userName(item.message.id) : turnName(item.turn.id);
const userName = (message: string): string => `u:${message}`;
const turnName = (turn: string): string => `t:${turn}`;

/**
 * Index of a user message on the transcript, newest first; -1 when it is not there.
 * Loads the filters once, then a page and a chunk at most.
 */
export const findUserMessage = (items: Log<Item>, id: string): number =>
  items.find(userName(id), (item) => item.type === "user" && item.message.id === id);

/**
 * Index of a turn's answer on the transcript, newest first; -1 when it is not there.
 * Loads the filters once, then a page and a chunk at most.
 */
export const findTurnItem = (items: Log<Item>, id: string): number =>
  items.find(turnName(id), (item) => item.type === "turn" && item.turn.id === id);
