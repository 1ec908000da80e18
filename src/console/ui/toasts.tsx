/** Short messages in the corner: what happened, what went wrong, and how to take it back. */
import { useKumoToastManager } from "@cloudflare/kumo/components/toast";
import { useMemo } from "react";
import { texts } from "../texts.ts";

/** How long a message stands; one with a way back stands longer. */
const SHOWN_MS = 3_500;
const PROBLEM_MS = 8_000;
export const UNDO_MS = 7_000;

export interface Notify {
  done(title: string): void;
  problem(title: string, detail?: string): void;
  /** `undo` is offered for `UNDO_MS`; `settled` is called once if it was not taken. */
  undoable(title: string, undo: () => void, settled?: () => void): void;
}

export function useNotify(): Notify {
  const manager = useKumoToastManager();
  const { add, close } = manager;
  return useMemo(
    () => ({
      done: (title) => void add({ title, variant: "success", timeout: SHOWN_MS }),
      problem: (title, detail) =>
        void add({
          title,
          variant: "error",
          timeout: PROBLEM_MS,
          priority: "high",
          ...(detail && { description: detail }),
        }),
      undoable: (title, undo, settled) => {
        let taken = false;
        const id = add({
          title,
          timeout: UNDO_MS,
          onClose: () => {
            if (!taken) settled?.();
            taken = true;
          },
          actions: [
            {
              children: texts.undo,
              variant: "secondary",
              size: "sm",
              onClick: () => {
                if (taken) return;
                taken = true;
                close(id);
                undo();
              },
            },
          ],
        });
      },
    }),
    [add, close],
  );
}
