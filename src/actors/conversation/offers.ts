/**
 * How clients come to a stream: they are offered it, acknowledge, get what they missed, and go live. Chunks are held
 * back from a client that was offered a stream and has not acknowledged.
 */
import type { Peer, Peers } from "./peers.ts";
import { send } from "./peers.ts";
import type { LiveStream } from "./stream.ts";
import type { Watchers } from "./watchers.ts";

export class Offers {
  readonly #peers: Peers;
  readonly #live: () => LiveStream | null;
  readonly #watchers: Watchers;

  constructor(peers: Peers, live: () => LiveStream | null, watchers: Watchers) {
    this.#peers = peers;
    this.#watchers = watchers;
    this.#live = live;
  }

  make(peer: Peer, id: string, probeId?: string): void {
    // Offered and not acknowledged yet: a second acknowledgement would replay it twice. A probe is always answered.
    if (peer.heldFor === id && probeId === undefined) return;
    peer.heldFor = id;
    peer.probe = null;
    send(peer, { type: "cf_agent_stream_resuming", id, ...(probeId !== undefined && { probeId }) });
  }

  /** A client asks what streams. `soon`: something will, though nothing does yet. */
  probe(peer: Peer, probeId: string | undefined, soon: boolean): void {
    const live = this.#live();
    const echo = probeId !== undefined ? { probeId } : {};
    if (live) return this.make(peer, live.id, probeId);
    if (soon) {
      peer.probe = { id: probeId };
      return send(peer, { type: "cf_agent_stream_pending", ...echo });
    }
    peer.continues = false;
    send(peer, { type: "cf_agent_stream_resume_none", reason: "idle", ...echo });
  }

  /**
   * Everything behind `after`, then live. Synchronous: no chunk can come in between. A stock client that saw a turn
   * wait for a person has what was said before, and appends: it gets the `start`, by which it knows that chunks go on, and
   * what is new.
   */
  acknowledged(peer: Peer, id: string, after: number): void {
    const live = this.#live();
    const { continues } = peer;
    peer.heldFor = null;
    peer.continues = false;
    if (live?.id !== id) {
      return send(peer, { type: "cf_agent_use_chat_response", id, body: "", done: true, replay: true });
    }
    const part = { type: "cf_agent_use_chat_response", id, done: false, replay: true } as const;
    const more = continues ? ({ continuation: true } as const) : {};
    const [start] = live.bodies(0);
    if (continues && start !== undefined) send(peer, { ...part, ...more, body: start, seq: 0 });
    let seq = Math.max(after + 1, continues ? live.fresh : 0);
    for (const body of live.bodies(seq)) send(peer, { ...part, ...more, body, seq: seq++ });
    send(peer, { ...part, ...more, body: "", replayComplete: true });
  }

  /** A stream opens. Probes that were told to wait get their offer. */
  opened(id: string): void {
    for (const peer of this.#peers) if (peer.probe) this.make(peer, id, peer.probe.id);
  }

  /**
   * A turn goes on in a new stream: after a restart, or after a person decided. A socket that slept through it still
   * knows the old one, which has ended.
   */
  reopened(id: string, request: string): void {
    for (const peer of this.#peers) if (peer.heldFor !== id) this.#move(peer, request, id);
  }

  replaced(old: string, next: string): void {
    for (const peer of this.#peers) this.#move(peer, old, next);
  }

  #move(peer: Peer, old: string, next: string): void {
    // One that waits for a continuation takes the offer as it is.
    if (!peer.continues) {
      send(peer, { type: "cf_agent_chat_recovering", recovering: true, id: next });
      const body = "";
      send(peer, { type: "cf_agent_use_chat_response", id: old, body, done: true, outcome: "recovering" });
    }
    this.make(peer, next, peer.probe?.id);
  }

  chunk(id: string, seq: number, body: string): void {
    this.#watchers.chunk(id, body);
    let frame: string | null = null;
    for (const peer of this.#peers) {
      if (peer.heldFor === id) continue;
      frame ??= `{"type":"cf_agent_use_chat_response","id":${JSON.stringify(id)},"body":${JSON.stringify(body)},"done":false,"seq":${seq}}`;
      send(peer, frame);
    }
  }

  /** Clients that were told to wait learn that nothing will stream. */
  release(): void {
    for (const peer of this.#peers) {
      if (!peer.probe) continue;
      const probeId = peer.probe.id;
      peer.probe = null;
      const echo = probeId !== undefined ? { probeId } : {};
      send(peer, { type: "cf_agent_stream_resume_none", reason: "idle", ...echo });
    }
  }
}
