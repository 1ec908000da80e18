/** The clients of one conversation: who is connected, whose frames they speak, and what is held back from them. */
import type { Connection } from "agents/lifecycle";
import type { ServerFrame } from "../../protocol/frames.ts";
import type { Principal } from "../../protocol/rpc.ts";

/** What survives hibernation, in the socket's attachment. */
export interface PeerIdentity {
  principal: Principal;
  /** True for our console, which takes changes instead of whole transcripts. */
  console: boolean;
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
