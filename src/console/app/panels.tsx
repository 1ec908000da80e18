/** Which panels are open. Anything on the page may ask for a file to be shown. */
import { createContext, useContext } from "react";

export type SettingsPage =
  | "agent"
  | "tools"
  | "model"
  | "team"
  | "programs"
  | "vault"
  | "log"
  | "appearance"
  | "account";

export interface Panels {
  chats: boolean;
  /** The chats stand beside the conversation; else they are a drawer over it. */
  chatsBeside: boolean;
  files: boolean;
  /** The file that the files panel shows; `null` for the tree. */
  file: string | null;
  setChats(open: boolean): void;
  setFiles(open: boolean): void;
  setFile(path: string | null): void;
  /** Without a page: the first that there is for the reader. */
  openSettings(page?: SettingsPage): void;
  openAdministration(): void;
  openNewTeam(): void;
  openSearch(query?: string): void;
  openSchedules(): void;
}

const PanelsContext = createContext<Panels | null>(null);
export const PanelsProvider = PanelsContext.Provider;

export function usePanels(): Panels {
  const panels = useContext(PanelsContext);
  if (!panels) throw new Error("A component was rendered outside of PanelsProvider.");
  return panels;
}

/** Opens the files panel at a path. */
export function useOpenFile(): (path: string) => void {
  const panels = usePanels();
  return (path) => openFile(panels, path);
}

/** The same, or null on a page that has no panels. */
export function useFileOpener(): ((path: string) => void) | null {
  const panels = useContext(PanelsContext);
  return panels && ((path) => openFile(panels, path));
}

function openFile({ setFile, setFiles }: Panels, path: string): void {
  setFile(path);
  setFiles(true);
}
