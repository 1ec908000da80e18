/**
 * The Agents SDK's chat protocol over the conversation, so that `useAgentChat`, `AgentClient` and partysocket work
 * unchanged, and the few frames that our console has besides.
 */
import { AppError, toWire } from "../../errors.ts";
import { type ClientFrame, requestOfStream, type ServerFrame } from "../../protocol/frames.ts";
import type { ChatMessage } from "../../protocol/message.ts";
import type { Decision, Sender } from "../../protocol/rpc.ts";
import { type CallEntry, type Entry, type InputEntry, senderOf } from "./entries.ts";
import { Offers } from "./offers.ts";
import { parseFrame } from "./parse-frame.ts";
import { type Peer, Peers, permit, send } from "./peers.ts";
import { findTurn, hasWork, type State, type Turn } from "./state.ts";
import type { LiveStream } from "./stream.ts";
import { type ChatRequest, parseChatRequest, storedParts } from "./submit.ts";
import { answerMessage, joinedAt, messageIn, messageJson, viewOf } from "./transcript.ts";
import type { AmendChange } from "./turn.ts";
import { Watchers } from "./watchers.ts";

/** What the chat sees of its conversation. */
export interface ChatHost {
  state(): State;
  live(): LiveStream | null;
  /** Whether an answer will stream without anybody's doing. */
  streams(): boolean;
  /** Messages on the transcript's end, with what has streamed so far. */
  window(): ChatMessage[];
  /** Accepts a request durably, or throws. */
  submit(request: ChatRequest, sender: Sender): Promise<{ turn: string; fresh: boolean }>;
  cancel(target: string, by: Sender): boolean;
  /** Null when no such call waits, or waited. */
  decide(id: string, by: Sender, decision: { approved: boolean; comment?: string }): Decision | null;
  /** Throws `message_begun`. */
  amend(message: string, by: Sender, change: AmendChange): void;
  clear(by: Sender): void;
  identity: { name: string; agent: string };
}

export class Chat {
  readonly peers = new Peers();
  readonly offers: Offers;
  /** Who follows answers without a socket. */
  readonly watchers = new Watchers();
  readonly #host: ChatHost;
  /** Who asked, by request id: an answer's frames go to them without an offer. */
  readonly #requesters = new Map<string, Peer>();

  constructor(host: ChatHost) {
    this.#host = host;
    this.offers = new Offers(this.peers, () => host.live(), this.watchers);
  }

  connected(peer: Peer): void {
    send(peer, { type: "cf_agent_identity", ...this.#host.identity });
    send(peer, this.#transcriptFrame(true));
    const live = this.#host.live();
    if (live) this.offers.make(peer, live.id);
  }

  /** Handles one message of a client. Never throws: what cannot be attributed to a request gets an error frame. */
  async message(peer: Peer, raw: string | ArrayBuffer | ArrayBufferView): Promise<void> {
    let frame: ClientFrame | null = null;
    try {
      frame = parseFrame(raw);
      permit(peer, frame);
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
        return this.#cancel(frame.id, senderOf(peer.principal));
      case "cf_agent_chat_clear":
        this.#host.clear(senderOf(peer.principal));
        for (const other of this.peers) if (other !== peer) send(other, { type: "cf_agent_chat_clear" });
        return;
      case "cf_agent_stream_resume_request":
        return this.offers.probe(peer, frame.probeId, this.#host.streams());
      case "cf_agent_stream_resume_ack":
        return this.offers.acknowledged(peer, frame.id, frame.after ?? -1);
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
      case "cf_agent_tool_approval":
        return this.#decide(peer, frame);
      case "holdfast_amend": {
        const { change } = frame;
        const parts = change.action === "edit" ? storedParts([{ type: "text", text: change.text }]) : [];
        return this.#host.amend(
          frame.messageId,
          senderOf(peer.principal),
          change.action === "edit" ? { action: "edit", parts } : { action: change.action },
        );
      }
      case "cf_agent_tool_result":
        throw new AppError("frame_invalid", "No tool call of this chat waits for an answer from a client.");
    }
  }

  #decide(peer: Peer, frame: Extract<ClientFrame, { type: "cf_agent_tool_approval" }>): void {
    const { approved, comment, toolCallId } = frame;
    const said = { approved, ...(comment !== undefined && { comment }) };
    peer.continues = !peer.console && frame.autoContinue === true;
    const decision = this.#host.decide(toolCallId, senderOf(peer.principal), said);
    if (!decision) {
      peer.continues = false;
      throw new AppError("approval_unknown", "No call of that name waits for approval in this chat.");
    }
    if (peer.console) send(peer, { type: "holdfast_decided", toolCallId, ...decision });
  }

  #cancel(request: string, by: Sender): void {
    if (!this.#host.cancel(request, by)) this.#host.cancel(requestOfStream(request), by);
  }

  async #request(
    peer: Peer,
    frame: Extract<ClientFrame, { type: "cf_agent_use_chat_request" }>,
  ): Promise<void> {
    const request = parseChatRequest(frame, this.#host.state());
    if (request.type === "seen") return this.#answerSeen(peer, frame.id, request.turn, request.messageIds);
    this.#requesters.set(frame.id, peer);
    const queued = hasWork(this.#host.state());
    await this.#host.submit(request, senderOf(peer.principal));
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
    if (live && turn && live.turn === turn.id) return this.offers.make(peer, live.id);
    if (turn && turn.outcome === null) {
      this.#requesters.set(turn.request, peer);
      return send(peer, { type: "cf_agent_stream_pending", id });
    }
    send(peer, this.#transcriptFrame(false));
    send(peer, turn ? doneFrame(turn, id) : { type: "cf_agent_use_chat_response", id, body: "", done: true });
  }

  // --- what the conversation tells us ------------------------------------------------------------------

  /** Entries are in the journal: other clients see what was sent before the answer to it begins. */
  committed(entries: readonly Entry[]): void {
    const state = this.#host.state();
    const fresh = new Set(entries.flatMap((entry) => (entry.kind === "input" ? [entry.turn] : [])));
    for (const entry of entries) {
      switch (entry.kind) {
        case "input":
          if (!entry.regenerate) this.#showInput(entry);
          break;
        case "call":
          this.#showCall(entry, fresh.has(entry.turn));
          break;
        case "amend":
          if (entry.change.action === "delete") this.removed([entry.change.message]);
          else if (entry.change.action === "edit") this.#show([entry.change.message], null);
          else this.#show(state.active?.joined.map((joined) => joined.message.id) ?? [], null);
          break;
        case "decide":
        case "expire":
          // With a stream open its chunks say so.
          if (state.active && !this.#host.live()) this.#showDecision(state.active);
          break;
      }
    }
  }

  #showInput(entry: InputEntry): void {
    this.#show(
      entry.messages.map((message) => message.id),
      this.#requesters.get(entry.request) ?? null,
    );
  }

  /** User messages as they stand now, to everybody but who sent them. Stock clients get the whole transcript. */
  #show(ids: readonly string[], from: Peer | null): void {
    const state = this.#host.state();
    const messages = ids.flatMap((id) => messageIn(state, id) ?? []);
    if (messages.length === 0) return;
    let whole: string | null = null;
    for (const peer of this.peers) {
      if (peer.console) {
        // Who sent it knows it, unless it waits: then only we know for what.
        const told = peer === from ? messages.filter((message) => message.metadata?.waiting) : messages;
        for (const message of told) send(peer, { type: "cf_agent_message_updated", message });
      } else if (peer !== from) {
        whole ??= this.#transcriptFrame(false);
        send(peer, whole);
      }
    }
  }

  /** Everybody who is here saw the turn wait: what follows goes on from there. */
  #showDecision(turn: Turn): void {
    const message = answerMessage(turn, []);
    for (const peer of this.peers) {
      peer.continues = !peer.console;
      send(peer, { type: "cf_agent_message_updated", message });
    }
  }

  /** A turn begins, or reads what joined it: its messages do not wait any more. `fresh`: nobody saw them wait. */
  #showCall(call: CallEntry, fresh: boolean): void {
    const turn = findTurn(this.#host.state(), call.turn);
    if (!turn || call.attempt > 1) return;
    if (call.round === 0) this.#showRewind(turn);
    const waited = call.round === 0 && !fresh ? turn.messages.map((message) => message.id) : [];
    const ids = [...waited, ...joinedAt(turn, call.round)];
    const state = this.#host.state();
    for (const message of ids.flatMap((id) => messageIn(state, id) ?? []))
      for (const peer of this.peers)
        if (peer.console) send(peer, { type: "cf_agent_message_updated", message });
  }

  /** These messages left the transcript. */
  removed(messageIds: string[]): void {
    const frame = this.#transcriptFrame(false);
    for (const peer of this.peers)
      send(peer, peer.console ? { type: "holdfast_removed", messageIds } : frame);
  }

  /** An answer is being replaced: everybody drops it. */
  #showRewind(turn: Turn): void {
    if (turn.regenerate === null && turn.replaces === null) return;
    const frame = this.#transcriptFrame(false);
    const from = this.#requesters.get(turn.request);
    for (const peer of this.peers) if (peer !== from || peer.console) send(peer, frame);
  }

  /** A person has to decide before the turn goes on: its stream is over, the turn is not. */
  rested(turn: Turn, live: LiveStream): void {
    this.watchers.rested(turn);
    this.#close(turn, live.id, [live.id]);
    this.offers.release();
  }

  /** The transcript first, then the terminal frame of every request that the turn answers. */
  ended(turn: Turn, live: LiveStream | null): void {
    this.watchers.ended(turn);
    const requests = turn.keys.flatMap((key) => (key.startsWith("request:") ? [key.slice(8)] : []));
    this.#close(turn, live?.id ?? turn.request, [...new Set([live?.id ?? turn.request, ...requests])]);
    if (!hasWork(this.#host.state())) this.offers.release();
  }

  #close(turn: Turn, stream: string, requests: readonly string[]): void {
    for (const request of requests) this.#requesters.delete(requestOfStream(request));
    const done = requests.map((id) => JSON.stringify(doneFrame(turn, id)));
    let whole: string | null = null;
    // Of a message that was taken away while it waited there is nothing to show.
    const shown = findTurn(this.#host.state(), turn.id) !== null;
    const answer = `{"type":"cf_agent_message_updated","message":${messageJson(finalMessage(this.#host.state(), turn))}}`;
    for (const peer of this.peers) {
      if (peer.console) {
        if (shown) send(peer, answer);
      } else {
        whole ??= this.#transcriptFrame(false);
        send(peer, whole);
      }
      if (stream !== turn.request) send(peer, { type: "cf_agent_chat_recovering", recovering: false });
      for (const frame of done) send(peer, frame);
      if (peer.heldFor === stream) peer.heldFor = null;
      peer.continues = false;
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
