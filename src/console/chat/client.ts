/**
 * The chat client of one conversation: framework-free, told everything it needs. It keeps a socket, applies the
 * server's frames to the transcript, and sends what the reader wrote until the server has accepted it.
 */
import { z } from "zod";
import type { Connection, ConnectionStatus } from "../app/connection.ts";
import { connect } from "../app/connection.ts";
import type { ChatClient, ChatOptions, ChatSnapshot, Decided } from "./chat.ts";
import { chunkFrom } from "./chunks.ts";
import type { Frame, ResponseFrame } from "./frames.ts";
import { frameFrom } from "./frames.ts";
import { OLDER_PAGE, readMessages } from "./history.ts";
import { joinedOf, linesOf } from "./lines.ts";
import { isAsking, messageFrom, messagesFrom } from "./message.ts";
import type { Transcript } from "./transcript.ts";
import * as transcript from "./transcript.ts";
import type { Unsent } from "./unsent.ts";
import { asMessage, unsentQueue } from "./unsent.ts";

/** How often the chat's connection is asked whether it lives. */
export const CHAT_PING_MS = 20_000;

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
  let deciding: Readonly<Record<string, boolean>> = {};
  let decided: Readonly<Record<string, Decided>> = {};
  let loadingOlder = false;
  const refused = new Set<string>();
  const unsent = unsentQueue(platform.storage, options.userId, thread, () => publish());
  let view: ChatSnapshot | null = null;
  let stale = true;

  function publish(): void {
    stale = true;
    for (const listener of listeners) listener();
  }

  function sendFrame(frame: unknown): boolean {
    return connection.send(JSON.stringify(frame));
  }

  function sendRequest(entry: Unsent): void {
    const body = JSON.stringify({
      messages: [entry.message],
      trigger: "submit-message",
      ...(entry.steer && { mode: "steer" }),
      ...(entry.replaces !== undefined && { replaces: entry.replaces }),
    });
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
    const steering = entry?.steer === true && transcript.isWorking(state);
    if (message && (frame.queued || steering)) message.metadata.waiting = steering ? "steering" : "queued";
    state = transcript.onAccepted(state, frame.id, message ? [message] : [], frame.queued || steering);
  }

  function onRefused(frame: Extract<Frame, { type: "holdfast_refused" }>): void {
    refused.add(frame.id);
    sending = new Set([...sending].filter((id) => id !== frame.id));
    if (unsent.list().some((entry) => entry.id === frame.id)) {
      unsent.refuse(frame.id, { code: frame.code, message: frame.message });
    } else {
      notice = frame.message;
      deciding = {};
      state = transcript.onRefused(state, frame.id);
    }
  }

  function onDecided({
    toolCallId,
    counted,
    approved,
    by,
  }: Extract<Frame, { type: "holdfast_decided" }>): void {
    const { [toolCallId]: _, ...rest } = deciding;
    deciding = rest;
    decided = { ...decided, [toolCallId]: { counted, approved, by } };
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
      case "holdfast_removed":
        state = transcript.onRemoved(state, frame.messageIds);
        return;
      case "holdfast_decided":
        return onDecided(frame);
      case "holdfast_error":
        notice = frame.message;
        deciding = {};
        return;
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
        deciding = {};
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

  function look(): ChatSnapshot {
    const joined = sameMap(view?.joined, joinedOf(state));
    const lines = linesOf(state, joined);
    return {
      connection: status,
      loaded: state.loaded,
      lines,
      joined,
      deciding,
      decided,
      asking: lines.some((line) => isAsking(line.message)),
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
  }

  function snapshot(): ChatSnapshot {
    if (!view || stale) view = look();
    stale = false;
    return view;
  }

  async function loadOlder(): Promise<void> {
    const oldest = state.messages[0];
    if (!oldest || !state.hasOlder || loadingOlder) return;
    loadingOlder = true;
    publish();
    try {
      state = transcript.onOlder(state, await readMessages(options, oldest.id), OLDER_PAGE);
    } finally {
      loadingOlder = false;
      publish();
    }
  }

  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    snapshot,
    send: (parts, { steer, replaces } = {}) => {
      const id = platform.id("r_");
      unsent.add({
        id,
        message: { id: platform.id("m_"), role: "user", parts },
        at: platform.now(),
        ...(steer && { steer }),
        ...(replaces !== undefined && { replaces }),
      });
      // Before the transcript has arrived we cannot know what the server has: `flush` sends it then.
      if (status.kind === "open" && state.loaded) flush();
      publish();
      return id;
    },
    amend: (messageId, change) => sendFrame({ type: "holdfast_amend", messageId, change }),
    decide: (toolCallId, approved, comment) => {
      const words = comment?.trim();
      const sent = sendFrame({
        type: "cf_agent_tool_approval",
        toolCallId,
        approved,
        ...(words && { comment: words }),
      });
      if (sent) {
        deciding = { ...deciding, [toolCallId]: approved };
        publish();
      }
      return sent;
    },
    stop: () => {
      const id = transcript.runningRequest(state);
      if (id && !sendFrame({ type: "cf_agent_chat_request_cancel", id })) unsentStop = id;
      return id !== null;
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
    loadOlder,
    reach: async (messageId) => {
      const known = () => state.messages.some((message) => message.id === messageId);
      while (!known() && state.hasOlder && !loadingOlder) {
        const before = state.messages.length;
        await loadOlder();
        if (state.messages.length === before) break;
      }
      return known();
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

// The same map for the same messages, so that what shows them is not rendered for every word of an answer.
function sameMap<V>(
  known: ReadonlyMap<string, V> | undefined,
  next: ReadonlyMap<string, V>,
): ReadonlyMap<string, V> {
  const same = known?.size === next.size && [...next].every(([key, value]) => known.get(key) === value);
  return same && known ? known : next;
}
