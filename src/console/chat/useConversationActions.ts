/** What the reader does with the whole conversation: take back, branch off, keep a copy, delete. */
import { useMemo, useState } from "react";
import type { Undone } from "../../protocol/rpc.ts";
import { sentenceOf } from "../app/api.ts";
import { navigate, pathOf } from "../app/route.ts";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { useNotify } from "../ui/toasts.tsx";
import { emptyDraft, writeDraft } from "./draft.ts";

export interface ConversationActions {
  /** What was taken back last, until it is dismissed. */
  undone: Undone | null;
  undo(): void;
  /** For an answer that this page knows no stream of. */
  stop(): void;
  dismiss(): void;
  /** Without a message: everything. */
  fork(message?: string): void;
}

export function useConversationActions(thread: string): ConversationActions {
  const { conversations, platform, me, handle } = useServices();
  const notify = useNotify();
  const [undone, setUndone] = useState<Undone | null>(null);
  const actions = useMemo(() => {
    const report = (error: unknown) => notify.problem(sentenceOf(error));
    return {
      undo: () => void conversations.undo(thread).then(setUndone, report),
      stop: () => void conversations.stop(thread).catch(report),
      dismiss: () => setUndone(null),
      fork: (message?: string) =>
        void conversations.fork(thread, message).then((made) => {
          if (made.draft) {
            writeDraft(platform.storage, me.user.id, made.thread, { ...emptyDraft, text: made.draft });
          }
          navigate(pathOf(handle, made.thread));
          notify.done(texts.fork.done);
        }, report),
    };
  }, [conversations, platform, me.user.id, handle, thread, notify]);
  return useMemo(() => ({ ...actions, undone }), [actions, undone]);
}
