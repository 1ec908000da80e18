/** Where a fork is cut off from its conversation, and the pages up to there. */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { EntryKind, StoredMessage } from "./entries.ts";
import { type ExportLine, parseEntry } from "./export.ts";
import type { Journal } from "./journal.ts";
import { answerId, findTurn, findUserMessage, type State, type Turn } from "./state.ts";

export interface Cut {
  /** The newest entry that is copied; 0 for none. */
  seq: number;
  /** The text of the user message at which the fork was made. */
  draft?: string;
}

type Reader = Pick<Journal, "rows" | "lines">;

/**
 * At an answer: everything up to the end of its turn. At a user message: everything before it, with its text as the
 * draft. Without a message: all ended turns. Throws `not_found`, or `bad_request` for an answer that is not finished.
 */
export function cutOf(journal: Reader, state: State, message?: string): Cut {
  if (message === undefined) return { seq: endedUntil(journal, state) };
  const { items } = state;
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items.at(i);
    if (item?.type !== "turn" || answerId(item.turn.id) !== message) continue;
    return { seq: newest(places(journal, state, { ends: endedBy(state, i) }).ends) };
  }
  const asked = findUserMessage(items, message);
  const item = items.at(asked);
  if (item?.type === "user") {
    return beforeMessage(journal, state, item.message, findTurn(state, item.turn), asked);
  }
  for (const turn of state.waiting) {
    const waits = turn.messages.find((one) => one.id === message);
    if (waits) return beforeMessage(journal, state, waits, turn, items.length);
  }
  if (state.active && answerId(state.active.id) === message) {
    throw new AppError(
      "bad_request",
      "That answer is not finished. Stop it or wait for its end, and fork then.",
    );
  }
  throw new AppError("not_found", "That message is not in this chat any more.");
}

/** Everything, or while a turn runs everything before it began: it is not copied, nor what it took off the transcript. */
function endedUntil(journal: Reader, state: State): number {
  if (!state.active) return state.seq;
  return (places(journal, state, { begun: state.active.id }).begun ?? 1) - 1;
}

function beforeMessage(
  journal: Reader,
  state: State,
  message: StoredMessage,
  turn: Turn | null,
  index: number,
): Cut {
  const found = places(journal, state, { ends: endedBy(state, index - 1), input: message.id });
  const ended = newest(found.ends);
  // What a message replaced is still there when it is sent; and what it waited for ended only after it was sent.
  const replaces = turn !== null && turn.replaces !== null;
  const seq = replaces || found.input === null ? ended : Math.max(ended, found.input - 1);
  const texts = message.parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
  return { seq, draft: texts.join("\n\n") };
}

/**
 * The turns with whose ends the transcript up to an item was complete. One that was stopped while it waited ended before
 * the one in front of it did, so that all of those count.
 */
function endedBy(state: State, index: number): Set<string> {
  const turns = new Set<string>();
  for (let i = index; i >= 0; i--) {
    const item = state.items.at(i);
    if (item?.type !== "turn") continue;
    turns.add(item.turn.id);
    if (item.turn.startedAt !== null) break;
  }
  return turns;
}

const newest = (ends: readonly number[]): number => Math.max(0, ...ends);

interface Places {
  ends: number[];
  input: number | null;
  begun: number | null;
}

/** Looks through the journal once: ends of turns, the input of a message, the call with which a turn began. */
function places(
  journal: Reader,
  state: State,
  wanted: { ends?: ReadonlySet<string>; input?: string; begun?: string },
): Places {
  const found: Places = { ends: [], input: null, begun: null };
  const kinds = new Set<string>(["end", "input", "call"] satisfies EntryKind[]);
  for (const line of journal.lines(state.seq)) {
    if (!kinds.has(line.kind)) continue;
    const entry = parseEntry(line);
    if (!("turn" in entry)) continue; // of a later version
    if (entry.kind === "end" && wanted.ends?.has(entry.turn)) found.ends.push(line.seq);
    if (entry.kind === "call" && entry.turn === wanted.begun) found.begun ??= line.seq;
    if (entry.kind === "input" && entry.messages.some((one) => one.id === wanted.input))
      found.input ??= line.seq;
  }
  return found;
}

/** The next rows behind `after` up to the entry `until`: about `limits.copyPageBytes`, at least one. Empty at the end. */
export function copyPage(journal: Reader, after: number, until: number): ExportLine[][] {
  const rows: ExportLine[][] = [];
  let size = 0;
  for (const row of journal.rows(after, until)) {
    rows.push(row);
    size += row.reduce((sum, line) => sum + (line.payload?.length ?? 0), 0);
    if (size >= limits.copyPageBytes) break;
  }
  return rows;
}
