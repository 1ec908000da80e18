/**
 * Which entries an erasure is about. A message goes with the turns that answered it and with its earlier wordings; what
 * was asked together (a burst, a message that joined) was answered together and is erased together. Pure.
 */
import { z } from "zod";
import { RESULTS_DIRECTORY } from "../../tools/overflow.ts";
import { toolByName } from "../../tools/registry.ts";
import type {
  AmendEntry,
  CompactEntry,
  Entry,
  EraseEntry,
  InputEntry,
  Sender,
  UnknownEntry,
} from "./entries.ts";
import { type ExportLine, parseEntry } from "./export.ts";
import { standInHash, standInText } from "./stand-in.ts";
import { answerId, findUserMessage, type State } from "./state.ts";
import { inputOf } from "./transcript.ts";

export interface ErasePlan {
  /** What is to stand in for each entry, by sequence number. */
  lefts: Map<number, string>;
  entry: EraseEntry;
  /** Turns of which something goes, and those that go as a whole. */
  turns: string[];
  whole: string[];
  /** Messages that leave the transcript, answers too. */
  messages: string[];
  /** Files of the workspace that hold texts of the turn: long results of tools. */
  results: string[];
  /** Files that were attached to the message, or that the turn's tools wrote. */
  files: string[];
  /** Where the answer was to go besides the chat. */
  channels: string[];
}

export interface EraseTarget {
  /** Id of a user's message, or of an answer. */
  message: string;
  /** Whether what was answered goes too. */
  answer: boolean;
}

interface Journal {
  lines(until: number): Iterable<ExportLine>;
}

/** Null when no message has that id. `by` and `at` are for the entry. */
export function planErase(
  journal: Journal,
  state: State,
  target: EraseTarget,
  by: Sender,
  at: number,
): ErasePlan | null {
  const scope = scopeOf(journal, state.seq, target);
  if (!scope) return null;
  const gathered = new Gathered(state, scope, target.answer);
  for (const line of journal.lines(state.seq)) gathered.line(line);
  gathered.summaries(journal);
  return gathered.plan(by, at);
}

interface Scope {
  turns: ReadonlySet<string>;
  messages: ReadonlySet<string>;
}

/** The links between messages and turns, followed until there is nothing new. */
function scopeOf(journal: Journal, until: number, target: EraseTarget): Scope | null {
  const inputs: InputEntry[] = [];
  const steered: { turn: string; into: string }[] = [];
  for (const line of journal.lines(until)) {
    if (line.kind !== "input" && line.kind !== "amend") continue;
    const entry = parseEntry(line) as Entry | UnknownEntry as Entry; // other kinds fit neither test
    if (entry.kind === "input") inputs.push(entry);
    if (entry.kind === "amend" && entry.change.action === "steer")
      steered.push({ turn: entry.turn, into: entry.change.into });
  }
  const messages = new Set<string>();
  const turns = new Set<string>();
  if (inputs.some((input) => answerId(input.turn) === target.message)) turns.add(target.message.slice(2));
  else if (inputs.some((input) => input.messages.some(({ id }) => id === target.message)))
    messages.add(target.message);
  else return null;
  const all = target.answer || turns.size > 0;
  for (let size = -1; size < messages.size + turns.size; ) {
    size = messages.size + turns.size;
    for (const input of inputs) {
      const ids = input.messages.map(({ id }) => id);
      const about = ids.some((id) => messages.has(id)) || (all && messages.has(input.regenerate ?? ""));
      if (!about && !turns.has(input.turn)) continue;
      if (all) turns.add(input.turn);
      for (const id of ids) messages.add(id);
      if (input.replaces !== undefined) messages.add(input.replaces);
      if (all && input.regenerate !== undefined) messages.add(input.regenerate);
    }
    if (!all) continue;
    for (const { turn, into } of steered) {
      if (turns.has(turn)) turns.add(into);
      if (turns.has(into)) turns.add(turn);
    }
  }
  return { turns, messages };
}

class Gathered {
  readonly #state: State;
  readonly #scope: Scope;
  readonly #answer: boolean;
  readonly #lefts = new Map<number, string>();
  readonly #hashes = new Map<number, string>();
  readonly #touched = new Set<string>();
  readonly #files = new Set<string>();
  readonly #results = new Set<string>();
  readonly #channels = new Set<string>();
  #first = Number.POSITIVE_INFINITY;

  constructor(state: State, scope: Scope, answer: boolean) {
    this.#state = state;
    this.#scope = scope;
    this.#answer = answer || scope.turns.size > 0;
  }

  line(line: ExportLine): void {
    const entry = parseEntry(line) as Entry | UnknownEntry as Entry; // other kinds have no turn that is looked for
    if (!this.#concerns(entry)) return;
    this.#take(line, entry);
    if (entry.kind === "input") {
      this.#first = Math.min(this.#first, line.seq);
      this.#touched.add(entry.turn);
      for (const { parts } of entry.messages)
        for (const part of parts)
          if (part.type === "file" && part.url.startsWith("workspace:")) this.#files.add(part.url.slice(10));
      if (entry.reply) this.#channels.add(entry.reply.channel);
    }
    if (entry.kind === "intent") this.#wrote(entry.name, entry.input);
    if (entry.kind === "result") this.#overflowed(entry.output);
  }

  /** Summaries that were made of it, and the calls that made them. */
  summaries(journal: Journal): void {
    const places = [...this.#scope.messages].map((id) => findUserMessage(this.#state.items, id));
    const known = places.filter((place) => place >= 0);
    // Of a message that is not on the transcript nobody knows any more where it stood.
    const from = known.length === places.length && known.length > 0 ? Math.min(...known) : -1;
    const covers = (entry: CompactEntry): boolean => from < 0 || entry.covered > from;
    const calls = new Set<string>();
    const name = (call: { turn: string; round: number; attempt: number }) =>
      `${call.turn}/${call.round}/${call.attempt}`;
    for (const line of journal.lines(this.#state.seq)) {
      if (line.kind !== "compact" || line.seq < this.#first) continue;
      const entry = parseEntry(line) as Entry | UnknownEntry as Entry; // erased ones are of another kind
      if (entry.kind !== "compact" || entry.summary === "" || !covers(entry)) continue;
      this.#take(line, entry);
      if (entry.call) calls.add(name(entry.call));
    }
    if (calls.size === 0) return;
    for (const line of journal.lines(this.#state.seq)) {
      if (line.kind !== "call") continue;
      const entry = parseEntry(line) as Entry | UnknownEntry as Entry; // as above
      if (entry.kind === "call" && calls.has(name(entry))) this.#take(line, entry);
    }
  }

  plan(by: Sender, at: number): ErasePlan {
    const entries = [...this.#lefts.keys()].sort((a, b) => a - b);
    const hashes = entries.map((seq) => this.#hashes.get(seq) ?? "");
    const whole = [...this.#scope.turns];
    return {
      lefts: this.#lefts,
      entry: { kind: "erase", at, entries, hashes, by },
      turns: [...new Set([...whole, ...this.#touched])],
      whole,
      messages: [...this.#scope.messages, ...whole.map(answerId)],
      results: [...this.#results],
      files: [...this.#files],
      channels: [...this.#channels],
    };
  }

  #concerns(entry: Entry): boolean {
    const { turns, messages } = this.#scope;
    if (this.#answer) return "turn" in entry && turns.has(entry.turn);
    if (entry.kind === "input") return entry.messages.some(({ id }) => messages.has(id));
    return entry.kind === "amend" && messages.has(changedBy(entry));
  }

  #take(line: ExportLine, entry: Entry): void {
    const left = standInText(entry, this.#answer);
    if (left === null || (line.payload === null && line.left === left)) return;
    this.#lefts.set(line.seq, left);
    this.#hashes.set(line.seq, standInHash(line.kind, left));
  }

  #wrote(name: string, input: string): void {
    if (toolByName(name)?.effects !== "workspace") return;
    const read = written.safeParse(inputOf(input));
    if (read.success) this.#files.add(read.data.path);
  }

  #overflowed(output: unknown): void {
    if (typeof output !== "object" || output === null || !("path" in output)) return;
    const { path } = output;
    if (typeof path === "string" && path.startsWith(`${RESULTS_DIRECTORY}/`)) this.#results.add(path);
  }
}

/** What every tool that writes says of where. */
const written = z.object({ path: z.string().min(1) });

const changedBy = (entry: AmendEntry): string =>
  entry.change.action === "steer" ? "" : entry.change.message;
