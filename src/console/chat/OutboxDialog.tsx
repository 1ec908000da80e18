/** Answers that were owed to a channel and could not be delivered: each can be sent again, or dropped. */
import { Button } from "@cloudflare/kumo/components/button";
import { Dialog } from "@cloudflare/kumo/components/dialog";
import { useCallback, useEffect, useState } from "react";
import type { Delivery } from "../../protocol/rpc.ts";
import { sentenceOf } from "../app/api.ts";
import { useNow, useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { DialogExit, DialogHead } from "../ui/DialogHead.tsx";
import { whenText } from "../ui/format.ts";
import { Spinner } from "../ui/Spinner.tsx";
import { useNotify } from "../ui/toasts.tsx";

const RENEW_MS = 60_000;

function LetterRow({ letter, settle }: { letter: Delivery; settle(action: "resend" | "drop"): void }) {
  const now = useNow(RENEW_MS);
  return (
    <li className="setting-card">
      <p className="font-medium">{texts.outbox.to(letter.channel, Object.values(letter.to).join(", "))}</p>
      <p className="line-clamp-3 break-words">{letter.text}</p>
      {letter.error && <p className="text-sm text-kumo-danger">{letter.error}</p>}
      <div className="mt-2 flex items-center gap-2">
        <p className="meta min-w-0 flex-1">
          {letter.attempts > 0 && <span>{texts.outbox.attempts(letter.attempts)}</span>}
          <span>{whenText(letter.at, now)}</span>
        </p>
        <Button size="sm" onClick={() => settle("resend")}>
          {texts.outbox.resend}
        </Button>
        <Button size="sm" variant="ghost" onClick={() => settle("drop")}>
          {texts.outbox.drop}
        </Button>
      </div>
    </li>
  );
}

export function OutboxDialog({ thread, close }: { thread: string; close(): void }) {
  const { conversations } = useServices();
  const notify = useNotify();
  const [letters, setLetters] = useState<Delivery[] | null>(null);
  const [problem, setProblem] = useState("");
  const load = useCallback(() => {
    setProblem("");
    conversations.outbox(thread).then(setLetters, (error: unknown) => setProblem(sentenceOf(error)));
  }, [conversations, thread]);
  useEffect(load, [load]);
  const settle = (letter: Delivery, action: "resend" | "drop") => {
    conversations[action](thread, letter.id).then(
      () => {
        setLetters((known) => known?.filter((other) => other.id !== letter.id) ?? null);
        notify.done(action === "resend" ? texts.outbox.resent : texts.outbox.dropped);
      },
      (error: unknown) => notify.problem(sentenceOf(error)),
    );
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog className="dialog">
        <DialogHead title={texts.outbox.title} />
        <div className="dialog-body px-5 pb-5">
          {problem && (
            <p role="alert" className="flex items-center gap-3">
              {problem}
              <Button size="sm" onClick={load}>
                {texts.retry}
              </Button>
            </p>
          )}
          {!problem && letters === null && <Spinner label={texts.loading} />}
          {letters?.length === 0 && <p className="text-kumo-subtle">{texts.outbox.none}</p>}
          <ul className="flex flex-col gap-3">
            {letters?.map((letter) => (
              <LetterRow key={letter.id} letter={letter} settle={(action) => settle(letter, action)} />
            ))}
          </ul>
        </div>
        <DialogExit />
      </Dialog>
    </Dialog.Root>
  );
}
