/** Which panels are open. Anything on the page may ask for a file to be shown. */
import { createContext, useContext } from "react";

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
  openSettings(page?: "agent" | "tools" | "model" | "appearance" | "account"): void;
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
  const { setFile, setFiles } = usePanels();
  return (path) => {
    setFile(path);
    setFiles(true);
  };
}
