/** Keyboard shortcuts: one table, one listener, and a hook for whoever carries one out. */
import { useEffect, useRef } from "react";

export type ShortcutName =
  | "search"
  | "newChat"
  | "files"
  | "chats"
  | "settings"
  | "composer"
  | "stop"
  | "help";

export interface Shortcut {
  /** Shown in the list, a key at a time. "⌘" stands for Ctrl where there is no such key. */
  keys: readonly string[];
  matches(event: KeyboardEvent): boolean;
}

const mod = (event: KeyboardEvent): boolean => (event.metaKey || event.ctrlKey) && !event.altKey;
const isKey = (event: KeyboardEvent, key: string): boolean => event.key.toLowerCase() === key;

/** Whether what is typed goes into a field. */
function inField(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** Whether a dialog or a menu has the keyboard. */
const inOverlay = (event: KeyboardEvent): boolean =>
  event.target instanceof HTMLElement &&
  event.target.closest("[role=dialog], [role=menu], [role=listbox]") !== null;

export const shortcuts: Readonly<Record<ShortcutName, Shortcut>> = {
  search: { keys: ["⌘", "K"], matches: (event) => mod(event) && !event.shiftKey && isKey(event, "k") },
  newChat: {
    keys: ["⌘", "Shift", "O"],
    matches: (event) => mod(event) && event.shiftKey && isKey(event, "o"),
  },
  chats: { keys: ["⌘", "B"], matches: (event) => mod(event) && !event.shiftKey && isKey(event, "b") },
  files: { keys: ["⌘", "J"], matches: (event) => mod(event) && !event.shiftKey && isKey(event, "j") },
  settings: { keys: ["⌘", ","], matches: (event) => mod(event) && event.key === "," },
  composer: {
    keys: ["/"],
    matches: (event) => event.key === "/" && !mod(event) && !inField(event) && !inOverlay(event),
  },
  stop: { keys: ["Esc"], matches: (event) => event.key === "Escape" && !inOverlay(event) },
  help: {
    keys: ["?"],
    matches: (event) => event.key === "?" && !mod(event) && !inField(event) && !inOverlay(event),
  },
};

/** Calls `action` when the shortcut is pressed, while the component stands and `enabled` holds. */
export function useShortcut(name: ShortcutName, action: () => void, enabled = true): void {
  const latest = useRef(action);
  useEffect(() => {
    latest.current = action;
  });
  useEffect(() => {
    if (!enabled) return;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || !shortcuts[name].matches(event)) return;
      event.preventDefault();
      latest.current();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [name, enabled]);
}
