/**
 * The user actor's parts that are called over RPC, each a target of its own (`stub.team.roleOf(...)` is one round trip),
 * so that the actor's class does not grow with each of them.
 */
import { RpcTarget } from "cloudflare:workers";
import type { Env } from "../../env.ts";
import type { FeedEvent } from "../../protocol/rpc.ts";
import type { ChangeLog } from "./change-log.ts";
import type { Mirror } from "./mirror.ts";

/** What a part is given of its actor. */
export interface FacetHost {
  /** Id of the user or team. */
  readonly ownerId: string;
  readonly env: Env;
  readonly storage: DurableObjectStorage;
  readonly log: ChangeLog;
  readonly mirror: Mirror;
  now(): number;
  random(bytes: number): Uint8Array;
  /** Runs one call: what was not foreseen is logged, and leaves as a generic error. */
  answer<T>(method: string, work: () => T): T;
  /** To every console that is connected. */
  tell(event: FeedEvent): void;
  /** The feed's sockets of one user. */
  feeds(userId: string): Iterable<{ close(code: number, reason: string): void }>;
  /** Resolves when the catalog has what is owed to it. What it did not take is offered again later. */
  published(): Promise<void>;
  /** Makes sure that the actor's alarm rings by then. */
  remember(at: number): Promise<void>;
}

export abstract class Facet extends RpcTarget {
  // Not a private field: subclasses read it. Fields of an instance cannot be reached over RPC.
  protected readonly host: FacetHost;

  constructor(host: FacetHost) {
    super();
    this.host = host;
  }
}
