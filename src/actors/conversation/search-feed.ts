/**
 * What the user actor's search is sent of the transcript. It says itself how far it has come, so nothing about it is
 * kept here beside the memory of the last answer: after a crash, an undo, or for a chat that is older than search, both
 * find the place up to which they agree and go on from there.
 */
import { limits } from "../../limits.ts";
import type { SearchMessage, SearchPlace, UserRpc } from "../../protocol/rpc.ts";
import { type Item, lastExchange } from "./items.ts";
import type { Log } from "./persistent.ts";
import { answerId, type State } from "./state.ts";

export class SearchFeed {
  readonly #thread: string;
  readonly #user: () => Pick<UserRpc, "indexThread" | "forgetThread">;
  /** What the index said last. */
  #known: SearchPlace | null = null;
  #erased = false;
  #erasures = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(thread: string, user: () => Pick<UserRpc, "indexThread" | "forgetThread">) {
    this.#thread = thread;
    this.#user = user;
  }

  /**
   * Resolves when search knows the transcript of this state. One call after the other: of two, the later state stays.
   * Rejects when the user actor could not be told; the next call makes up for it. `erasures`: when the state was looked at.
   */
  sync(state: State, erasures = this.#erasures): Promise<void> {
    const before = this.#running.catch(() => {}); // whoever asked for that one was told
    // A transcript of before an erasure holds what was erased: it is not sent any more.
    this.#running = before.then(() => (erasures === this.#erasures ? this.#sync(state.items) : undefined));
    return this.#running;
  }

  /** How many erasures there were in this life: to be asked for together with a state that is sent later. */
  get erasures(): number {
    return this.#erasures;
  }

  /** Texts were removed in place: what search has of the chat is purged with the next `sync`, and sent anew. */
  erased(): void {
    this.#erased = true;
    this.#erasures++;
  }

  async #sync(items: Log<Item>): Promise<void> {
    if (this.#erased) {
      await this.#user().forgetThread(this.#thread);
      this.#erased = false;
      this.#known = { count: 0, last: "" };
    }
    const end = placeAt(items, items.length);
    // What is new is nearly always the newest exchange.
    let from = this.#known ?? placeAt(items, lastExchange(items));
    if (!agrees(items, from)) from = placeAt(items, Math.min(from.count, lastExchange(items)));
    const erasures = this.#erasures;
    while (!same(this.#known, end) && erasures === this.#erasures) {
      const exchanges = exchangesFrom(items, from.count);
      const { matched, ...place } = await this.#user().indexThread({
        thread: this.#thread,
        places: [from],
        exchanges,
      });
      const next = matched ? place : await this.#agree(items, place);
      // Asked again, it would say the same again.
      if (same(next, from) && !same(next, end)) {
        throw new Error(`search does not take the chat past message ${next.count}`);
      }
      this.#known = next;
      from = next;
    }
  }

  /** The place up to which the index agrees with the transcript; what it has behind it is dropped. */
  async #agree(items: Log<Item>, place: SearchPlace): Promise<SearchPlace> {
    if (agrees(items, place)) return place;
    const { matched, ...agreed } = await this.#user().indexThread({
      thread: this.#thread,
      places: placesBelow(items, Math.min(place.count, items.length)),
      exchanges: [],
    });
    if (!matched) throw new Error("search knows no place of the chat, not even its beginning");
    return agreed;
  }
}

const same = (a: SearchPlace | null, b: SearchPlace): boolean => a?.count === b.count && a.last === b.last;

const agrees = (items: Log<Item>, place: SearchPlace): boolean =>
  place.count <= items.length && same(placeAt(items, place.count), place);

function placeAt(items: Log<Item>, count: number): SearchPlace {
  const item = items.at(count - 1);
  return { count, last: item ? idOf(item) : "" };
}

const idOf = (item: Item): string => (item.type === "user" ? item.message.id : answerId(item.turn.id));

/**
 * Places ever further apart, so that a few of them reach back to the beginning, which both sides know. Each is the end
 * of an exchange: where they agree there, nothing has to be taken apart.
 */
function placesBelow(items: Log<Item>, from: number): SearchPlace[] {
  const places: SearchPlace[] = [];
  let count = from;
  for (let step = 1; count > 0; step *= 2) {
    while (count > 0 && items.at(count - 1)?.type === "user") count--;
    if (count > 0) places.push(placeAt(items, count));
    count -= step;
  }
  return [...places, placeAt(items, 0)];
}

/** As much of the transcript from a position on as one call may carry. */
export function exchangesFrom(items: Log<Item>, from: number): SearchMessage[][] {
  const exchanges: SearchMessage[][] = [];
  let row: SearchMessage[] = [];
  let rowChars = 0;
  let chars = 0;
  const close = () => {
    if (row.length > 0) exchanges.push(row);
    row = [];
    rowChars = 0;
  };
  for (let i = from; i < items.length; i++) {
    const item = items.at(i);
    if (!item) break;
    const message = messageOf(item);
    if (rowChars + message.text.length > limits.searchRowChars) close();
    if (exchanges.length >= limits.searchPageExchanges || chars >= limits.searchPageChars) break;
    row.push(message);
    rowChars += message.text.length;
    chars += message.text.length;
    if (item.type === "turn") close();
  }
  close();
  return exchanges;
}

/** Every line has its place, also one without a word. */
function messageOf(item: Item): SearchMessage {
  const id = idOf(item);
  if (item.type === "user") {
    const said = item.message.parts.map((part) => {
      if (part.type === "text") return part.text;
      return part.type === "file" ? (part.filename ?? "") : "";
    });
    return { id, role: "user", at: item.at, text: clip(said.join("\n")) };
  }
  const { turn } = item;
  const said = turn.rounds.flatMap((round) =>
    round.parts.map((part) => (part.type === "text" ? part.text : "")),
  );
  return {
    id,
    role: "assistant",
    at: turn.startedAt ?? turn.acceptedAt,
    text: clip(said.filter((text) => text !== "").join("\n")),
  };
}

const clip = (text: string): string => text.slice(0, limits.searchTextChars).toWellFormed().trim();
