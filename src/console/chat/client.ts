/**
 * The chat client of one conversation: framework-free, told everything it needs. It keeps a socket, applies the
 * server's frames to the transcript, and sends what the reader wrote until the server has accepted it.
 */
import * as z from "zod";
import type { Connection, ConnectionStatus } from "../app/connection.ts";
import { connect } from "../app/connection.ts";
import type { Platform } from "../app/platform.ts";
import { chunkFrom } from "./chunks.ts";
import type { Frame, ResponseFrame } from "./frames.ts";
import { frameFrom } from "./frames.ts";
import type { Message } from "./message.ts";
import { messageFrom, messagesFrom } from "./message.ts";
import type { Line, Transcript } from "./transcript.ts";
import * as transcript from "./transcript.ts";
import type { SentPart, Unsent } from "./unsent.ts";
import { unsentQueue } from "./unsent.ts";

/** How often the chat's connection is asked whether it lives. */
export const CHAT_PING_MS = 20_000;
/** Older messages fetched at a time. */
export const OLDER_PAGE = 50;

export interface ChatSnapshot {
  connection: ConnectionStatus;
  loaded: boolean;
  lines: readonly Line[];
  /** What the server has not accepted, in the order of sending. */
  unsent: readonly Unsent[];
  /** Ids of unsent requests that are on their way over the open connection. */
  sending: ReadonlySet<string>;
  working: boolean;
  recovering: boolean;
  /** An answer streams whose message is in `lines`. */
  answering: boolean;
  failure: transcript.Failure | null;
  /** A request without a message (regenerate) was refused: the server's sentence. */
  notice: string | null;
  hasOlder: boolean;
  loadingOlder: boolean;
}

export interface ChatOptions {
  platform: Platform;
  userId: string;
  handle: string;
  thread: string;
  /** Any answer of 401: the page has to sign in again. */
  signedOut(): void;
}

export interface ChatClient {
  subscribe(listener: () => void): () => void;
  snapshot(): ChatSnapshot;
  /** Puts a message on its way and returns its request id. */
  send(parts: SentPart[]): string;
  /** Ends the running turn. */
  stop(): void;
  /** Asks for the answer again. `messageId`: the answer, or the user message that got none. */
  regenerate(messageId: string): void;
  /** Takes a refused message out of the queue and returns it, for editing or to forget it. */
  discard(requestId: string): Unsent | null;
  /** Sends a refused message once more, with the same ids. */
  sendAgain(requestId: string): void;
  loadOlder(): Promise<void>;
  dismissNotice(): void;
  /** Tries to connect at once. */
  reconnect(): void;
  close(): void;
}

const pageSchema = z.union([z.array(z.unknown()), z.object({ messages: z.array(z.unknown()) })]);
const refusalSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export function chatClient(options: ChatOptions): ChatClient {
  const { platform, handle, thread } = options;
  const base = `/@${handle}/${thread}`;
  const listeners = new Set<() => void>();
  let state: Transcript = transcript.emptyTranscript;
  let status: ConnectionStatus = { kind: "connecting", attempt: 0 };
  let sending: ReadonlySet<string> = new Set();
  let resumed: string | null = null;
  let probe: string | null = null;
  /** A stop that could not be sent: it is meant for this stream, should it still run when we are back. */
  let unsentStop: string | null = null;
  let notice: string | null = null;
  let loadingOlder = false;
  const refused = new Set<string>();
  const unsent = unsentQueue(platform.storage, options.userId, thread, () => publish());
  let view: ChatSnapshot | null = null;

  function publish(): void {
    view = null;
    for (const listener of listeners) listener();
  }

  function sendFrame(frame: unknown): boolean {
    return connection.send(JSON.stringify(frame));
  }

  function sendRequest(entry: Unsent): void {
    const body = JSON.stringify({ messages: [entry.message], trigger: "submit-message" });
    const sent = sendFrame({
      type: "cf_agent_use_chat_request",
      id: entry.id,
      init: { method: "POST", body },
    });
    if (sent) sending = new Set([...sending, entry.id]);
  }

  // Everything that the server may not have: sent in order, each with the ids it has had from the start.
  function flush(): void {
    const listed = new Set(state.messages.map((message) => message.id));
    for (const entry of unsent.list()) {
      if (listed.has(entry.message.id)) unsent.remove(entry.id);
      else if (!entry.refused && !sending.has(entry.id)) sendRequest(entry);
    }
  }

  function onMessages(frame: Extract<Frame, { type: "cf_agent_chat_messages" }>): void {
    state = transcript.onMessages(state, messagesFrom(frame.messages), frame.connect === true);
    flush();
    if (!frame.connect) return;
    // A stream or a request that we left behind: the server says whether it still runs. If it does, the offer to
    // resume is on its way already, and the answer to this question changes nothing.
    if (state.live || Object.keys(state.awaiting).length > 0) {
      probe = platform.id("p_");
      sendFrame({ type: "cf_agent_stream_resume_request", probeId: probe });
    }
  }

  function onResuming(stream: string): void {
    if (resumed === stream) return;
    resumed = stream;
    state = transcript.onResuming(state, stream);
    const seq = state.live?.seq ?? -1;
    sendFrame({ type: "cf_agent_stream_resume_ack", id: stream, ...(seq >= 0 ? { after: seq } : {}) });
    if (unsentStop !== null && stream.startsWith(unsentStop)) {
      sendFrame({ type: "cf_agent_chat_request_cancel", id: stream });
    }
    unsentStop = null;
  }

  function onResponse(frame: ResponseFrame): void {
    if (!frame.done) {
      if (frame.replayComplete && !frame.body) return;
      state = transcript.onChunk(state, frame.id, chunkFrom(frame.body), frame.seq);
      return;
    }
    if (resumed === frame.id) resumed = null;
    if (refused.delete(frame.id)) return;
    // The turn goes on elsewhere: `cf_agent_chat_recovering` and a new stream follow.
    if (frame.outcome === "recovering") {
      state = transcript.onRecovering(transcript.onDisconnected(state), true);
      return;
    }
    state = transcript.onDone(state, frame.id, frame.error ? frame.body : null);
  }

  function onAccepted(frame: Extract<Frame, { type: "holdfast_accepted" }>): void {
    const entry = unsent.remove(frame.id);
    sending = new Set([...sending].filter((id) => id !== frame.id));
    const message = entry && asMessage(entry);
    state = transcript.onAccepted(state, frame.id, message ? [message] : [], frame.queued);
  }

  function onRefused(frame: Extract<Frame, { type: "holdfast_refused" }>): void {
    refused.add(frame.id);
    sending = new Set([...sending].filter((id) => id !== frame.id));
    if (unsent.list().some((entry) => entry.id === frame.id)) {
      unsent.refuse(frame.id, { code: frame.code, message: frame.message });
    } else {
      notice = frame.message;
      state = transcript.onRefused(state, frame.id);
    }
  }

  function onFrame(frame: Frame): void {
    switch (frame.type) {
      case "cf_agent_chat_messages":
        return onMessages(frame);
      case "cf_agent_use_chat_response":
        return onResponse(frame);
      case "cf_agent_message_updated": {
        const message = messageFrom(frame.message);
        if (message) state = transcript.onUpdated(state, message);
        return;
      }
      case "cf_agent_chat_clear":
        state = transcript.onCleared(state);
        return;
      case "cf_agent_chat_recovering":
        state = transcript.onRecovering(state, frame.recovering);
        return;
      case "cf_agent_stream_resuming":
        return onResuming(frame.id);
      case "cf_agent_stream_resume_none":
        if (probe !== null && frame.probeId === probe) state = transcript.onIdle(state);
        return;
      case "holdfast_accepted":
        return onAccepted(frame);
      case "holdfast_refused":
        return onRefused(frame);
      case "cf_agent_identity":
      case "cf_agent_stream_pending":
        return;
    }
  }

  // The same question over plain HTTP has a status that scripts may read.
  async function whyRefused(): Promise<{ code: number; reason: string } | null> {
    const response = await platform.fetch(`${base}/get-messages?limit=1`);
    if (response.status === 401) options.signedOut();
    if (![400, 403, 404].includes(response.status)) return null;
    const body = refusalSchema.safeParse(await response.json().catch(() => null)); // the status is enough
    return { code: response.status, reason: body.success ? body.data.error.message : "" };
  }

  const connection: Connection = connect({
    platform,
    path: `${base}?client=holdfast&_pk=${platform.id("c_")}`,
    pingEveryMs: CHAT_PING_MS,
    whyRefused,
    onStatus: (next) => {
      status = next;
      if (next.kind !== "open") {
        sending = new Set();
        state = transcript.onDisconnected(state);
      }
      publish();
    },
    onOpen: () => {
      resumed = null;
      probe = null;
    },
    onText: (text) => {
      const frame = frameFrom(text);
      if (!frame) return;
      onFrame(frame);
      publish();
    },
  });

  function snapshot(): ChatSnapshot {
    view ??= {
      connection: status,
      loaded: state.loaded,
      lines: transcript.linesOf(state),
      unsent: unsent.list(),
      sending,
      working: transcript.isWorking(state),
      recovering: state.recovering,
      answering: state.live?.message != null && state.live.message.parts.length > 0,
      failure: state.failure,
      notice,
      hasOlder: state.hasOlder,
      loadingOlder,
    };
    return view;
  }

  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    snapshot,
    send: (parts) => {
      const id = platform.id("r_");
      unsent.add({ id, message: { id: platform.id("m_"), role: "user", parts }, at: platform.now() });
      // Before the transcript has arrived we cannot know what the server has: `flush` sends it then.
      if (status.kind === "open" && state.loaded) flush();
      publish();
      return id;
    },
    stop: () => {
      const id = transcript.runningRequest(state);
      if (id && !sendFrame({ type: "cf_agent_chat_request_cancel", id })) unsentStop = id;
    },
    regenerate: (messageId) => {
      const id = platform.id("r_");
      const body = JSON.stringify({ messages: [], trigger: "regenerate-message", messageId });
      if (!sendFrame({ type: "cf_agent_use_chat_request", id, init: { method: "POST", body } })) return;
      state = transcript.onAccepted(state, id, [], false);
      publish();
    },
    discard: (id) => {
      const entry = unsent.remove(id);
      publish();
      return entry;
    },
    sendAgain: (id) => {
      refused.delete(id);
      unsent.revive(id);
      flush();
      publish();
    },
    loadOlder: async () => {
      const oldest = state.messages[0];
      if (!oldest || !state.hasOlder || loadingOlder) return;
      loadingOlder = true;
      publish();
      try {
        const query = `before=${encodeURIComponent(oldest.id)}&limit=${OLDER_PAGE}`;
        const response = await platform.fetch(`${base}/get-messages?${query}`);
        if (response.status === 401) return options.signedOut();
        if (!response.ok) throw new Error(`get-messages answered ${response.status}`);
        const page = pageSchema.parse(await response.json());
        const values = Array.isArray(page) ? page : page.messages;
        state = transcript.onOlder(state, messagesFrom(values), OLDER_PAGE);
      } finally {
        loadingOlder = false;
        publish();
      }
    },
    dismissNotice: () => {
      notice = null;
      publish();
    },
    reconnect: () => connection.retry(),
    close: () => {
      connection.close();
      unsent.close();
      listeners.clear();
    },
  };
}

/** An unsent message as the transcript shows it. */
export function asMessage(entry: Unsent): Message {
  return {
    id: entry.message.id,
    role: "user",
    parts: entry.message.parts.map((part, index) =>
      part.type === "text"
        ? { type: "text", key: `text-${index}`, text: part.text, streaming: false }
        : { ...part, key: `file-${index}`, filename: part.filename ?? "" },
    ),
    metadata: { createdAt: entry.at },
  };
}
