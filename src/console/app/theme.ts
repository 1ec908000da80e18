/** Light, dark, or what the system says. The choice is remembered; the page carries it as `data-mode`. */
import type { TextStore } from "./platform.ts";

export type Theme = "system" | "light" | "dark";

const KEY = "holdfast:theme";

export interface ThemeControl {
  subscribe(listener: () => void): () => void;
  theme(): Theme;
  choose(theme: Theme): void;
}

/** Applies the remembered theme and follows the system's while "system" is chosen. */
export function themeControl(store: TextStore, root: HTMLElement, dark: MediaQueryList): ThemeControl {
  const listeners = new Set<() => void>();
  const read = (): Theme => {
    const stored = store.get(KEY);
    return stored === "light" || stored === "dark" ? stored : "system";
  };
  let theme = read();
  const apply = () => {
    root.dataset.mode = theme === "dark" || (theme === "system" && dark.matches) ? "dark" : "light";
    for (const listener of listeners) listener();
  };
  dark.addEventListener("change", apply);
  store.onChange((key) => {
    if (key !== KEY) return;
    theme = read();
    apply();
  });
  apply();
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    theme: () => theme,
    choose: (next) => {
      theme = next;
      if (next === "system") store.remove(KEY);
      else store.set(KEY, next);
      apply();
    },
  };
}
