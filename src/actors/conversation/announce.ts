/**
 * What the conversation tells its user actor: that it works, that it is done, which files changed. The news that a
 * turn ended is owed; the wake is let go only after it was taken, so it needs no row of its own.
 */
import { limits } from "../../limits.ts";
import { isProgramThread } from "../../names.ts";
import type { ChangeRow, ChangesUpdate } from "../../protocol/log.ts";
import type { ThreadUpdate, UserRpc } from "../../protocol/rpc.ts";
import { changeOf, changesOf } from "./changes.ts";
import type { Entry } from "./entries.ts";
import { parseEntry } from "./export.ts";
import { isErased } from "./items.ts";
import type { Journal } from "./journal.ts";
import { statementOf } from "./purse.ts";
import { SearchFeed } from "./search-feed.ts";
import type { Item, State, Turn } from "./state.ts";

const PREVIEW_CHARS = 140;
const TITLE_CHARS = 60;

export class Announcer {
  readonly #thread: string;
  readonly #user: () => UserRpc;
  readonly #journal: () => Pick<Journal, "lines">;
  /** What is said here is found by the user's search. */
  readonly search: SearchFeed;
  /** The newest sequence number that the user actor took. */
  #told = 0;
  /** What changed something and was not handed over yet: all behind the entry `after`. Null while nobody knows. */
  #changes: ChangesUpdate | null = null;
  /** The turn whose tokens were counted with it. */
  #countedTurn = "";
  readonly #after: (ms: number, run: () => void) => () => void;
  /** Takes back what is about to be told. */
  #cancelWorking: () => void = () => {};

  constructor(
    thread: string,
    user: () => UserRpc,
    journal: () => Pick<Journal, "lines">,
    after: (ms: number, run: () => void) => () => void,
  ) {
    this.#thread = thread;
    this.#after = after;
    this.#user = user;
    this.#journal = journal;
    this.search = new SearchFeed(thread, user);
  }

  /**
   * A turn was accepted. The list learns of it unless the turn is over by then: the model is asked first, and a quick
   * answer is told once. `state`: as it is when the time has come.
   */
  accepted(turn: string, state: () => State, now: () => number): void {
    this.#cancelWorking();
    this.#cancelWorking = this.#after(limits.feedAfterMs, () => {
      const known = [state().active, ...state().waiting].find((one) => one?.id === turn);
      if (known?.outcome === null) this.#working(state(), known, now());
    });
  }

  /** Shown on the feed, not stored. Failures do not matter: `settled` follows. */
  #working(state: State, turn: Turn, at: number): void {
    this.#cancelWorking();
    const said = textOf(turn.messages.flatMap((message) => message.parts));
    const status = waitsForPerson(state) ? "asking" : "working";
    void this.#tell(state, { status, preview: said, at, transient: true, turn: null });
  }

  /** What changed something is kept until it is handed over. Somebody decided: the list, which shows that the chat asks, learns at once that it goes on. */
  committed(entries: readonly Entry[], state: State, at: number): void {
    const first = state.seq - entries.length + 1;
    this.#changes ??= { after: first - 1, rows: [] };
    this.#changes.rows.push(...changesOf(entries, first));
    if (state.active && entries.some((entry) => entry.kind === "decide")) {
      this.#working(state, state.active, at);
    }
  }

  /** Throws when the user actor could not be told. */
  async settled(state: State): Promise<void> {
    if (state.seq === 0) return;
    if (state.active === null && state.waiting.length === 0) this.#cancelWorking();
    const { erasures } = this.search; // as of this state: telling the end takes a while
    if (state.seq !== this.#told) await this.#tellEnd(state);
    // Nobody looks for what a program said.
    if (!isProgramThread(this.#thread)) await this.search.sync(state, erasures);
  }

  async #tellEnd(state: State): Promise<void> {
    const last = lastTurn(state);
    const changes = { after: this.#changes?.after ?? state.seq, rows: [...(this.#changes?.rows ?? [])] };
    const news = {
      status: waitsForPerson(state) ? "asking" : last?.outcome === "failed" ? "failed" : "idle",
      preview: previewOf(state),
      at: state.at,
      transient: false,
      turn: last && last.id !== this.#countedTurn ? last : null,
    } as const;
    const known = await this.#tell(state, { ...news, changes });
    // After a crash, or of a copy: it lacks what an earlier life, or another chat, wrote.
    if (known !== null) {
      await this.#tell(state, {
        ...news,
        changes: { after: known, rows: this.#changesSince(known, state.seq) },
      });
    }
    this.#told = state.seq;
    const later = this.#changes?.rows.filter(({ seq }) => seq > state.seq) ?? [];
    this.#changes = { after: state.seq, rows: later };
    this.#countedTurn = last?.id ?? "";
  }

  /** From the journal itself. What was copied from another one is that one's. */
  #changesSince(after: number, until: number): ChangeRow[] {
    let rows: ChangeRow[] = [];
    for (const line of this.#journal().lines(until, after)) {
      if (line.kind === "fork") rows = [];
      const row = changeOf(parseEntry(line), line.seq);
      if (row) rows.push(row);
    }
    return rows;
  }

  async files(paths: string[]): Promise<void> {
    await this.#user()
      .filesChanged(paths)
      .catch((error) => console.error("open file panels could not be told", error));
  }

  async #tell(
    state: State,
    news: Pick<ThreadUpdate, "status" | "preview" | "at" | "transient" | "changes"> & { turn: Turn | null },
  ): Promise<number | null> {
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
    return told.catch((error) => {
      console.error("the feed could not be told", error);
      return null;
    });
  }
}

const waitsForPerson = (state: State): boolean =>
  state.active?.rounds.at(-1)?.asks.some((ask) => ask.decision === null) === true;

function lastTurn(state: State): Turn | null {
  for (let i = state.items.length - 1; i >= 0; i--) {
    const item = state.items.at(i);
    if (item?.type === "turn" && !item.turn.erased) return item.turn;
  }
  return null;
}

/** The title that the first message suggests. */
export function titleOf(state: State): string {
  let at = 0;
  for (let item = state.items.at(0); item && (isErased(item) || item.type === "turn"); )
    item = state.items.at(++at);
  const first: Item | undefined = state.items.at(at);
  const message = first?.type === "user" ? first.message : (state.active ?? state.waiting[0])?.messages[0];
  return titleFrom(message?.parts ?? []);
}

/** The title that a message suggests. */
export const titleFrom = (parts: Parameters<typeof textOf>[0]): string => shorten(textOf(parts), TITLE_CHARS);

/** The beginning of the newest answer. */
export function previewOf(state: State): string {
  const last = lastTurn(state);
  const parts = last?.rounds.flatMap((round) => round.parts) ?? [];
  const said = parts.map((part) => (part.type === "text" ? part.text : "")).join(" ");
  return shorten(said || last?.error?.message || "", PREVIEW_CHARS);
}

const textOf = (parts: readonly { type: string; text?: unknown }[]): string =>
  parts.map((part) => (typeof part.text === "string" ? part.text : "")).join(" ");

function shorten(text: string, chars: number): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= chars ? line : `${line.slice(0, chars - 1).trimEnd()}…`;
}
