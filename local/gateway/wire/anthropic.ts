/**
 * Anthropic's Messages API, as its reference describes it: requests in, answers and stream events out.
 * https://platform.claude.com/docs/en/api/messages and /streaming
 */
import { z } from "zod";
import {
  estimateTokens,
  type Frame,
  type Message,
  type Parsed,
  type Part,
  type TokenisedReply,
  type Wire,
} from "./call.ts";

const source = z.looseObject({ media_type: z.string().optional(), url: z.string().optional() });
const textBlock = z.looseObject({ type: z.literal("text"), text: z.string() });

/** A content block as the parts that it stands for; thinking, search results and the like stand for none. */
const content = z.union([
  textBlock.transform((block): Part[] => [{ type: "text", text: block.text }]),
  z
    .looseObject({
      type: z.literal("tool_use"),
      id: z.string(),
      name: z.string(),
      input: z.record(z.string(), z.unknown()),
    })
    .transform(({ id, name, input }): Part[] => [{ type: "call", id, name, input }]),
  z
    .looseObject({
      type: z.literal("tool_result"),
      tool_use_id: z.string(),
      content: z.union([z.string(), z.array(z.looseObject({ text: z.string().optional() }))]).optional(),
      is_error: z.boolean().nullish(),
    })
    .transform(({ tool_use_id: id, content: said, is_error }): Part[] => {
      const text = typeof said === "string" ? said : (said ?? []).map((item) => item.text ?? "").join("\n");
      return [{ type: "result", id, text, failed: is_error === true }];
    }),
  z.looseObject({ type: z.literal("image"), source }).transform((block): Part[] => [
    {
      type: "file",
      name: fileName(block.source.url, "an image"),
      mediaType: block.source.media_type ?? "image/*",
    },
  ]),
  z
    .looseObject({ type: z.literal("document"), source, title: z.string().nullish() })
    .transform(({ source: from, title }): Part[] => [
      {
        type: "file",
        name: title || fileName(from.url, "a document"),
        mediaType: from.media_type ?? "application/pdf",
      },
    ]),
  z
    .looseObject({
      type: z.string().regex(/^(?!(?:text|image|document|tool_use|tool_result)$)/, "unknown block"),
    })
    .transform((): Part[] => []),
]);

/** The last segment of a file's address, without its query. */
function fileName(url: string | undefined, unnamed: string): string {
  return url?.split("?")[0]?.split("/").pop() || unnamed;
}

const request = z.looseObject({
  model: z.string().min(1),
  max_tokens: z.int().min(1),
  messages: z
    .array(
      z.looseObject({
        role: z.enum(["user", "assistant", "system"]),
        content: z.union([z.string(), z.array(content)]),
      }),
    )
    .min(1, "at least one message is required"),
  system: z.union([z.string(), z.array(textBlock)]).optional(),
  tools: z.array(z.looseObject({ name: z.string() })).optional(),
  tool_choice: z.looseObject({ type: z.string(), name: z.string().optional() }).optional(),
  stream: z.boolean().optional(),
});

const ERROR_TYPES: Record<number, string> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  502: "api_error",
  504: "timeout_error",
  529: "overloaded_error",
};

export const anthropic: Wire = {
  name: "anthropic",
  idPrefix: "msg_01",
  callPrefix: "toolu_01",
  parse,
  frames,
  body,
  error: (status, message, requestId) => ({
    type: "error",
    error: { type: ERROR_TYPES[status] ?? (status >= 500 ? "api_error" : "invalid_request_error"), message },
    request_id: requestId,
  }),
};

function parse(raw: unknown): Parsed {
  const parsed = request.safeParse(raw);
  if (!parsed.success) return { ok: false, status: 400, message: firstIssue(parsed.error) };
  const sent = parsed.data;
  const messages: Message[] = [];
  const inline: string[] = [];
  for (const message of sent.messages) {
    const parts = typeof message.content === "string" ? [textPart(message.content)] : message.content.flat();
    if (message.role === "system")
      inline.push(...parts.flatMap((part) => (part.type === "text" ? [part.text] : [])));
    else messages.push({ role: message.role, parts });
  }
  const problem = sequenceProblem(messages);
  if (problem) return { ok: false, status: 400, message: problem };
  const system = [
    typeof sent.system === "string" ? sent.system : (sent.system ?? []).map((part) => part.text).join("\n\n"),
    ...inline,
  ]
    .filter((part) => part !== "")
    .join("\n\n");
  return {
    ok: true,
    call: {
      wire: "anthropic",
      model: sent.model,
      system,
      messages,
      tools: sent.tool_choice?.type === "none" ? [] : (sent.tools ?? []).map((tool) => tool.name),
      stream: sent.stream === true,
      includeUsage: true,
      maxTokens: sent.max_tokens,
      inputTokens: estimateTokens(system, sent.messages, sent.tools ?? ""),
    },
  };
}

const textPart = (value: string): Part => ({ type: "text", text: value });

/** What the provider refuses about the order of messages. Its wording, so that a local test sees the real thing. */
function sequenceProblem(messages: Message[]): string | null {
  const known = new Set<string>();
  let open: string[] = [];
  for (const [i, message] of messages.entries()) {
    if (message.parts.length === 0 && i < messages.length - 1)
      return `messages.${i}: content must be non-empty`;
    const results = message.parts.flatMap((part) => (part.type === "result" ? [part.id] : []));
    const missing = open.filter((id) => !results.includes(id));
    if (open.length > 0 && (message.role !== "user" || missing.length > 0)) {
      return `messages.${i}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`;
    }
    const stray = results.find((id) => !open.includes(id));
    if (stray !== undefined) {
      return `messages.${i}.content: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`;
    }
    for (const [j, part] of message.parts.entries()) {
      if (part.type === "text" && part.text === "")
        return `messages.${i}.content.${j}.text: text content blocks must be non-empty`;
      if (part.type !== "call") continue;
      if (!/^[a-zA-Z0-9_-]+$/.test(part.id)) {
        return `messages.${i}.content.${j}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`;
      }
      if (known.has(part.id)) return "messages: `tool_use` ids must be unique";
      known.add(part.id);
    }
    open = message.parts.flatMap((part) => (part.type === "call" ? [part.id] : []));
  }
  const last = messages.at(-1);
  if (!last) return "messages: at least one message is required";
  if (last.role === "assistant") {
    return "This model does not support assistant message prefill. The conversation must end with a user message.";
  }
  return last.parts.length === 0 ? `messages.${messages.length - 1}: content must be non-empty` : null;
}

function usage(inputTokens: number, outputTokens: number) {
  return {
    input_tokens: inputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: outputTokens,
    service_tier: "standard",
  };
}

const STOP = { end: "end_turn", tools: "tool_use", length: "max_tokens" } as const;

function event(kind: Frame["kind"], type: string, fields: Record<string, unknown> = {}): Frame {
  return { kind, data: `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n` };
}

function* frames(reply: TokenisedReply, call: { inputTokens: number }): Generator<Frame> {
  yield event("head", "message_start", {
    message: {
      id: reply.id,
      type: "message",
      role: "assistant",
      model: reply.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: usage(call.inputTokens, 1),
    },
  });
  for (const [index, block] of reply.blocks.entries()) {
    const kind = index === 0 ? "head" : "tail";
    const isText = block.type === "text";
    yield event(kind, "content_block_start", {
      index,
      content_block: isText
        ? { type: "text", text: "" }
        : { type: "tool_use", id: block.id, name: block.name, input: {} },
    });
    if (index === 0) yield event("head", "ping");
    if (!isText)
      yield event(kind, "content_block_delta", {
        index,
        delta: { type: "input_json_delta", partial_json: "" },
      });
    for (const piece of block.pieces) {
      const delta = isText
        ? { type: "text_delta", text: piece }
        : { type: "input_json_delta", partial_json: piece };
      yield event("token", "content_block_delta", { index, delta });
    }
    yield event("tail", "content_block_stop", { index });
  }
  yield event("tail", "message_delta", {
    delta: { stop_reason: STOP[reply.stop], stop_sequence: null },
    usage: usage(call.inputTokens, reply.outputTokens),
  });
  yield event("tail", "message_stop");
}

function body(reply: TokenisedReply, call: { inputTokens: number }): unknown {
  return {
    id: reply.id,
    type: "message",
    role: "assistant",
    model: reply.model,
    content: reply.blocks.map((block) =>
      block.type === "text"
        ? { type: "text", text: block.pieces.join("") }
        : { type: "tool_use", id: block.id, name: block.name, input: inputOf(block.pieces.join("")) },
    ),
    stop_reason: STOP[reply.stop],
    stop_sequence: null,
    usage: usage(call.inputTokens, reply.outputTokens),
  };
}

/** A whole answer cannot carry broken JSON; what cannot be read is sent as the text that it is. */
function inputOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (!issue) return "Invalid request.";
  const where = issue.path.join(".");
  const missing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
  return `${where || "body"}: ${missing ? "Field required" : issue.message}`;
}
