/**
 * Frames of the chat socket. The `cf_agent_*` ones are the Agents SDK's chat protocol (agents 0.32.0); the
 * `holdfast_*` ones are ours: our console asks for them with `?client=holdfast`, stock clients never see them.
 */
import { z } from "zod";
import type { ChatMessage } from "./message.ts";

/** Reconnecting clients ask for this text and get `PONG` from the platform itself, without waking the object. */
export const PING = '{"type":"holdfast_ping"}';
export const PONG = '{"type":"holdfast_pong"}';

/**
 * The request that a stream answers. A stream is named by its request; one that takes another's place, after a restart
 * or a retry, has the number of its call behind it: `{request}~{round}.{attempt}`.
 */
export const requestOfStream = (stream: string): string => stream.replace(/~\d+\.\d+$/, "");

/** A message part that a client may send: text, or a file by URL (`workspace:<path>` or a data URL). */
const clientPart = z.union([
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({
    type: z.literal("file"),
    mediaType: z.string().max(200),
    filename: z.string().max(300).optional(),
    url: z.string(),
  }),
]);

/** A message of the client's list. Only user messages are ever taken, so the rest is not looked at. */
const clientMessage = z.looseObject({
  id: z.string().min(1).max(200),
  role: z.string(),
  parts: z.array(z.unknown()),
});

export const userMessage = z.object({
  id: z.string().min(1).max(200),
  role: z.literal("user"),
  parts: z.array(clientPart),
});
export type UserMessage = z.infer<typeof userMessage>;

/** The JSON inside `init.body` of a chat request. */
export const chatBody = z.looseObject({
  messages: z.array(clientMessage),
  trigger: z.enum(["submit-message", "regenerate-message"]).default("submit-message"),
  messageId: z.string().max(200).optional(),
  /** Ours: `steer` joins the running turn before its next model call instead of waiting for a turn of its own. */
  mode: z.enum(["queue", "steer"]).optional(),
  /** Ours: a user message on the transcript that this one is said instead of; it and all behind it are taken back. */
  replaces: z.string().max(200).optional(),
});

const id = z.string().min(1).max(200);

export const clientFrame = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("cf_agent_use_chat_request"),
    id,
    init: z.looseObject({ method: z.string().optional(), body: z.string().optional() }),
  }),
  z.object({ type: z.literal("cf_agent_chat_request_cancel"), id }),
  z.object({ type: z.literal("cf_agent_chat_clear") }),
  z.object({ type: z.literal("cf_agent_stream_resume_request"), probeId: z.string().max(200).optional() }),
  /** `after` is ours: the last `seq` that the client has applied; the replay begins behind it. */
  z.object({ type: z.literal("cf_agent_stream_resume_ack"), id, after: z.number().int().min(-1).optional() }),
  z.object({ type: z.literal("cf_agent_chat_messages") }),
  z.object({ type: z.literal("cf_agent_tool_result"), toolCallId: id }),
  z.object({
    type: z.literal("cf_agent_tool_approval"),
    toolCallId: id,
    approved: z.boolean(),
    /** The client waits for what follows as a continuation of the message that it has. */
    autoContinue: z.boolean().optional(),
    /** Ours: said to the model with a refusal. */
    comment: z.string().max(2000).optional(),
  }),
  /** Ours: changes a message that waits: other words, away with it, or into the running turn. */
  z.object({
    type: z.literal("holdfast_amend"),
    messageId: id,
    change: z.discriminatedUnion("action", [
      z.object({ action: z.literal("edit"), text: z.string() }),
      z.object({ action: z.literal("delete") }),
      z.object({ action: z.literal("steer") }),
    ]),
  }),
  z.object({ type: z.literal("cf_agent_state") }),
  z.object({ type: z.literal("rpc"), id, method: z.string(), args: z.array(z.unknown()).default([]) }),
  z.object({ type: z.literal("holdfast_ping") }),
]);
export type ClientFrame = z.infer<typeof clientFrame>;

export type ServerFrame =
  | { type: "cf_agent_identity"; name: string; agent: string }
  | { type: "cf_agent_chat_messages"; messages: readonly ChatMessage[]; connect?: true }
  | {
      type: "cf_agent_use_chat_response";
      id: string;
      /** One `ChatChunk` as JSON, an error sentence when `error`, or empty. */
      body: string;
      done: boolean;
      error?: true;
      replay?: true;
      /** Chunks that go on where the message already is; without it the message begins anew. */
      continuation?: true;
      replayComplete?: true;
      seq?: number;
      messageIds?: string[];
      outcome?: "completed" | "error" | "aborted" | "skipped" | "recovering";
    }
  | { type: "cf_agent_message_updated"; message: ChatMessage }
  | { type: "cf_agent_chat_clear" }
  | { type: "cf_agent_chat_recovering"; recovering: boolean; id?: string }
  | { type: "cf_agent_stream_resuming"; id: string; probeId?: string }
  | { type: "cf_agent_stream_pending"; id?: string; probeId?: string }
  | { type: "cf_agent_stream_resume_none"; reason: "idle" | "continuation-owned"; probeId?: string }
  | { type: "cf_agent_state_error"; error: string }
  | { type: "rpc"; id: string; success: true; done: true; result: unknown }
  | { type: "rpc"; id: string; success: false; error: string }
  /** Ours: the journal has these messages; the client may forget its own copies. `queued`: they wait for a turn. */
  | { type: "holdfast_accepted"; id: string; messageIds: string[]; queued: boolean }
  /** Ours: a request was refused for good; `code` is an `ErrorCode`. Sent before the terminal error frame. */
  | { type: "holdfast_refused"; id: string; code: string; message: string }
  /** Ours: these messages left the transcript (taken back, or deleted while they waited). */
  | { type: "holdfast_removed"; messageIds: string[] }
  /** Ours: someone decided; `counted` is false for a decision that came second. Sent to who decided. */
  | { type: "holdfast_decided"; toolCallId: string; counted: boolean; approved: boolean; by: string }
  /** Ours: a frame that no request can be blamed for was not understood. */
  | { type: "holdfast_error"; code: string; message: string }
  | { type: "holdfast_pong" };
