/** From a chat request to an input: what is new in a client's list, and is it fit to be kept. Pure. */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { type ClientFrame, chatBody, type UserMessage, userMessage } from "../../protocol/frames.ts";
import type { InboundMessage } from "../../protocol/rpc.ts";
import type { InputEntry, ReplyAddress, SaidBefore, Sender, StoredMessage } from "./entries.ts";
import { findTurnItem } from "./places.ts";
import { findUserMessage, type State, type Turn } from "./state.ts";

export interface ChatRequest {
  type: "new";
  request: string;
  keys: string[];
  messages: StoredMessage[];
  regenerate?: string;
  /** A user message on the transcript that is said anew. */
  replaces?: string;
  /** Joins the running turn, if there is one. */
  steer?: true;
  /** Of a program; see `InputEntry`. */
  history?: SaidBefore[];
  instructions?: string;
  maxOutputTokens?: number;
}

/** Everything in the request was accepted before, as part of `turn`. */
export interface SeenRequest {
  type: "seen";
  turn: string;
  messageIds: string[];
}

export const messageKey = (id: string): string => `message:${id}`;
const requestKey = (id: string): string => `request:${id}`;

/** Throws `frame_invalid`, `message_empty`, `message_too_large`, `queue_full`, `bad_request`. */
export function parseChatRequest(
  frame: Extract<ClientFrame, { type: "cf_agent_use_chat_request" }>,
  state: State,
): ChatRequest | SeenRequest {
  const body = parseBody(frame.init.body);
  const earlier = state.seen.get(requestKey(frame.id));
  if (earlier) return { type: "seen", turn: earlier, messageIds: userIds(body.messages) };
  requireRoom(state);
  return body.trigger === "regenerate-message"
    ? regenerate(frame.id, body.messages, body.messageId, state)
    : submit(frame.id, body, state);
}

/** A message that did not come over the chat's socket. `id` makes ids. Throws `message_empty`. */
export function inboundRequest(message: InboundMessage, key: string, id: () => string): ChatRequest {
  const text = message.text.trim();
  if (!text) throw new AppError("message_empty", "Write something first: the message is empty.");
  return {
    type: "new",
    request: `q_${id()}`,
    keys: [key],
    messages: [{ id: `m_${id()}`, parts: [{ type: "text", text }] }],
    ...(message.mode === "steer" && { steer: true as const }),
  };
}

/** Whether one more message may wait, wherever it comes from. Throws `queue_full`. */
export function requireRoom(state: State): void {
  if (state.waiting.filter((turn) => turn.outcome === null).length < limits.queuedInputs) return;
  throw new AppError(
    "queue_full",
    "Too many messages are waiting in this chat. Wait for an answer, or stop it.",
  );
}

type ClientMessage = { id: string; role: string; parts: unknown[] };

const userIds = (messages: readonly ClientMessage[]): string[] =>
  messages.filter((message) => message.role === "user").map((message) => message.id);

function submit(
  id: string,
  body: { messages: readonly ClientMessage[]; mode?: string | undefined; replaces?: string | undefined },
  state: State,
): ChatRequest | SeenRequest {
  const users = body.messages.filter((message) => message.role === "user");
  const unseen = users.filter((message) => !state.seen.get(messageKey(message.id)));
  const last = users.at(-1);
  if (unseen.length === 0) {
    const turn = last && state.seen.get(messageKey(last.id));
    if (turn) return { type: "seen", turn, messageIds: [last.id] };
    throw new AppError("message_empty", "There is no user message in that request.");
  }
  const messages = unseen.map(storedMessage);
  if (messages.length > 1 && bytesOf(messages) > limits.messageBytes) throw tooLarge();
  if (body.replaces !== undefined && findUserMessage(state.items, body.replaces) < 0) {
    throw new AppError("bad_request", "The message that this one replaces is not in the chat any more.");
  }
  return {
    type: "new",
    request: id,
    keys: [...messages.map((message) => messageKey(message.id)), requestKey(id)],
    messages,
    ...(body.replaces !== undefined && { replaces: body.replaces }),
    ...(body.mode === "steer" && body.replaces === undefined && { steer: true as const }),
  };
}

function regenerate(
  id: string,
  list: readonly ClientMessage[],
  messageId: string | undefined,
  state: State,
): ChatRequest {
  const asked =
    questionOf(state, messageId) ?? userIds(list).findLast((user) => findUserMessage(state.items, user) >= 0);
  const target = asked ?? lastQuestion(state);
  if (!target) throw new AppError("bad_request", "There is no answer yet that could be made again.");
  return { type: "new", request: id, keys: [requestKey(id)], messages: [], regenerate: target };
}

/** The user message that a message id belongs to: itself, or the one before an answer. */
function questionOf(state: State, messageId: string | undefined): string | undefined {
  if (!messageId) return undefined;
  if (findUserMessage(state.items, messageId) >= 0) return messageId;
  if (!messageId.startsWith("a_")) return undefined;
  return questionBefore(state, findTurnItem(state.items, messageId.slice(2)));
}

const lastQuestion = (state: State): string | undefined => questionBefore(state, state.items.length);

/** The newest user message before an index. */
function questionBefore(state: State, index: number): string | undefined {
  for (let i = index - 1; i >= 0; i--) {
    const item = state.items.at(i);
    if (item?.type === "user" && !item.message.erased) return item.message.id;
  }
  return undefined;
}

function parseBody(body: string | undefined) {
  let json: unknown;
  try {
    json = JSON.parse(body ?? "");
  } catch {
    throw new AppError("frame_invalid", "The request's body is not JSON.");
  }
  const parsed = chatBody.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AppError(
    "frame_invalid",
    `The request's body is not understood: ${issue?.path.join(".")}: ${issue?.message}.`,
  );
}

const bytesOf = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length;

const tooLarge = () =>
  new AppError(
    "message_too_large",
    "That message is over 256 KB. Upload it as a file and tell the agent what to do with it.",
  );

function storedMessage(raw: ClientMessage): StoredMessage {
  const parsed = userMessage.safeParse(raw);
  if (!parsed.success) {
    throw new AppError(
      "frame_invalid",
      `Message ${raw.id} holds parts that are not understood: send text and files.`,
    );
  }
  return { id: parsed.data.id, parts: storedParts(parsed.data.parts) };
}

/** Throws `message_empty`, `message_too_large`, `frame_invalid`. */
export function storedParts(said: UserMessage["parts"]): StoredMessage["parts"] {
  const parts = said.filter((part) => part.type !== "text" || part.text.trim() !== "");
  if (parts.length === 0) throw new AppError("message_empty", "Write something first: the message is empty.");
  if (bytesOf(parts) > limits.messageBytes) throw tooLarge();
  for (const part of parts) {
    if (part.type === "file" && !/^(workspace:|data:)/.test(part.url)) {
      throw new AppError(
        "frame_invalid",
        "Attach files by upload: a part's URL begins with workspace: or data:.",
      );
    }
  }
  return parts.map((part) =>
    part.type === "text"
      ? { type: "text", text: part.text }
      : {
          type: "file",
          mediaType: part.mediaType,
          url: part.url,
          ...(part.filename !== undefined && { filename: part.filename }),
        },
  );
}

/**
 * The entry of a new request: a turn of its own, or more of one that is there. `announced` is false when it joins a
 * turn, `turn` a fresh id for one of its own, `at` in milliseconds.
 */
export function inputEntry(
  state: State,
  request: ChatRequest,
  sender: Sender,
  from: { source: string; burst?: boolean; reply?: ReplyAddress },
  at: number,
  turn: string,
): { entry: InputEntry; announced: boolean } {
  const { keys, messages, regenerate, replaces } = request;
  const base = {
    kind: "input" as const,
    at,
    request: request.request,
    keys,
    source: from.source,
    sender,
    messages,
    ...(from.reply && { reply: from.reply }),
  };
  if (request.steer && state.active) {
    return { entry: { ...base, turn: state.active.id, joins: "steer" }, announced: false };
  }
  const last = state.waiting.at(-1);
  if (from.burst && last && last.holdUntil > at && last.outcome === null && sameSender(last, sender, from)) {
    const holdUntil = Math.min(at + limits.burstMs, last.acceptedAt + limits.burstMaxMs);
    return { entry: { ...base, turn: last.id, joins: "burst", holdUntil }, announced: false };
  }
  return {
    entry: {
      ...base,
      turn,
      ...(regenerate !== undefined && { regenerate }),
      ...(replaces !== undefined && { replaces }),
      ...(request.history && { history: request.history }),
      ...(request.instructions !== undefined && { instructions: request.instructions }),
      ...(request.maxOutputTokens !== undefined && { maxOutputTokens: request.maxOutputTokens }),
      ...(from.burst && { holdUntil: at + limits.burstMs }),
    },
    announced: true,
  };
}

/** A burst is one person's, on one channel, and wants its answer in one place. */
const sameSender = (turn: Turn, sender: Sender, from: { source: string; reply?: ReplyAddress }): boolean =>
  turn.sender.id === sender.id &&
  turn.source === from.source &&
  JSON.stringify(turn.reply) === JSON.stringify(from.reply ?? null);

/** In a team's chat the model is told who wrote each message. A name is one line, whoever chose it. */
export const named = (entry: InputEntry): InputEntry => {
  const from = entry.sender.name.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return { ...entry, messages: entry.messages.map((message) => ({ ...message, from })) };
};
