/** What every part of the page may use, made once the reader is known. */
import { createContext, useContext, useEffect, useState, useSyncExternalStore } from "react";
import type { AgentSettings } from "../../protocol/rpc.ts";
import type { FileStore } from "../files/store.ts";
import type { ScheduleStore } from "../schedules/store.ts";
import type { ModelStore } from "../settings/models.ts";
import type { ShareStore } from "../shares/store.ts";
import type { Api, Me } from "./api.ts";
import type { Conversations } from "./conversations.ts";
import type { Platform } from "./platform.ts";
import type { ThemeControl } from "./theme.ts";
import type { ThreadList } from "./threads.ts";
import type { Value } from "./value.ts";
import type { May, MyTeams, Whose } from "./whose.ts";

/** Where the reader wants to be taken. */
export interface Jump {
  thread: string;
  message: string;
}

export interface Services {
  platform: Platform;
  api: Api;
  me: Me;
  /** Whose agent is shown. */
  handle: string;
  whose: Whose;
  may: May;
  teams: MyTeams;
  /** Links to read chats of this agent. */
  shares: ShareStore;
  threads: ThreadList;
  files: FileStore;
  models: ModelStore;
  conversations: Conversations;
  schedules: ScheduleStore;
  /** A message that the reader wants to see; the chat that has it takes it there. */
  jump: Value<Jump | null>;
  settings: Value<AgentSettings>;
  theme: ThemeControl;
  signedOut(): void;
  /** The server took the reader's right to what is shown: nothing of it stays on the page. */
  cut(reason: string): void;
}

const ServicesContext = createContext<Services | null>(null);
export const ServicesProvider = ServicesContext.Provider;

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (!services) throw new Error("A component was rendered outside of ServicesProvider.");
  return services;
}

/** The browser, also where there is nothing else: a page that is only read. */
const PlatformContext = createContext<Platform | null>(null);
export const PlatformProvider = PlatformContext.Provider;

export function usePlatform(): Platform {
  const services = useContext(ServicesContext);
  const alone = useContext(PlatformContext);
  const platform = services?.platform ?? alone;
  if (!platform)
    throw new Error("A component was rendered outside of ServicesProvider and PlatformProvider.");
  return platform;
}

export const useAgent = (): AgentSettings => {
  const { settings } = useServices();
  return useSyncExternalStore(settings.subscribe, settings.get);
};

export const useMay = (): May => useServices().may;

export const useThreads = () => {
  const { threads } = useServices();
  return useSyncExternalStore(threads.subscribe, threads.snapshot);
};

/** The present, renewed every `everyMs`, for texts such as "5 min ago". */
export function useNow(everyMs: number): number {
  const platform = usePlatform();
  const [now, setNow] = useState(() => platform.now());
  useEffect(() => {
    let cancel = () => {};
    const next = () => {
      setNow(platform.now());
      cancel = platform.after(everyMs, next);
    };
    cancel = platform.after(everyMs, next);
    return () => cancel();
  }, [platform, everyMs]);
  return now;
}

/** Whether a media query matches, live. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const list = matchMedia(query);
      list.addEventListener("change", listener);
      return () => list.removeEventListener("change", listener);
    },
    () => matchMedia(query).matches,
  );
}

/** The queries of the layout: chats beside the conversation, and files beside both. */
export const BESIDE_CHATS = "(min-width: 800px)";
export const BESIDE_FILES = "(min-width: 1180px)";
