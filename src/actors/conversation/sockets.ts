/** The chat's sockets on the SDK's side: who connects becomes a peer of the chat, and what they say goes there. */
import type { Connection } from "agents/lifecycle";
import { WebSockets } from "agents/websockets";
import { ARRIVAL_HEADER, forwardedFrom } from "../../protocol/forwarded.ts";
import { CUT_CODE } from "../../protocol/teams.ts";
import type { Chat } from "./chat.ts";
import type { PeerIdentity } from "./peers.ts";
import type { Presence } from "./presence.ts";

/** `connected` is called for each new client, once the chat has greeted it. */
export function chatSockets(chat: Chat, presence: Presence, connected: () => void): WebSockets {
  const gone = (connection: Connection): void => {
    const peer = chat.peers.of(connection);
    if (!peer) return;
    chat.forget(peer);
    presence.left(peer);
  };
  return new WebSockets({
    protocol: false,
    handlers: {
      onConnect: (connection, { request }) => {
        const { principal, rights } = forwardedFrom(request.headers);
        const identity: PeerIdentity = {
          principal,
          rights,
          console: new URL(request.url).searchParams.get("client") === "holdfast",
          arrival: Number(request.headers.get(ARRIVAL_HEADER) ?? 0),
        };
        if (!presence.admits(principal.userId, identity.arrival)) {
          return connection.close(
            CUT_CODE,
            "Your role in this team was changed just now. Load the page again.",
          );
        }
        connection.setState(identity);
        const peer = chat.peers.add(connection, identity);
        chat.connected(peer);
        connected();
      },
      onMessage: async (connection, message) => {
        const peer = chat.peers.of(connection);
        if (peer) await chat.message(peer, message);
      },
      onClose: gone,
      onError: gone,
    },
  });
}
