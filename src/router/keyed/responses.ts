/**
 * `responses`: asked, read again, cancelled, deleted. A response's id says where it is: its chat, and its turn there.
 * https://platform.openai.com/docs/api-reference/responses.
 */
import { z } from "zod";
import { conversationStub, userStub } from "../../env.ts";
import { limits } from "../../limits.ts";
import { conversationName, isProgramThread, isStoredThread, isThread } from "../../names.ts";
import type { AnswerReport } from "../../protocol/ask.ts";
import { senderOf } from "../../protocol/sender.ts";
import { ask, namedThread, ownThread, type Place, type Question, reportOf } from "./ask.ts";
import { readParams } from "./body.ts";
import type { KeyedCall, KeyedRoute } from "./call.ts";
import { requireAnswer } from "./chat.ts";
import { instructionText, joinInstructions, partsOf, questionOf, type SaidMessage } from "./content.ts";
import { ParamError } from "./errors.ts";
import { requireModel } from "./models.ts";
import { checkParams, isEmptyList, type ParamRules, type Params, paramOf } from "./params.ts";
import { type Given, responseOf } from "./response-object.ts";
import { responseEvents } from "./response-stream.ts";
import { sseResponse } from "./sse.ts";

const OWN_TOOLS = "the agent's own tools run here, and their results are in its answer.";
const TEXT_ONLY = "the agent answers in text.";
const RULES: ParamRules = {
  read: [
    ...["model", "input", "instructions", "max_output_tokens", "stream", "background", "store", "metadata"],
    ...["conversation", "previous_response_id"],
  ],
  ignored: [
    ...[
      "temperature",
      "top_p",
      "reasoning",
      "user",
      "safety_identifier",
      "service_tier",
      "parallel_tool_calls",
    ],
    ...["truncation", "include", "stream_options", "context_management"],
    ...["prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"],
  ],
  refused: {
    tools: { why: OWN_TOOLS, unless: isEmptyList },
    tool_choice: { why: OWN_TOOLS, unless: (value) => value === "auto" },
    max_tool_calls: { why: OWN_TOOLS },
    prompt: { why: "write the instructions out." },
    top_logprobs: { why: TEXT_ONLY, unless: (value) => value === 0 },
    image: { why: TEXT_ONLY },
    moderation: { why: TEXT_ONLY },
    text: { why: TEXT_ONLY, unless: isPlainText },
  },
};

const textConfig = z.looseObject({ format: z.looseObject({ type: z.string() }).optional() });
function isPlainText(value: unknown): boolean {
  const config = textConfig.safeParse(value);
  return config.success && (config.data.format?.type ?? "text") === "text";
}

const ID = /^resp_([a-z0-9-]{1,64})_(t[0-9a-f]{16})$/;
const item = z.looseObject({
  type: z.string().optional(),
  role: z.string().optional(),
  content: z.unknown().optional(),
});
const items = z.array(item).max(limits.programMessages);
const conversation = z.union([z.string(), z.looseObject({ id: z.string() })]);
const metadata = z.record(z.string().max(64), z.string().max(512));

function questionIn(params: Params): Question {
  const instructions = [paramOf(params, "instructions", z.string()) ?? ""];
  const said: SaidMessage[] = [];
  if (typeof params.input === "string") said.push({ role: "user", parts: partsOf(params.input, "input") });
  for (const [i, one] of (typeof params.input === "string"
    ? []
    : (paramOf(params, "input", items) ?? [])
  ).entries()) {
    const { type = "message", role, content } = one;
    // What an earlier response held besides its text. Clients send it back with the rest.
    if (type === "reasoning") continue;
    if (type !== "message")
      throw new ParamError(`input[${i}].type`, `Items of the type '${type}' are not taken: ${OWN_TOOLS}`);
    const at = `input[${i}].content`;
    if (role === "system" || role === "developer") instructions.push(instructionText(content, at));
    else if (role === "user" || role === "assistant") said.push({ role, parts: partsOf(content, at) });
    else throw new ParamError(`input[${i}].role`, `There are no messages of the role '${role ?? ""}'.`);
  }
  return {
    ...questionOf(said, "input"),
    instructions: joinInstructions(instructions, "instructions"),
    maxOutputTokens: paramOf(params, "max_output_tokens", z.int().min(1)) ?? null,
  };
}

/** Where the question goes. Throws `ParamError`. */
async function placeOf(call: KeyedCall, params: Params, stored: boolean): Promise<Place> {
  const previous = paramOf(params, "previous_response_id", z.string());
  const chat = paramOf(params, "conversation", conversation);
  const inHeader = call.c.req.header("Holdfast-Thread");
  const name = typeof chat === "string" ? chat : (chat?.id ?? inHeader);
  if (previous !== undefined && name !== undefined) {
    const message = "'previous_response_id' and a chat cannot be named together.";
    throw new ParamError("previous_response_id", message);
  }
  if (previous !== undefined) {
    const { thread, turn } = await known(call, previous, "previous_response_id");
    return { thread, after: turn };
  }
  const named = namedThread(call, chat === undefined ? "Holdfast-Thread" : "conversation", name);
  return { thread: named ?? ownThread(call, stored), after: null };
}

async function create(call: KeyedCall): Promise<Response> {
  const params = await readParams(call.c.req.raw);
  checkParams(params, RULES);
  const model = requireModel(call, paramOf(params, "model", z.string()));
  const question = questionIn(params);
  const stream = paramOf(params, "stream", z.boolean()) ?? false;
  const background = paramOf(params, "background", z.boolean()) ?? false;
  const stored = paramOf(params, "store", z.boolean()) ?? true;
  const place = await placeOf(call, params, stored);
  const given: Given = {
    model,
    stored,
    background,
    instructions: paramOf(params, "instructions", z.string()) ?? null,
    metadata: paramOf(params, "metadata", metadata) ?? {},
    maxOutputTokens: question.maxOutputTokens,
    previous: paramOf(params, "previous_response_id", z.string()) ?? null,
  };
  const tell = stream ? "stream" : background ? "accept" : "whole";
  const asked = await ask(call, place, question, tell);
  if (stream) return sseResponse(responseEvents(call, given, asked), asked.cancel);
  const report = await reportOf(asked);
  if (!background) requireAnswer(report);
  return Response.json(responseOf(call, given, asked.thread, report));
}

/** The chat and the turn of a response that this key asked for. Throws `answer_unknown`. */
async function known(
  call: KeyedCall,
  id: string,
  param: string,
): Promise<{ thread: string; turn: string; report: AnswerReport }> {
  const [, thread, turn] = ID.exec(id) ?? [];
  if (!thread || !turn || !isThread(thread)) throw unknown(id, param);
  const stub = conversationStub(call.c.env, conversationName(call.agent.ownerId, thread));
  const allowed = call.keyThread === null || call.keyThread === thread;
  const report = allowed ? await stub.answer(call.principal, turn) : null;
  if (!report) throw unknown(id, param);
  return { thread, turn, report };
}

const unknown = (id: string, param: string): ParamError =>
  new ParamError(param, `Response with id '${id}' not found.`, { code: "answer_unknown" });

const givenNothing = ({ agent }: KeyedCall, stored = true): Given => ({
  ...{ model: agent.handle, stored, background: false, instructions: null, metadata: {} },
  ...{ maxOutputTokens: null, previous: null },
});

const idFrom = (call: KeyedCall): string => call.c.req.param("id") ?? "";

async function read(call: KeyedCall): Promise<Response> {
  const { thread, report } = await known(call, idFrom(call), "id");
  if (isProgramThread(thread) && !isStoredThread(thread)) throw unknown(idFrom(call), "id");
  return Response.json(responseOf(call, givenNothing(call), thread, report));
}

/** Stops the answer, if it is still being given. */
async function cancel(call: KeyedCall): Promise<Response> {
  const { thread, turn } = await known(call, idFrom(call), "id");
  const stub = conversationStub(call.c.env, conversationName(call.agent.ownerId, thread));
  const report = await stub.cancelAnswer(call.principal, turn);
  if (!report) throw unknown(idFrom(call), "id");
  return Response.json(responseOf(call, givenNothing(call), thread, report));
}

/** Deletes the chat that was made for it. A chat with a name is people's: they delete in it. */
async function remove(call: KeyedCall): Promise<Response> {
  const id = idFrom(call);
  const { thread } = await known(call, id, "id");
  if (!isProgramThread(thread))
    throw new ParamError("id", `This response is part of the chat "${thread}". Delete it there.`);
  await userStub(call.c.env, call.agent.ownerId).deleteThread(thread, senderOf(call.principal));
  return Response.json({ id, object: "response", deleted: true });
}

export const RESPONSE_ROUTES: readonly KeyedRoute[] = [
  { method: "POST", path: "/responses", action: "write", run: create },
  { method: "GET", path: "/responses/:id", action: "read", run: read },
  { method: "DELETE", path: "/responses/:id", action: "write", run: remove },
  { method: "POST", path: "/responses/:id/cancel", action: "write", run: cancel },
];
