/** The clients of one conversation: who is connected, whose frames they speak, and what is held back from them. */
import type { Connection } from "agents/lifecycle";
import { AppError } from "../../errors.ts";
import type { ClientFrame, ServerFrame } from "../../protocol/frames.ts";
import type { Principal, Rights } from "../../protocol/rpc.ts";

/** What survives hibernation, in the socket's attachment. */
export interface PeerIdentity {
  principal: Principal;
  rights: Rights;
  /** True for our console, which takes changes instead of whole transcripts. */
  console: boolean;
  /** The number of the arrival at a team; 0 where nobody counts. */
  arrival: number;
}

export interface Peer extends PeerIdentity {
  connection: Connection;
  /** A stream that was offered and is not acknowledged: its live chunks are held back. */
  heldFor: string | null;
  /** A resume probe that was told to wait. `undefined` as value: a probe without an id. */
  probe: { id: string | undefined } | null;
  /** A stock client that saw the turn wait and the decision: it appends what follows to the message that it has. */
  continues: boolean;
}

/** `WebSocket.OPEN`. */
const OPEN = 1;

export class Peers {
  /** A set of our own: asking the platform for the list costs more than sending to it. */
  readonly #peers = new Map<Connection, Peer>();
  #gone: PromiseWithResolvers<void> | null = null;

  add(connection: Connection, identity: PeerIdentity): Peer {
    const peer: Peer = { ...identity, connection, heldFor: null, probe: null, continues: false };
    this.#peers.set(connection, peer);
    return peer;
  }

  /** The peer of a socket; one that slept through a hibernation is known by its attachment. */
  of(connection: Connection): Peer | null {
    const known = this.#peers.get(connection);
    if (known) return known;
    const identity = connection.state as PeerIdentity | null; // written by `onConnect`
    return identity ? this.add(connection, identity) : null;
  }

  delete(connection: Connection): void {
    this.#peers.delete(connection);
    if (this.#peers.size === 0) this.#gone?.resolve();
  }

  /** The peer stands for a later arrival of its user too. */
  renumber(peer: Peer, arrival: number): void {
    peer.arrival = arrival;
    const { principal, rights, console } = peer;
    peer.connection.setState({ principal, rights, console, arrival } satisfies PeerIdentity);
  }

  /** Resolves when nobody is connected. */
  gone(): Promise<void> {
    if (this.#peers.size === 0) return Promise.resolve();
    this.#gone ??= Promise.withResolvers<void>();
    return this.#gone.promise;
  }

  [Symbol.iterator](): IterableIterator<Peer> {
    return this.#peers.values();
  }
}

export function send(peer: Peer, frame: ServerFrame | string): void {
  if (peer.connection.readyState !== OPEN) return;
  try {
    peer.connection.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  } catch {
    // The socket closed between the check and the send; its close event takes the peer off the list.
  }
}

/** What a frame takes beyond being connected. */
const NEEDED: Partial<Record<ClientFrame["type"], keyof Rights>> = {
  cf_agent_use_chat_request: "write",
  cf_agent_chat_request_cancel: "write",
  cf_agent_chat_clear: "write",
  cf_agent_tool_result: "write",
  holdfast_amend: "write",
  cf_agent_tool_approval: "decide",
};

/** Throws `forbidden` when the client may only look. */
export function permit({ rights }: PeerIdentity, { type }: ClientFrame): void {
  const needed = NEEDED[type];
  if (needed && !rights[needed]) throw new AppError("forbidden", "You may read this chat, and nothing else.");
}
