/** The chat that is shown, for what stands deep inside of its messages. */
import { createContext, useContext, useSyncExternalStore } from "react";
import type { ChatClient, ChatSnapshot } from "./chat.ts";

const ChatContext = createContext<ChatClient | null>(null);
export const ChatProvider = ChatContext.Provider;

export function useChatClient(): ChatClient {
  const client = useContext(ChatContext);
  if (!client) throw new Error("A component was rendered outside of ChatProvider.");
  return client;
}

/** A part of the chat's state. `select` gives the same value until it changes. */
export function useShown<T>(select: (chat: ChatSnapshot) => T): T {
  const client = useChatClient();
  return useSyncExternalStore(client.subscribe, () => select(client.snapshot()));
}
