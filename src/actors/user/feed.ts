/** Who may open the feed's socket. Errors leave as JSON without a stack. */
import type { Connection } from "partyserver";
import { AppError, toWire } from "../../errors.ts";
import { ACTOR_PATHS, forwardedFrom } from "../../protocol/forwarded.ts";
import type { FeedEvent, ThreadSummary } from "../../protocol/rpc.ts";
import { CUT_CODE } from "../../protocol/teams.ts";

export interface FeedHost {
  ownerId: string;
  admits(userId: string): boolean;
  /** Takes the upgrade. */
  open(): Promise<Response>;
  /** Logs what was not foreseen, and gives back an error that may leave the actor. */
  failed(error: unknown): AppError;
}

/** The first frame of a socket, for those who still may see it. Never throws. */
export function greet(
  connection: Connection,
  request: Request,
  host: { admits(userId: string): boolean; threads(): ThreadSummary[]; failed(error: unknown): void },
): void {
  try {
    const { userId } = forwardedFrom(request.headers).principal;
    // Somebody may have been removed since the upgrade was looked at.
    if (!host.admits(userId)) return connection.close(CUT_CODE, "You may not see this any more.");
    connection.setState(userId);
    const event: FeedEvent = { type: "threads", threads: host.threads() };
    connection.send(JSON.stringify(event));
  } catch (error) {
    // Left to partyserver, the stack would go out on the socket.
    host.failed(error);
    connection.close(1011, "internal");
  }
}

/** Takes the feed's upgrade and nothing else, and only for those whom the agent's owner admits. Never rejects. */
export async function answerFeed(request: Request, host: FeedHost): Promise<Response> {
  try {
    if (new URL(request.url).pathname !== ACTOR_PATHS.feed)
      throw new AppError("not_found", "There is nothing here.");
    if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
      throw new AppError("upgrade_refused", "The feed is a WebSocket: ask for it with an upgrade.");
    }
    const { principal, agent } = forwardedFrom(request.headers);
    // The router has decided this already. Should it ever be wrong, the actor still is not.
    if (!host.admits(principal.userId) || agent.ownerId !== host.ownerId) {
      throw new AppError("forbidden", "This feed belongs to someone else.");
    }
    return await host.open();
  } catch (error) {
    const wire = host.failed(error);
    return Response.json({ error: toWire(wire) }, { status: wire.status });
  }
}
