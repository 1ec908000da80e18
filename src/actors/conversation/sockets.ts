/** The chat's sockets on the SDK's side: who connects becomes a peer of the chat, and what they say goes there. */
import { WebSockets } from "agents/websockets";
import { forwardedFrom } from "../../protocol/forwarded.ts";
import type { Chat } from "./chat.ts";
import type { PeerIdentity } from "./peers.ts";

/** `connected` is called for each new client, once the chat has greeted it. */
export function chatSockets(chat: Chat, connected: () => void): WebSockets {
  return new WebSockets({
    protocol: false,
    handlers: {
      onConnect: (connection, { request }) => {
        const { principal } = forwardedFrom(request.headers);
        const identity: PeerIdentity = {
          principal,
          console: new URL(request.url).searchParams.get("client") === "holdfast",
        };
        connection.setState(identity);
        const peer = chat.peers.add(connection, identity);
        chat.connected(peer);
        connected();
      },
      onMessage: async (connection, message) => {
        const peer = chat.peers.of(connection);
        if (peer) await chat.message(peer, message);
      },
      onClose: (connection) => {
        const peer = chat.peers.of(connection);
        if (peer) chat.forget(peer);
      },
      onError: (connection) => {
        const peer = chat.peers.of(connection);
        if (peer) chat.forget(peer);
      },
    },
  });
}
