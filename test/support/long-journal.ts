/** Long journals, written as a conversation writes them, without the turns. */
import type { Entry } from "../../src/actors/conversation/entries.ts";

const START = 1_700_000_000_000;

/** The two commits of turn number `n`: a question of a few words and an answer of `words` words. */
export function commitsOf(n: number, words = 40): [Entry[], Entry[]] {
  const turn = `t${n}`;
  const at = START + n * 60_000;
  const call = { turn, round: 0, attempt: 1, at };
  return [
    [
      {
        kind: "input",
        at,
        turn,
        request: `r${n}`,
        keys: [`message:m${n}`, `request:r${n}`],
        source: "chat",
        sender: { id: "alice", name: "alice@example.com" },
        messages: [{ id: `m${n}`, parts: [{ type: "text", text: `What is number ${n}?` }] }],
      },
      {
        kind: "call",
        ...call,
        model: "demo/model",
        fingerprint: "f".repeat(43),
        prompt: "p".repeat(43),
        tools: "t".repeat(43),
        maxOutputTokens: 16_000,
        windowTokens: 120_000,
        reservationMicros: 0,
      },
    ],
    [
      { kind: "began", ...call, run: "run" },
      {
        kind: "answer",
        ...call,
        parts: [{ type: "text", text: `It is ${n}. ${"tide ".repeat(words)}`.trim() }],
        usage: { inputTokens: 10, outputTokens: words },
        finish: "stop",
        model: "demo-model",
        priceMicros: 0,
      },
      { kind: "end", at, turn, outcome: "completed" },
    ],
  ];
}
