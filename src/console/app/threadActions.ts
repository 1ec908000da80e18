/** What the reader does with chats, wherever on the page: with its messages, and with a way back. */
import { useMemo } from "react";
import { texts } from "../texts.ts";
import { useNotify } from "../ui/toasts.tsx";
import { sentenceOf } from "./api.ts";
import { navigate, pathOf } from "./route.ts";
import { useServices } from "./services.tsx";
import type { ThreadItem } from "./threads.ts";

export interface ThreadActions {
  open(thread: string): void;
  create(): void;
  rename(thread: ThreadItem, title: string): void;
  archive(thread: ThreadItem): void;
  copyLink(thread: string): void;
}

export function useThreadActions(): ThreadActions {
  const { threads, handle } = useServices();
  const notify = useNotify();
  return useMemo(() => {
    const report = (error: unknown) => notify.problem(sentenceOf(error));
    const open = (thread: string) => navigate(pathOf(handle, thread));
    return {
      open,
      create: () => void threads.create().then(open, report),
      rename: (thread, title) => void threads.rename(thread.id, title).catch(report),
      archive: (thread) => {
        const shown = location.pathname;
        const mine = shown === pathOf(handle, thread.id);
        threads.hide(thread.id);
        if (mine) navigate(pathOf(handle));
        const settle = () => {
          removeEventListener("pagehide", settle);
          threads.archive(thread.id).catch((error: unknown) => {
            threads.show(thread.id);
            report(error);
          });
        };
        // Whoever leaves without taking it back has meant it.
        addEventListener("pagehide", settle);
        notify.undoable(
          texts.sidebar.archived(thread.title || texts.sidebar.untitled),
          () => {
            removeEventListener("pagehide", settle);
            threads.show(thread.id);
            if (mine) navigate(shown);
          },
          settle,
        );
      },
      copyLink: (thread) => {
        navigator.clipboard.writeText(location.origin + pathOf(handle, thread)).then(
          () => notify.done(texts.sidebar.linkCopied),
          () => notify.problem(texts.chat.copyFailed),
        );
      },
    };
  }, [threads, handle, notify]);
}
