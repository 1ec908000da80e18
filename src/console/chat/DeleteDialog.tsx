/** Asks twice before a chat is erased: the second time by a word that has to be typed. */
import { Button } from "@cloudflare/kumo/components/button";
import { Dialog } from "@cloudflare/kumo/components/dialog";
import { Input } from "@cloudflare/kumo/components/input";
import { useState } from "react";
import { sentenceOf } from "../app/api.ts";
import { navigate, pathOf } from "../app/route.ts";
import { useServices } from "../app/services.tsx";
import type { ThreadItem } from "../app/threads.ts";
import { texts } from "../texts.ts";
import { DialogExit, DialogHead } from "../ui/DialogHead.tsx";
import { useNotify } from "../ui/toasts.tsx";

export function DeleteDialog({ item, close }: { item: ThreadItem; close(): void }) {
  const { conversations, threads, handle } = useServices();
  const notify = useNotify();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const title = item.title || texts.sidebar.untitled;
  const { word } = texts.deleteForever;
  const meant = typed.trim().toLowerCase() === word;
  const submit = async () => {
    setBusy(true);
    try {
      await conversations.deleteForever(item.id);
      threads.onEvent({ type: "thread_removed", thread: item.id });
      close();
      navigate(pathOf(handle));
      notify.done(texts.deleteForever.done(title));
    } catch (error) {
      setBusy(false);
      notify.problem(sentenceOf(error));
    }
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog className="dialog">
        <DialogHead title={texts.deleteForever.title} />
        <form
          className="dialog-body flex flex-col gap-4 px-5 pb-5"
          onSubmit={(event) => {
            event.preventDefault();
            if (meant && !busy) void submit();
          }}
        >
          <p>{texts.deleteForever.text(title)}</p>
          <Input
            label={texts.deleteForever.typed(word)}
            value={typed}
            autoComplete="off"
            onChange={(event) => setTyped(event.target.value)}
          />
          <div className="flex justify-end gap-2">
            <Button variant="ghost" onClick={close}>
              {texts.cancel}
            </Button>
            <Button type="submit" variant="destructive" disabled={!meant} loading={busy}>
              {texts.deleteForever.action}
            </Button>
          </div>
        </form>
        <DialogExit />
      </Dialog>
    </Dialog.Root>
  );
}
