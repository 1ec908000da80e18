/**
 * `POST chat/completions`. Stateless, as clients expect: `messages` is the whole history, unless a chat is named by the
 * header `Holdfast-Thread`. https://platform.openai.com/docs/api-reference/chat.
 */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { AnswerReport } from "../../protocol/ask.ts";
import type { Usage } from "../../protocol/message.ts";
import { appErrorOf } from "../respond.ts";
import { type Asked, ask, namedThread, ownThread, type Question, reportOf, waitingText } from "./ask.ts";
import { readParams } from "./body.ts";
import type { KeyedCall, KeyedRoute } from "./call.ts";
import { instructionText, joinInstructions, partsOf, questionOf, type SaidMessage } from "./content.ts";
import { openaiError, ParamError, turnError } from "./errors.ts";
import { requireModel } from "./models.ts";
import { checkParams, isEmptyList, type ParamRules, type Params, paramOf } from "./params.ts";
import { sseEvent, sseResponse } from "./sse.ts";

const OWN_TOOLS = "the agent's own tools run here, and their results are in its answer.";
const TEXT_ONLY = "the agent answers in text.";
const RULES: ParamRules = {
  read: ["model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"],
  ignored: [
    ...[
      "temperature",
      "top_p",
      "seed",
      "presence_penalty",
      "frequency_penalty",
      "reasoning_effort",
      "verbosity",
    ],
    ...["user", "safety_identifier", "metadata", "store", "service_tier", "parallel_tool_calls"],
    ...["prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "prediction"],
  ],
  refused: {
    tools: { why: OWN_TOOLS, unless: isEmptyList },
    tool_choice: { why: OWN_TOOLS, unless: (value) => value === "auto" },
    functions: { why: OWN_TOOLS, unless: isEmptyList },
    function_call: { why: OWN_TOOLS, unless: (value) => value === "auto" },
    web_search_options: { why: OWN_TOOLS },
    n: { why: "there is one answer to a question.", unless: (value) => value === 1 },
    stop: { why: "an answer ends where the agent ends it.", unless: isEmptyList },
    logprobs: { why: TEXT_ONLY, unless: (value) => value === false },
    top_logprobs: { why: TEXT_ONLY, unless: (value) => value === 0 },
    logit_bias: { why: TEXT_ONLY, unless: (value) => JSON.stringify(value) === "{}" },
    audio: { why: TEXT_ONLY },
    modalities: { why: TEXT_ONLY, unless: (value) => JSON.stringify(value) === '["text"]' },
    response_format: { why: TEXT_ONLY, unless: (value) => JSON.stringify(value) === '{"type":"text"}' },
    moderation: { why: TEXT_ONLY },
  },
};

const message = z.looseObject({ role: z.string(), content: z.unknown().optional() });
const messages = z.array(message).min(1).max(limits.programMessages);
const tokens = z.int().min(1);
const streamOptions = z.looseObject({ include_usage: z.boolean().optional() });

function questionIn(params: Params): Question {
  const list = paramOf(params, "messages", messages);
  if (!list) throw new ParamError("messages", "Missing required parameter: 'messages'.");
  const instructions: string[] = [];
  const said: SaidMessage[] = [];
  for (const [i, { role, content, tool_calls, function_call }] of list.entries()) {
    const at = `messages[${i}].content`;
    if (role === "system" || role === "developer") instructions.push(instructionText(content, at));
    else if (role !== "user" && role !== "assistant")
      throw new ParamError(
        `messages[${i}].role`,
        `Messages of the role '${role}' are not taken: ${OWN_TOOLS}`,
      );
    else if ((tool_calls ?? function_call ?? null) !== null && !isEmptyList(tool_calls))
      throw new ParamError(
        `messages[${i}].tool_calls`,
        `Calls of your own tools are not taken: ${OWN_TOOLS}`,
      );
    else said.push({ role, parts: partsOf(content, at) });
  }
  const most = paramOf(params, "max_completion_tokens", tokens) ?? paramOf(params, "max_tokens", tokens);
  return {
    ...questionOf(said, "messages"),
    instructions: joinInstructions(instructions, "messages"),
    maxOutputTokens: most ?? null,
  };
}

async function complete(call: KeyedCall): Promise<Response> {
  const params = await readParams(call.c.req.raw);
  checkParams(params, RULES);
  const model = requireModel(call, paramOf(params, "model", z.string()));
  const question = questionIn(params);
  const stream = paramOf(params, "stream", z.boolean()) ?? false;
  const named = namedThread(call, "Holdfast-Thread", call.c.req.header("Holdfast-Thread"));
  const thread = named ?? ownThread(call, false);
  const asked = await ask(call, { thread, after: null }, question, stream ? "stream" : "whole");
  const frame = new Frame(call, model, asked);
  const headers = { "holdfast-thread": thread };
  if (!stream) return Response.json(frame.whole(await reportOf(asked)), { headers });
  const usage = paramOf(params, "stream_options", streamOptions)?.include_usage ?? false;
  const response = sseResponse(frame.stream(usage), asked.cancel);
  response.headers.set("holdfast-thread", thread);
  return response;
}

/** One completion, whole or in chunks. */
class Frame {
  readonly #call: KeyedCall;
  readonly #asked: Asked;
  readonly #head: { id: string; created: number; model: string };

  constructor(call: KeyedCall, model: string, asked: Asked) {
    this.#call = call;
    this.#asked = asked;
    const id = `chatcmpl-${asked.thread}_${asked.turn}`;
    this.#head = { id, created: Math.floor(asked.at / 1000), model };
  }

  /** Throws when there is no answer. */
  whole(report: AnswerReport) {
    requireAnswer(report);
    const content = [report.text, this.#waiting(report)].filter((text) => text !== "").join("\n\n");
    const said = { role: "assistant", content, refusal: null, annotations: [] };
    const thought = report.reasoning === "" ? {} : { reasoning_content: report.reasoning };
    return {
      ...this.#head,
      object: "chat.completion",
      choices: [
        { index: 0, message: { ...said, ...thought }, logprobs: null, finish_reason: FINISH[report.finish] },
      ],
      usage: usageOf(report.usage),
    };
  }

  async *stream(withUsage: boolean): AsyncGenerator<string, undefined> {
    const chunk = (delta: object, finish_reason: string | null = null): string =>
      sseEvent({
        ...this.#head,
        object: "chat.completion.chunk",
        choices: [{ index: 0, delta, logprobs: null, finish_reason }],
        ...(withUsage && { usage: null }),
      });
    yield chunk({ role: "assistant", content: "", refusal: null });
    try {
      for await (const event of this.#asked.events) {
        if (event.type === "text") yield chunk({ content: event.delta });
        if (event.type === "reasoning") yield chunk({ reasoning_content: event.delta });
        if (event.type !== "done") continue;
        const { report } = event;
        requireAnswer(report);
        const waiting = this.#waiting(report);
        if (waiting !== "") yield chunk({ content: report.text === "" ? waiting : `\n\n${waiting}` });
        yield chunk({}, FINISH[report.finish]);
        if (withUsage) {
          const usage = usageOf(report.usage);
          yield sseEvent({ ...this.#head, object: "chat.completion.chunk", choices: [], usage });
        }
      }
      yield sseEvent("[DONE]");
    } catch (error) {
      yield sseEvent({ error: openaiError(appErrorOf(error)) });
    }
  }

  #waiting(report: AnswerReport): string {
    return waitingText(this.#call, this.#asked.thread, report);
  }
}

const FINISH = { stop: "stop", length: "length", filter: "content_filter" } as const;

/** Throws for a turn that ended without an answer. */
export function requireAnswer(report: AnswerReport): void {
  if (report.status === "failed") throw turnError(report.error);
  if (report.status === "cancelled") throw new AppError("answer_stopped", "Somebody stopped this answer.");
}

const usageOf = ({ inputTokens, outputTokens, cachedInputTokens = 0 }: Usage) => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
  prompt_tokens_details: { cached_tokens: cachedInputTokens },
});

export const CHAT_ROUTES: readonly KeyedRoute[] = [
  { method: "POST", path: "/chat/completions", action: "write", run: complete },
];
