/** From a chat request to an input: what is new in a client's list, and is it fit to be kept. Pure. */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { type ClientFrame, chatBody, userMessage } from "../../protocol/frames.ts";
import type { StoredMessage } from "./entries.ts";
import { findUserMessage, type State } from "./state.ts";

export interface ChatRequest {
  type: "new";
  request: string;
  keys: string[];
  messages: StoredMessage[];
  regenerate?: string;
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
  if (waitingCount(state) >= limits.queuedInputs) {
    throw new AppError(
      "queue_full",
      "Too many messages are waiting in this chat. Wait for an answer, or stop it.",
    );
  }
  return body.trigger === "regenerate-message"
    ? regenerate(frame.id, body.messages, body.messageId, state)
    : submit(frame.id, body.messages, state);
}

const waitingCount = (state: State): number => state.waiting.filter((turn) => turn.outcome === null).length;

type ClientMessage = { id: string; role: string; parts: unknown[] };

const userIds = (messages: readonly ClientMessage[]): string[] =>
  messages.filter((message) => message.role === "user").map((message) => message.id);

function submit(id: string, list: readonly ClientMessage[], state: State): ChatRequest | SeenRequest {
  const users = list.filter((message) => message.role === "user");
  const unseen = users.filter((message) => !state.seen.get(messageKey(message.id)));
  const last = users.at(-1);
  if (unseen.length === 0) {
    const turn = last && state.seen.get(messageKey(last.id));
    if (turn) return { type: "seen", turn, messageIds: [last.id] };
    throw new AppError("message_empty", "There is no user message in that request.");
  }
  const messages = unseen.map(storedMessage);
  return {
    type: "new",
    request: id,
    keys: [...messages.map((message) => messageKey(message.id)), requestKey(id)],
    messages,
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
  let question: string | undefined;
  for (let i = 0; i < state.items.length; i++) {
    const item = state.items.at(i);
    if (item?.type === "user") question = item.message.id;
    if (item?.type === "turn" && `a_${item.turn.id}` === messageId) return question;
  }
  return undefined;
}

function lastQuestion(state: State): string | undefined {
  for (let i = state.items.length - 1; i >= 0; i--) {
    const item = state.items.at(i);
    if (item?.type === "user") return item.message.id;
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

function storedMessage(raw: ClientMessage): StoredMessage {
  const parsed = userMessage.safeParse(raw);
  if (!parsed.success) {
    throw new AppError(
      "frame_invalid",
      `Message ${raw.id} holds parts that are not understood: send text and files.`,
    );
  }
  const parts = parsed.data.parts.filter((part) => part.type !== "text" || part.text.trim() !== "");
  if (parts.length === 0) throw new AppError("message_empty", "Write something first: the message is empty.");
  if (new TextEncoder().encode(JSON.stringify(parts)).length > limits.messageBytes) {
    throw new AppError(
      "message_too_large",
      "That message is over 256 KB. Upload it as a file and tell the agent what to do with it.",
    );
  }
  for (const part of parts) {
    if (part.type === "file" && !/^(workspace:|data:)/.test(part.url)) {
      throw new AppError(
        "frame_invalid",
        "Attach files by upload: a part's URL begins with workspace: or data:.",
      );
    }
  }
  return {
    id: parsed.data.id,
    parts: parts.map((part) =>
      part.type === "text"
        ? { type: "text", text: part.text }
        : {
            type: "file",
            mediaType: part.mediaType,
            url: part.url,
            ...(part.filename !== undefined && { filename: part.filename }),
          },
    ),
  };
}
