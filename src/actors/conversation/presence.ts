/**
 * Who may have a socket at this conversation. A team is told of each arrival of a member before the socket is taken, and
 * asks the conversations at which somebody is when it removes them. A user's own conversations tell nobody.
 */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { isTeamId } from "../../names.ts";
import { ARRIVAL_HEADER, type Forwarded } from "../../protocol/forwarded.ts";
import { CUT_CODE, type TeamRpc } from "../../protocol/teams.ts";
import type { Peer, Peers } from "./peers.ts";
import { within } from "./within.ts";

export interface PresenceOptions {
  ownerId: string;
  thread: string;
  peers: Peers;
  /** The team's actor. */
  team(): Pick<TeamRpc, "arrived" | "left">;
  after(ms: number, run: () => void): () => void;
}

export class Presence {
  readonly #options: PresenceOptions;
  /** Users who were cut off in this life: arrivals up to this number are not let in any more. */
  readonly #cuts = new Map<string, number>();

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** The upgrade with the number of its arrival. Throws `forbidden` for whoever is not what the router saw any more. */
  async announced(request: Request, { principal, relation }: Forwarded): Promise<Request> {
    const { ownerId, thread, team, after } = this.#options;
    if (!isTeamId(ownerId)) return request;
    const asked = team().arrived(principal.userId, thread, relation ?? "self");
    const arrival = await within(after, limits.askWithinMs, "The team", asked);
    if (arrival === null || this.#isCut(principal.userId, arrival)) throw changed();
    const headers = new Headers(request.headers);
    headers.set(ARRIVAL_HEADER, String(arrival));
    return new Request(request, { headers });
  }

  /** Whether the socket may stay, now that it is there: its holder may have been cut off on the way. */
  admits(userId: string, arrival: number): boolean {
    return !this.#isCut(userId, arrival);
  }

  /** A socket is gone. The team hears of it with the last one of a member. */
  left({ principal, arrival }: Peer): void {
    const { ownerId, thread, team, peers } = this.#options;
    if (!isTeamId(ownerId)) return;
    for (const other of peers) {
      if (other.principal.userId !== principal.userId) continue;
      if (other.arrival < arrival) peers.renumber(other, arrival);
      return;
    }
    // A place that stays behind is asked once more than needed, and taken off then.
    team()
      .left(principal.userId, thread, arrival)
      .catch((error: unknown) => console.error("a departure could not be told", error));
  }

  /** Closes the sockets of a user that arrived up to a number, or all. What they say on the way out is not heard. */
  disconnect(userId: string, reason: string, upTo: number | null, forget: (peer: Peer) => void): void {
    if (upTo !== null) this.#cuts.set(userId, Math.max(upTo, this.#cuts.get(userId) ?? 0));
    for (const peer of [...this.#options.peers]) {
      if (peer.principal.userId !== userId || (upTo !== null && peer.arrival > upTo)) continue;
      forget(peer);
      peer.connection.setState(null);
      peer.connection.close(CUT_CODE, reason);
    }
  }

  #isCut(userId: string, arrival: number): boolean {
    return arrival <= (this.#cuts.get(userId) ?? -1);
  }
}

const changed = (): AppError =>
  new AppError("forbidden", "Your role in this team was changed just now. Load the page again.");
