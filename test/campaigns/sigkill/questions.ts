/**
 * What people ask in the campaign, and what the scripted model says to it. Both follow from the question's own text,
 * so that a model asked again after a kill answers the same, and the right answer is known without a record of calls.
 */
import type { Step } from "../../../local/gateway/script.ts";
import { lastUserText, type ModelCall } from "../../../local/gateway/wire/call.ts";
import type { Chance } from "../random.ts";
import { GATED_TOOL } from "./worker/shape.ts";

/**
 * `text`: words. `files`: writes, a read and an edit, then words. `shaky`: words after a first try that fails.
 * `refused`: never answered. `gated`: one or two effects that a person has to allow, then words. `plan`: a reminder that
 * comes seconds later, then words.
 */
const KINDS = ["text", "files", "shaky", "refused", "gated", "plan"] as const;
export type Kind = (typeof KINDS)[number];

export interface Question {
  /** Unique in the campaign. */
  tag: string;
  kind: Kind;
  words: number;
  /** Milliseconds between two words. */
  paceMs: number;
}

/** A question that waits for a person, or plans ahead. Drawn apart from the others, so that other campaigns have none. */
export function drawSlowQuestion(tag: string, chance: Chance): Question {
  const kind = chance.chance(0.7) ? "gated" : "plan";
  return { tag, kind, words: 3 + chance.below(20), paceMs: chance.pick([0, 2, 5]) };
}

/** About half words alone, a third with files, the rest with a model that fails at first or always. */
export function drawQuestion(tag: string, chance: Chance): Question {
  const fate = chance.next();
  const kind = fate < 0.5 ? "text" : fate < 0.82 ? "files" : fate < 0.97 ? "shaky" : "refused";
  return { tag, kind, words: 3 + chance.below(45), paceMs: chance.pick([0, 2, 5, 10, 20]) };
}

export const textOfQuestion = ({ tag, kind, words, paceMs }: Question): string =>
  `question ${tag} ${kind} ${words} ${paceMs}`;

export const answerOf = ({ tag, words }: Question): string =>
  Array.from({ length: words }, (_, i) => `${tag}-${i}`).join(" ");

/** The files that a `files` question leaves: text, and how many earlier versions there are. */
export function filesOf({ tag, kind }: Question): { path: string; text: string; versions: number }[] {
  if (kind !== "files") return [];
  return [
    // The edit finds its text again in what it made of it: run twice without its key it would leave `xx`.
    { path: `${tag}/count.txt`, text: `count:x of ${tag}`, versions: 1 },
    { path: `${tag}/plain.txt`, text: `plain of ${tag}`, versions: 0 },
  ];
}

/** Names of the effects that a `gated` question asks for. */
export const effectsOf = ({ tag, kind, words }: Question): string[] =>
  kind === "gated" ? Array.from({ length: 1 + (words % 2) }, (_, i) => `${tag}/${i}`) : [];

/** What a `plan` question has itself told, and when: in a few seconds, so that kills come before, at and after it. */
export function reminderOf({ tag, words }: Question): { question: Question; seconds: number } {
  return {
    question: { tag: `${tag}-later`, kind: "text", words: 3 + (words % 5), paceMs: 2 },
    seconds: 1 + (words % 5),
  };
}

/** The newest question in a text: those that got no answer stand before it in the same message. */
export function questionIn(text: string): Question | null {
  const match = [...text.matchAll(/^question (\S+) (\S+) (\d+) (\d+)$/gm)].at(-1);
  const kind = KINDS.find((one) => one === match?.[2]);
  if (!match || !kind) return null;
  return { tag: match[1] ?? "", kind, words: Number(match[3]), paceMs: Number(match[4]) };
}

/** The model: what it says to a call, and how often it was asked for what. */
export class ScriptedModel {
  /** Calls by question and round. */
  readonly #asked = new Map<string, number>();
  calls = 0;

  /** The next step for a call; `null` for a call that nobody of the campaign made. */
  take(call: ModelCall): Step | null {
    const question = questionIn(lastUserText(call.messages));
    if (!question) return null;
    const results = resultsSince(call);
    const key = `${question.tag} ${results}`;
    const attempt = (this.#asked.get(key) ?? 0) + 1;
    this.#asked.set(key, attempt);
    this.calls++;
    return stepOf(question, results, attempt);
  }
}

function stepOf(question: Question, results: number, attempt: number): Step {
  const { tag, kind, paceMs } = question;
  const answer: Step = { text: answerOf(question), paceMs };
  if (kind === "refused")
    return { status: 400, body: { error: { message: "no", type: "invalid_request_error" } } };
  if (kind === "shaky" && attempt === 1) {
    const way = tag.length + question.words;
    if (way % 2 === 0)
      return { status: way % 4 === 0 ? 529 : 500, body: { error: { message: "overloaded" } } };
    return { ...answer, cutAfterBytes: 300 + question.words * 10 };
  }
  if (kind === "gated") {
    const effects = effectsOf(question);
    if (results >= effects.length) return answer;
    return { tools: effects.map((path) => ({ name: GATED_TOOL, input: { path } })), paceMs };
  }
  if (kind === "plan") {
    const { question: later, seconds } = reminderOf(question);
    const input = { action: "create", in: `${seconds} seconds`, text: textOfQuestion(later) };
    return results > 0 ? answer : { tools: [{ name: "schedule", input }], paceMs };
  }
  if (kind !== "files") return answer;
  const [count, plain] = filesOf(question);
  if (!count || !plain) throw new Error("A question about files has two of them.");
  switch (results) {
    case 0:
      return {
        tools: [
          { name: "write", input: { path: count.path, text: `count: of ${tag}` } },
          { name: "write", input: { path: plain.path, text: plain.text } },
        ],
        paceMs,
      };
    case 2:
      return { tools: [{ name: "read", input: { path: count.path } }], paceMs };
    case 3:
      return {
        tools: [{ name: "edit", input: { path: count.path, find: "count:", replace: "count:x" } }],
        paceMs,
      };
    default:
      return answer;
  }
}

/** Tool results behind the newest text of a person. */
function resultsSince(call: ModelCall): number {
  const asked = call.messages.findLastIndex(
    ({ role, parts }) => role === "user" && parts.some((part) => part.type === "text"),
  );
  return call.messages
    .slice(asked + 1)
    .reduce((sum, { parts }) => sum + parts.filter((part) => part.type === "result").length, 0);
}
