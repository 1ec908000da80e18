/** What is asked and when the process dies: drawn once, and the same for everybody who is compared. */
import type { Step } from "../../../local/gateway/script.ts";
import type { ModelCall } from "../../../local/gateway/wire/call.ts";
import type { Chance } from "../random.ts";

export interface Question {
  /** Unique in the campaign, and the chat's name: each question has a chat of its own. */
  tag: string;
  kind: "text" | "pay";
  words: number;
  /** Milliseconds between two words. */
  paceMs: number;
  /** When it is asked, after the server is ready. */
  atMs: number;
}

export interface PlannedLife {
  /** From ready to SIGKILL. */
  lengthMs: number;
  questions: Question[];
  /** Whether those whose answers the kill before cut off come back at once. */
  back: boolean;
}

const QUESTIONS_PER_LIFE = 5;

export function drawSchedule(kills: number, chance: Chance): PlannedLife[] {
  return Array.from({ length: kills }, (_, life) => {
    const lengthMs = 300 + chance.below(1_000);
    return {
      lengthMs,
      back: chance.chance(0.5),
      questions: Array.from({ length: QUESTIONS_PER_LIFE }, (_, i) => ({
        tag: `k${life}-${i}`,
        kind: chance.pick(["text", "pay"] as const),
        words: 5 + chance.below(35),
        paceMs: chance.pick([2, 10, 20]),
        atMs: chance.below(lengthMs),
      })),
    };
  });
}

export const textOf = ({ tag, kind, words, paceMs }: Question): string =>
  `question ${tag} ${kind} ${words} ${paceMs}`;

/** An answer is one that ends with this, whatever else was said before it. */
export const lastWordOf = ({ tag, words }: Question): string => `${tag}-w${words - 1}.`;

/** The scripted model: a function of the chat's one question and of what tools have returned. `payAt`: where to pay. */
export function stepFor(call: ModelCall, payAt: string): Step | null {
  const parts = call.messages.flatMap((message) => message.parts);
  const said = parts.map((part) => (part.type === "text" ? part.text : "")).join("\n");
  const asked = /question (\S+) (text|pay) (\d+) (\d+)/.exec(said);
  if (!asked) return null;
  const [, tag = "", kind, words, pace] = asked;
  const paceMs = Number(pace);
  if (kind === "pay" && !parts.some((part) => part.type === "result"))
    return { tools: [{ name: "pay", input: { to: `${payAt}/${tag}` } }], paceMs };
  const answer = Array.from({ length: Number(words) }, (_, i) => `${tag}-w${i}`).join(" ");
  return { text: `${answer}.`, paceMs };
}
