/**
 * Streams as the two providers document them (Anthropic: "Streaming messages" with extended thinking and tool use;
 * OpenAI: chat completions with `stream_options.include_usage`, and `reasoning_content` as compatible servers send it),
 * and the answer that each of them is.
 */
import type { Answer } from "../../../src/model/port.ts";

export type Vendor = "anthropic" | "openai";

export interface Recording {
  name: string;
  vendor: Vendor;
  model: string;
  /** Server-sent events, each with its blank line. */
  events: readonly string[];
  /** What the whole of it says; `run` is not compared. */
  answer: Omit<Answer, "run">;
  /** An error in the middle of a stream, in the vendor's words. */
  overloaded: string;
  /** Something that belongs to no stream and changes nothing: comments and fields that readers skip. */
  noise: readonly string[];
}

const REASONING = ["Erst über", "legen: ", "🌊 hoch", ", dann ab"];
const SAID = [
  "Die Fl",
  "ut steht ",
  "bei 3,7 m ",
  "– „hö",
  "her“ als ",
  "gestern. ",
  "🌊🐚",
  "\n\nüber ",
  "東京 auch",
  ".",
];
const CALLS = [
  { id: "call_1", name: "read", json: ['{"path"', ':"flut/', 'höhe.md"', "}"] },
  { id: "call_2", name: "write", json: ["{", '"path":"a.txt","text"', ':"\\"x\\" 🐚"', "}"] },
];
const REDACTED = "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpPkNRj2YfWXGmKDxH4mPnZ5sQ7";
const SIGNATURE = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk=";

const event = (data: { type: string } & Record<string, unknown>): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;

function anthropicStart(): string[] {
  return [
    event({
      type: "message_start",
      message: {
        id: "msg_01XFDUDYJgAACzvnptvVoYEL",
        type: "message",
        role: "assistant",
        content: [],
        model: "claude-sonnet-4-6",
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 120, output_tokens: 1 },
      },
    }),
  ];
}

function anthropicBlock(index: number, start: object, deltas: readonly object[]): string[] {
  return [
    event({ type: "content_block_start", index, content_block: start }),
    ...deltas.map((delta) => event({ type: "content_block_delta", index, delta })),
    event({ type: "content_block_stop", index }),
  ];
}

function anthropicEnd(reason: string, tokens: number): string[] {
  return [
    event({
      type: "message_delta",
      delta: { stop_reason: reason, stop_sequence: null },
      usage: { output_tokens: tokens },
    }),
    event({ type: "message_stop" }),
  ];
}

const textBlock = (index: number, texts: readonly string[]): string[] =>
  anthropicBlock(
    index,
    { type: "text", text: "" },
    texts.map((text) => ({ type: "text_delta", text })),
  );

const ANTHROPIC_COMMON = {
  vendor: "anthropic",
  model: "anthropic/claude-sonnet-4-6",
  overloaded: event({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }),
  noise: [": a comment\n\n", event({ type: "ping" }), "retry: 3000\n\n", "unknown: field\n\n"],
} as const;

const anthropicWhole: Recording = {
  ...ANTHROPIC_COMMON,
  name: "anthropic, thinking, text and two tools",
  events: [
    ...anthropicStart(),
    ...anthropicBlock(0, { type: "thinking", thinking: "", signature: "" }, [
      ...REASONING.map((thinking) => ({ type: "thinking_delta", thinking })),
      { type: "signature_delta", signature: SIGNATURE },
    ]),
    ...anthropicBlock(1, { type: "redacted_thinking", data: REDACTED }, []),
    event({ type: "ping" }),
    ...textBlock(2, SAID),
    ...CALLS.flatMap(({ id, name, json }, i) =>
      anthropicBlock(3 + i, { type: "tool_use", id, name, input: {} }, [
        { type: "input_json_delta", partial_json: "" },
        ...json.map((partial_json) => ({ type: "input_json_delta", partial_json })),
      ]),
    ),
    ...anthropicEnd("tool_use", 89),
  ],
  answer: {
    parts: [
      {
        type: "reasoning",
        text: REASONING.join(""),
        providerMetadata: { anthropic: { signature: SIGNATURE } },
      },
      { type: "reasoning", text: "", providerMetadata: { anthropic: { redactedData: REDACTED } } },
      { type: "text", text: SAID.join("") },
      ...CALLS.map(({ id, name, json }) => ({ type: "tool" as const, id, name, input: json.join("") })),
    ],
    usage: { inputTokens: 120, outputTokens: 89 },
    finish: "tools",
    model: "claude-sonnet-4-6",
  },
};

const anthropicText: Recording = {
  ...ANTHROPIC_COMMON,
  name: "anthropic, text",
  events: [...anthropicStart(), ...textBlock(0, SAID), ...anthropicEnd("end_turn", 31)],
  answer: {
    parts: [{ type: "text", text: SAID.join("") }],
    usage: { inputTokens: 120, outputTokens: 31 },
    finish: "stop",
    model: "claude-sonnet-4-6",
  },
};

const chunk = (choices: object[], more: object = {}): string =>
  `data: ${JSON.stringify({
    id: "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    object: "chat.completion.chunk",
    created: 1741569952,
    model: "gpt-5.5-2026-01-15",
    choices,
    usage: null,
    ...more,
  })}\n\n`;
const delta = (content: object, finish_reason: string | null = null): string =>
  chunk([{ index: 0, delta: content, logprobs: null, finish_reason }]);
const openaiEnd = (reason: string, tokens: number): string[] => [
  delta({}, reason),
  chunk([], {
    usage: { prompt_tokens: 120, completion_tokens: tokens, total_tokens: 120 + tokens },
  }),
  "data: [DONE]\n\n",
];

const OPENAI_COMMON = {
  vendor: "openai",
  model: "openai/gpt-5.5",
  overloaded: `data: ${JSON.stringify({
    error: { message: "The server is overloaded.", type: "server_error", param: null, code: null },
  })}\n\n`,
  noise: [": OPENROUTER PROCESSING\n\n", "retry: 3000\n\n", "unknown: field\n\n"],
} as const;

const openaiWhole: Recording = {
  ...OPENAI_COMMON,
  name: "openai, reasoning, text and two tools",
  events: [
    delta({ role: "assistant", content: "" }),
    ...REASONING.map((reasoning_content) => delta({ reasoning_content })),
    ...SAID.map((content) => delta({ content })),
    ...CALLS.flatMap(({ id, name, json }, index) => [
      delta({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }),
      ...json.map((part) => delta({ tool_calls: [{ index, function: { arguments: part } }] })),
    ]),
    ...openaiEnd("tool_calls", 89),
  ],
  answer: {
    parts: [
      { type: "reasoning", text: REASONING.join("") },
      { type: "text", text: SAID.join("") },
      ...CALLS.map(({ id, name, json }) => ({ type: "tool" as const, id, name, input: json.join("") })),
    ],
    usage: { inputTokens: 120, outputTokens: 89 },
    finish: "tools",
    model: "gpt-5.5-2026-01-15",
  },
};

const openaiText: Recording = {
  ...OPENAI_COMMON,
  name: "openai, text",
  events: [
    delta({ role: "assistant", content: "" }),
    ...SAID.map((content) => delta({ content })),
    ...openaiEnd("stop", 31),
  ],
  answer: {
    parts: [{ type: "text", text: SAID.join("") }],
    usage: { inputTokens: 120, outputTokens: 31 },
    finish: "stop",
    model: "gpt-5.5-2026-01-15",
  },
};

export const RECORDINGS: readonly Recording[] = [anthropicWhole, anthropicText, openaiWhole, openaiText];
