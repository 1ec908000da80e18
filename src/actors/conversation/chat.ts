/**
 * The Agents SDK's chat protocol over the conversation, so that `useAgentChat`, `AgentClient` and partysocket work
 * unchanged, and the few frames that our console has besides.
 */
import { AppError, toWire } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { type ClientFrame, clientFrame, requestOfStream, type ServerFrame } from "../../protocol/frames.ts";
import type { ChatMessage } from "../../protocol/message.ts";
import type { Entry, Sender } from "./entries.ts";
import { type Peer, Peers, send } from "./peers.ts";
import { findTurn, hasWork, type State, type Turn } from "./state.ts";
import type { LiveStream } from "./stream.ts";
import { type ChatRequest, parseChatRequest } from "./submit.ts";
import { answerMessage, messageJson, userMessages, viewOf } from "./transcript.ts";

/** What the chat sees of its conversation. */
export interface ChatHost {
  state(): State;
  live(): LiveStream | null;
  /** Messages on the transcript's end, with what has streamed so far. */
  window(): ChatMessage[];
  /** Accepts a request durably, or throws. */
  submit(request: ChatRequest, sender: Sender): Promise<{ turn: string; fresh: boolean }>;
  cancel(target: string): boolean;
  clear(by: Sender): void;
  identity: { name: string; agent: string };
}

export class Chat {
  readonly peers = new Peers();
  readonly #host: ChatHost;
  /** Who asked, by request id: an answer's frames go to them without an offer. */
  readonly #requesters = new Map<string, Peer>();

  constructor(host: ChatHost) {
    this.#host = host;
  }

  connected(peer: Peer): void {
    send(peer, { type: "cf_agent_identity", ...this.#host.identity });
    send(peer, this.#transcriptFrame(true));
    const live = this.#host.live();
    if (live) this.#offer(peer, live.id);
  }

  /** Handles one message of a client. Never throws: what cannot be attributed to a request gets an error frame. */
  async message(peer: Peer, raw: string | ArrayBuffer | ArrayBufferView): Promise<void> {
    let frame: ClientFrame | null = null;
    try {
      frame = parseFrame(raw);
      await this.#handle(peer, frame);
    } catch (error) {
      const wire = toWire(error);
      if (wire.code === "internal") console.error("chat frame failed", error);
      if (frame?.type === "cf_agent_use_chat_request") this.#refuse(peer, frame.id, wire);
      else send(peer, { type: "holdfast_error", ...wire });
    }
  }

  #refuse(peer: Peer, id: string, wire: { code: string; message: string }): void {
    this.#requesters.delete(id);
    if (peer.console) send(peer, { type: "holdfast_refused", id, ...wire });
    send(peer, {
      type: "cf_agent_use_chat_response",
      id,
      body: wire.message,
      done: true,
      error: true,
      outcome: "error",
    });
  }

  async #handle(peer: Peer, frame: ClientFrame): Promise<void> {
    switch (frame.type) {
      case "cf_agent_use_chat_request":
        return this.#request(peer, frame);
      case "cf_agent_chat_request_cancel":
        if (!this.#host.cancel(frame.id)) this.#host.cancel(requestOfStream(frame.id));
        return;
      case "cf_agent_chat_clear":
        this.#host.clear(senderOf(peer));
        for (const other of this.peers) if (other !== peer) send(other, { type: "cf_agent_chat_clear" });
        return;
      case "cf_agent_stream_resume_request":
        return this.#probe(peer, frame.probeId);
      case "cf_agent_stream_resume_ack":
        return this.#replay(peer, frame.id, frame.after ?? -1);
      case "cf_agent_chat_messages":
        // The transcript is the journal's: a client's copy is never taken, and ours is sent back.
        return send(peer, this.#transcriptFrame(false));
      case "cf_agent_state":
        return send(peer, { type: "cf_agent_state_error", error: "This agent keeps no client state." });
      case "rpc":
        return send(peer, {
          type: "rpc",
          id: frame.id,
          success: false,
          error: `There is no method "${frame.method}" here. Use the chat frames or the HTTP API.`,
        });
      case "holdfast_ping":
        return send(peer, { type: "holdfast_pong" });
      case "cf_agent_tool_result":
      case "cf_agent_tool_approval":
        throw new AppError("frame_invalid", "No tool call of this chat waits for an answer from a client.");
    }
  }

  async #request(
    peer: Peer,
    frame: Extract<ClientFrame, { type: "cf_agent_use_chat_request" }>,
  ): Promise<void> {
    const request = parseChatRequest(frame, this.#host.state());
    if (request.type === "seen") return this.#answerSeen(peer, frame.id, request.turn, request.messageIds);
    this.#requesters.set(frame.id, peer);
    const queued = hasWork(this.#host.state());
    await this.#host.submit(request, senderOf(peer));
    if (peer.console) {
      const messageIds = request.messages.map((message) => message.id);
      send(peer, { type: "holdfast_accepted", id: frame.id, messageIds, queued });
    }
  }

  /** A request that was accepted before: it counts once, and the client learns how it stands. */
  #answerSeen(peer: Peer, id: string, turnId: string, messageIds: string[]): void {
    if (peer.console) send(peer, { type: "holdfast_accepted", id, messageIds, queued: false });
    const turn = findTurn(this.#host.state(), turnId);
    const live = this.#host.live();
    if (live && turn && live.turn === turn.id) return this.#offer(peer, live.id);
    if (turn && turn.outcome === null) {
      this.#requesters.set(turn.request, peer);
      return send(peer, { type: "cf_agent_stream_pending", id });
    }
    send(peer, this.#transcriptFrame(false));
    send(peer, turn ? doneFrame(turn, id) : { type: "cf_agent_use_chat_response", id, body: "", done: true });
  }

  #offer(peer: Peer, id: string, probeId?: string): void {
    peer.heldFor = id;
    peer.probe = null;
    send(peer, { type: "cf_agent_stream_resuming", id, ...(probeId !== undefined && { probeId }) });
  }

  #probe(peer: Peer, probeId: string | undefined): void {
    const live = this.#host.live();
    const echo = probeId !== undefined ? { probeId } : {};
    if (live) return this.#offer(peer, live.id, probeId);
    if (hasWork(this.#host.state())) {
      peer.probe = { id: probeId };
      return send(peer, { type: "cf_agent_stream_pending", ...echo });
    }
    send(peer, { type: "cf_agent_stream_resume_none", reason: "idle", ...echo });
  }

  /** Everything behind `after`, then live. Synchronous: no chunk can come in between. */
  #replay(peer: Peer, id: string, after: number): void {
    const live = this.#host.live();
    peer.heldFor = null;
    if (live?.id !== id) {
      return send(peer, { type: "cf_agent_use_chat_response", id, body: "", done: true, replay: true });
    }
    let seq = after + 1;
    for (const body of live.bodies(seq)) {
      send(peer, { type: "cf_agent_use_chat_response", id, body, done: false, replay: true, seq: seq++ });
    }
    send(peer, {
      type: "cf_agent_use_chat_response",
      id,
      body: "",
      done: false,
      replay: true,
      replayComplete: true,
    });
  }

  // --- what the conversation tells us ------------------------------------------------------------------

  /** Entries are in the journal: other clients see what was sent before the answer to it begins. */
  committed(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.kind === "input" && !entry.regenerate) this.#showInput(entry.turn, entry.request);
      if (entry.kind === "call" && entry.round === 0 && entry.attempt === 1) this.#showRewind(entry.turn);
    }
  }

  #showInput(turnId: string, request: string): void {
    const turn = findTurn(this.#host.state(), turnId);
    if (!turn) return;
    const from = this.#requesters.get(request);
    let whole: string | null = null;
    for (const peer of this.peers) {
      if (peer === from) continue;
      if (peer.console) {
        for (const message of userMessages(turn)) send(peer, { type: "cf_agent_message_updated", message });
      } else {
        whole ??= this.#transcriptFrame(false);
        send(peer, whole);
      }
    }
  }

  /** An answer is being replaced: everybody drops it. */
  #showRewind(turnId: string): void {
    const turn = findTurn(this.#host.state(), turnId);
    if (!turn || turn.regenerate === null) return;
    const frame = this.#transcriptFrame(false);
    const from = this.#requesters.get(turn.request);
    for (const peer of this.peers) if (peer !== from || peer.console) send(peer, frame);
  }

  /** A stream opened. Probes that were told to wait get their offer. */
  opened(live: LiveStream): void {
    for (const peer of this.peers) if (peer.probe) this.#offer(peer, live.id, peer.probe.id);
  }

  chunk(id: string, seq: number, body: string): void {
    let frame: string | null = null;
    for (const peer of this.peers) {
      if (peer.heldFor === id) continue;
      frame ??= `{"type":"cf_agent_use_chat_response","id":${JSON.stringify(id)},"body":${JSON.stringify(body)},"done":false,"seq":${seq}}`;
      send(peer, frame);
    }
  }

  replaced(old: LiveStream, next: LiveStream): void {
    for (const peer of this.peers) {
      send(peer, { type: "cf_agent_chat_recovering", recovering: true, id: next.id });
      send(peer, {
        type: "cf_agent_use_chat_response",
        id: old.id,
        body: "",
        done: true,
        outcome: "recovering",
      });
      this.#offer(peer, next.id);
    }
  }

  /** The transcript first, then the terminal frame. */
  ended(turn: Turn, live: LiveStream | null): void {
    this.#requesters.delete(turn.request);
    const id = live?.id ?? turn.request;
    const done = JSON.stringify(doneFrame(turn, id));
    let whole: string | null = null;
    const answer = `{"type":"cf_agent_message_updated","message":${messageJson(finalMessage(this.#host.state(), turn))}}`;
    for (const peer of this.peers) {
      if (peer.console) send(peer, answer);
      else {
        whole ??= this.#transcriptFrame(false);
        send(peer, whole);
      }
      if (id !== turn.request) send(peer, { type: "cf_agent_chat_recovering", recovering: false });
      send(peer, done);
      if (peer.heldFor === id) peer.heldFor = null;
    }
    if (!hasWork(this.#host.state())) this.#releaseProbes();
  }

  /** Clients that were told to wait learn that nothing will stream. */
  #releaseProbes(): void {
    for (const peer of this.peers) {
      if (!peer.probe) continue;
      const probeId = peer.probe.id;
      peer.probe = null;
      send(peer, {
        type: "cf_agent_stream_resume_none",
        reason: "idle",
        ...(probeId !== undefined && { probeId }),
      });
    }
  }

  forget(peer: Peer): void {
    this.peers.delete(peer.connection);
    for (const [request, requester] of this.#requesters)
      if (requester === peer) this.#requesters.delete(request);
  }

  #transcriptFrame(connect: boolean): string {
    const messages = this.#host.window().map(messageJson).join(",");
    return `{"type":"cf_agent_chat_messages","messages":[${messages}]${connect ? ',"connect":true' : ""}}`;
  }
}

const senderOf = (peer: Peer): Sender => ({ id: peer.principal.userId, name: peer.principal.name });

/** The turn's answer as it stands on the transcript. */
function finalMessage(state: State, turn: Turn): ChatMessage {
  const item = state.items.at(state.items.length - 1);
  return item?.type === "turn" && item.turn.id === turn.id ? viewOf(item) : answerMessage(turn, []);
}

const OUTCOMES = { completed: "completed", failed: "error", cancelled: "aborted" } as const;

function doneFrame(turn: Turn, id: string): ServerFrame {
  const outcome = OUTCOMES[turn.outcome ?? "completed"];
  return {
    type: "cf_agent_use_chat_response",
    id,
    body: outcome === "error" ? (turn.error?.message ?? "The answer failed.") : "",
    done: true,
    ...(outcome === "error" && { error: true as const }),
    messageIds: turn.messages.map((message) => message.id),
    outcome,
  };
}

function parseFrame(raw: string | ArrayBuffer | ArrayBufferView): ClientFrame {
  if (typeof raw !== "string") {
    throw new AppError("frame_invalid", "Binary frames are not understood here. Send JSON text.");
  }
  if (raw.length > limits.frameBytes) {
    throw new AppError(
      "message_too_large",
      "That frame is too large. Upload long texts as a file and refer to it.",
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(raw);
  } catch {
    throw new AppError("frame_invalid", "That frame is not JSON.");
  }
  const parsed = clientFrame.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join(".") || "type";
  throw new AppError(
    "frame_invalid",
    `That frame is not understood: ${where}: ${issue?.message ?? "unknown"}.`,
  );
}
