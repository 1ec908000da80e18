/**
 * OpenAI's chat completions, which AI Gateway's `compat` path and Ollama speak too: requests in, answers and
 * chunks out. https://platform.openai.com/docs/api-reference/chat
 */
import { z } from "zod";
import {
  estimateTokens,
  type Frame,
  type Message,
  type ModelCall,
  type Parsed,
  type Part,
  type TokenisedReply,
  type Wire,
} from "./call.ts";

const contentPart = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  image_url: z.looseObject({ url: z.string() }).optional(),
  file: z.looseObject({ filename: z.string().optional(), file_id: z.string().optional() }).optional(),
});
const content = z.union([z.string(), z.array(contentPart)]).nullish();
const toolCall = z.looseObject({
  id: z.string(),
  function: z.looseObject({ name: z.string(), arguments: z.string() }),
});
const request = z.looseObject({
  model: z.string().min(1, "you must provide a model parameter"),
  messages: z
    .array(
      z.looseObject({
        role: z.enum(["system", "developer", "user", "assistant", "tool"]),
        content,
        tool_calls: z.array(toolCall).nullish(),
        tool_call_id: z.string().optional(),
      }),
    )
    .min(1, "empty array. Expected an array with minimum length 1"),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }).optional() })).nullish(),
  tool_choice: z.union([z.string(), z.looseObject({})]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
});
type Sent = z.infer<typeof request>["messages"][number];

const ERROR_CODES: Record<number, { type: string; code: string | null }> = {
  401: { type: "invalid_request_error", code: "invalid_api_key" },
  404: { type: "invalid_request_error", code: "model_not_found" },
  413: { type: "invalid_request_error", code: "request_too_large" },
  429: { type: "requests", code: "rate_limit_exceeded" },
};

export const openai: Wire = {
  name: "openai",
  idPrefix: "chatcmpl-",
  callPrefix: "call_",
  parse,
  frames,
  body,
  error: (status, message) => {
    const known = ERROR_CODES[status] ?? {
      type: status >= 500 ? "server_error" : "invalid_request_error",
      code: null,
    };
    return { error: { message, type: known.type, param: null, code: known.code } };
  },
};

function parse(raw: unknown): Parsed {
  const parsed = request.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const message = issue
      ? `Invalid value for '${issue.path.join(".") || "body"}': ${issue.message}`
      : "Invalid request.";
    return { ok: false, status: 400, message };
  }
  const sent = parsed.data;
  const problem = sequenceProblem(sent.messages);
  if (problem) return { ok: false, status: 400, message: problem };
  const system = sent.messages
    .filter((message) => message.role === "system" || message.role === "developer")
    .map((message) => textOf(message.content))
    .join("\n\n");
  const tools = (sent.tools ?? []).flatMap((tool) => (tool.function ? [tool.function.name] : []));
  return {
    ok: true,
    call: {
      wire: "openai",
      model: sent.model,
      system,
      messages: sent.messages.flatMap(messageOf),
      tools: sent.tool_choice === "none" ? [] : tools,
      stream: sent.stream === true,
      includeUsage: sent.stream_options?.include_usage === true,
      maxTokens: sent.max_completion_tokens ?? sent.max_tokens ?? null,
      inputTokens: estimateTokens(sent.messages, sent.tools ?? ""),
    },
  };
}

function textOf(value: Sent["content"]): string {
  if (typeof value === "string") return value;
  return (value ?? []).map((part) => part.text ?? "").join("\n");
}

function messageOf(message: Sent): Message[] {
  if (message.role === "system" || message.role === "developer") return [];
  if (message.role === "tool") {
    const result: Part = {
      type: "result",
      id: message.tool_call_id ?? "",
      text: textOf(message.content),
      failed: false,
    };
    return [{ role: "user", parts: [result] }];
  }
  const parts: Part[] = [];
  if (typeof message.content === "string") {
    if (message.content !== "") parts.push({ type: "text", text: message.content });
  } else {
    for (const part of message.content ?? []) {
      if (part.text !== undefined) parts.push({ type: "text", text: part.text });
      else if (part.image_url)
        parts.push({ type: "file", name: imageName(part.image_url.url), mediaType: "image/*" });
      else if (part.file) {
        parts.push({
          type: "file",
          name: part.file.filename ?? part.file.file_id ?? "a file",
          mediaType: "application/pdf",
        });
      }
    }
  }
  for (const call of message.tool_calls ?? []) {
    parts.push({
      type: "call",
      id: call.id,
      name: call.function.name,
      input: inputOf(call.function.arguments),
    });
  }
  return [{ role: message.role, parts }];
}

/** An inline image has no name; one at an address is called after its last segment. */
function imageName(url: string): string {
  if (url.startsWith("data:")) return "an image";
  return url.split("?")[0]?.split("/").pop() || "an image";
}

/** Arguments that are no JSON stay the text that they are; the demo model reads only paths out of them. */
function inputOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

function sequenceProblem(messages: Sent[]): string | null {
  let open = new Set<string>();
  for (const [i, message] of messages.entries()) {
    if (message.role === "tool") {
      if (message.tool_call_id === undefined)
        return `Missing required parameter: 'messages[${i}].tool_call_id'.`;
      if (!open.delete(message.tool_call_id)) {
        return `Invalid parameter: messages[${i}]: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.`;
      }
      continue;
    }
    if (open.size > 0) return unanswered(open);
    if (message.role === "user" && message.content == null)
      return `Invalid value for 'messages[${i}].content': expected a string, got null.`;
    open = new Set((message.tool_calls ?? []).map((call) => call.id));
  }
  return open.size > 0 ? unanswered(open) : null;
}

const unanswered = (open: Set<string>): string =>
  `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(", ")}`;

const FINISH = { end: "stop", tools: "tool_calls", length: "length" } as const;

function usage(inputTokens: number, outputTokens: number) {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  };
}

function* frames(reply: TokenisedReply, call: ModelCall, createdAtMs: number): Generator<Frame> {
  const base = {
    id: reply.id,
    object: "chat.completion.chunk",
    created: Math.floor(createdAtMs / 1000),
    model: reply.model,
    service_tier: "default",
    system_fingerprint: "fp_holdfast",
  };
  const chunk = (
    kind: Frame["kind"],
    delta: Record<string, unknown>,
    finish: string | null = null,
  ): Frame => ({
    kind,
    data: `data: ${JSON.stringify({
      ...base,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(call.includeUsage ? { usage: null } : {}),
    })}\n\n`,
  });
  const hasText = reply.blocks.some((block) => block.type === "text");
  yield chunk("head", { role: "assistant", content: hasText ? "" : null });
  let calls = 0;
  for (const [position, block] of reply.blocks.entries()) {
    if (block.type === "text") {
      for (const piece of block.pieces) yield chunk("token", { content: piece });
      continue;
    }
    const index = calls++;
    const opening = { index, id: block.id, type: "function", function: { name: block.name, arguments: "" } };
    yield chunk(position === 0 ? "head" : "tail", { tool_calls: [opening] });
    for (const piece of block.pieces) {
      yield chunk("token", { tool_calls: [{ index, function: { arguments: piece } }] });
    }
  }
  yield chunk("tail", {}, FINISH[reply.stop]);
  if (call.includeUsage) {
    const counted = { ...base, choices: [], usage: usage(call.inputTokens, reply.outputTokens) };
    yield { kind: "tail", data: `data: ${JSON.stringify(counted)}\n\n` };
  }
  yield { kind: "tail", data: "data: [DONE]\n\n" };
}

function body(reply: TokenisedReply, call: ModelCall, createdAtMs: number): unknown {
  const said = reply.blocks.flatMap((block) => (block.type === "text" ? [block.pieces.join("")] : []));
  const calls = reply.blocks.flatMap((block) =>
    block.type === "tool"
      ? [{ id: block.id, type: "function", function: { name: block.name, arguments: block.pieces.join("") } }]
      : [],
  );
  return {
    id: reply.id,
    object: "chat.completion",
    created: Math.floor(createdAtMs / 1000),
    model: reply.model,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: said.length > 0 ? said.join("") : null,
          refusal: null,
          ...(calls.length > 0 ? { tool_calls: calls } : {}),
        },
        logprobs: null,
        finish_reason: FINISH[reply.stop],
      },
    ],
    usage: usage(call.inputTokens, reply.outputTokens),
    service_tier: "default",
    system_fingerprint: "fp_holdfast",
  };
}
