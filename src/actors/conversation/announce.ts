/**
 * What the conversation tells its user actor: that it works, that it is done, which files changed. The news that a
 * turn ended is owed; the wake is let go only after it was taken, so it needs no row of its own.
 */
import type { ThreadUpdate, UserRpc } from "../../protocol/rpc.ts";
import type { Entry } from "./entries.ts";
import { statementOf } from "./purse.ts";
import { SearchFeed } from "./search-feed.ts";
import type { Item, State, Turn } from "./state.ts";

const PREVIEW_CHARS = 140;
const TITLE_CHARS = 60;

export class Announcer {
  readonly #thread: string;
  readonly #user: () => UserRpc;
  /** What is said here is found by the user's search. */
  readonly search: SearchFeed;
  /** The newest sequence number that the user actor took. */
  #told = 0;
  /** The turn whose tokens were counted with it. */
  #countedTurn = "";

  constructor(thread: string, user: () => UserRpc) {
    this.#thread = thread;
    this.#user = user;
    this.search = new SearchFeed(thread, user);
  }

  /** A turn began: shown on the feed at once, not stored. Failures do not matter: `settled` follows. */
  working(state: State, turn: Turn, at: number): void {
    const said = textOf(turn.messages.flatMap((message) => message.parts));
    const status = waitsForPerson(state) ? "asking" : "working";
    void this.#tell(state, { status, preview: said, at, transient: true, turn: null });
  }

  /** Somebody decided: the list, which shows that the chat asks, learns at once that it goes on. */
  committed(entries: readonly Entry[], state: State, at: number): void {
    if (state.active && entries.some((entry) => entry.kind === "decide")) {
      this.working(state, state.active, at);
    }
  }

  /** Throws when the user actor could not be told. */
  async settled(state: State): Promise<void> {
    if (state.seq === 0) return;
    if (state.seq !== this.#told) await this.#tellEnd(state);
    await this.search.sync(state);
  }

  async #tellEnd(state: State): Promise<void> {
    const last = lastTurn(state);
    const parts = last?.rounds.flatMap((round) => round.parts) ?? [];
    const said = parts.map((part) => (part.type === "text" ? part.text : "")).join(" ");
    await this.#tell(state, {
      status: waitsForPerson(state) ? "asking" : last?.outcome === "failed" ? "failed" : "idle",
      preview: said || last?.error?.message || "",
      at: state.at,
      transient: false,
      turn: last && last.id !== this.#countedTurn ? last : null,
    });
    this.#told = state.seq;
    this.#countedTurn = last?.id ?? "";
  }

  async files(paths: string[]): Promise<void> {
    await this.#user()
      .filesChanged(paths)
      .catch((error) => console.error("open file panels could not be told", error));
  }

  async #tell(
    state: State,
    news: Pick<ThreadUpdate, "status" | "preview" | "at" | "transient"> & { turn: Turn | null },
  ): Promise<void> {
    const { turn, ...rest } = news;
    const update: ThreadUpdate = {
      ...rest,
      thread: this.#thread,
      seq: state.seq,
      suggestedTitle: titleOf(state),
      preview: shorten(news.preview, PREVIEW_CHARS),
      inputTokens: turn?.usage.inputTokens ?? 0,
      outputTokens: turn?.usage.outputTokens ?? 0,
      ...(!news.transient && state.purse.lease > 0 && { purse: statementOf(state.purse, state.seq) }),
    };
    const told = this.#user().threadChanged(update);
    if (!news.transient) return told;
    await told.catch((error) => console.error("the feed could not be told", error));
  }
}

const waitsForPerson = (state: State): boolean =>
  state.active?.rounds.at(-1)?.asks.some((ask) => ask.decision === null) === true;

function lastTurn(state: State): Turn | null {
  for (let i = state.items.length - 1; i >= 0; i--) {
    const item = state.items.at(i);
    if (item?.type === "turn") return item.turn;
  }
  return null;
}

function titleOf(state: State): string {
  const first: Item | undefined = state.items.at(0);
  const message = first?.type === "user" ? first.message : (state.active ?? state.waiting[0])?.messages[0];
  return shorten(textOf(message?.parts ?? []), TITLE_CHARS);
}

const textOf = (parts: readonly { type: string; text?: unknown }[]): string =>
  parts.map((part) => (typeof part.text === "string" ? part.text : "")).join(" ");

function shorten(text: string, chars: number): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= chars ? line : `${line.slice(0, chars - 1).trimEnd()}…`;
}
