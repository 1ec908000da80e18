/** The chat client of the conversation that is shown, made and closed with it. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { useServices } from "../app/services.tsx";
import type { ChatClient, ChatSnapshot } from "./chat.ts";
import { chatClient } from "./client.ts";
import { readingClient } from "./reading.ts";

/** `null` until the client stands: for one frame. */
export function useChat(thread: string): ChatClient | null {
  const { platform, me, handle, may, signedOut } = useServices();
  const [client, setClient] = useState<ChatClient | null>(null);
  useEffect(() => {
    const make = may.listen ? chatClient : readingClient;
    const made = make({ platform, userId: me.user.id, handle, thread, signedOut });
    setClient(made);
    return () => {
      made.close();
      setClient(null);
    };
  }, [platform, me.user.id, handle, thread, may, signedOut]);
  return client;
}

export const useChatSnapshot = (client: ChatClient): ChatSnapshot =>
  useSyncExternalStore(client.subscribe, client.snapshot);
