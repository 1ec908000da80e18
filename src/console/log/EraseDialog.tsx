/** Erasing a message: what goes with it is asked first, and said afterwards with what was copied elsewhere. */
import "../styles/rooms.css";
import { Button } from "@cloudflare/kumo/components/button";
import { Dialog } from "@cloudflare/kumo/components/dialog";
import { CheckCircleIcon } from "@phosphor-icons/react";
import { useMemo, useState } from "react";
import type { Erased } from "../../protocol/log.ts";
import { pathOf } from "../app/route.ts";
import { useServices } from "../app/services.tsx";
import type { Message } from "../chat/message.ts";
import { textOf } from "../chat/message.ts";
import { useTitleOf } from "../programs/ChatField.tsx";
import { texts as common } from "../texts.ts";
import { DialogExit, DialogHead } from "../ui/DialogHead.tsx";
import { useTask } from "../ui/useTask.ts";
import { logApi } from "./api.ts";
import { logTexts } from "./texts.ts";

const texts = logTexts.eraseMessage;

function Result({ erased, close }: { erased: Erased; close(): void }) {
  const { handle } = useServices();
  const titleOf = useTitleOf();
  return (
    <>
      <p className="flex gap-2 font-medium" role="status">
        <CheckCircleIcon aria-hidden="true" weight="fill" className="mt-0.5 size-5 shrink-0 text-accent" />
        {texts.gone(erased.messages.length)}
      </p>
      {erased.pending && <p>{texts.pending}</p>}
      {erased.copies.length > 0 && (
        <div>
          <p>{texts.copies}</p>
          <ul className="plain-list">
            {erased.copies.map((thread) => (
              <li key={thread}>
                <a className="text-button" href={pathOf(handle, thread)}>
                  {titleOf(thread)}
                </a>
              </li>
            ))}
          </ul>
        </div>
      )}
      {erased.files.length > 0 && (
        <div>
          <p>{texts.filesLeft}</p>
          <ul className="plain-list">
            {erased.files.map((path) => (
              <li key={path}>{path}</li>
            ))}
          </ul>
        </div>
      )}
      {erased.channels.length > 0 && (
        <div>
          <p>{texts.channels}</p>
          <ul className="plain-list">
            {erased.channels.map((channel) => (
              <li key={channel}>{channel}</li>
            ))}
          </ul>
        </div>
      )}
      <div className="flex justify-end">
        <Button variant="primary" onClick={close}>
          {texts.close}
        </Button>
      </div>
    </>
  );
}

export interface EraseDialogProps {
  thread: string;
  message: Message;
  close(): void;
}

export function EraseDialog({ thread, message, close }: EraseDialogProps) {
  const { api, handle } = useServices();
  const log = useMemo(() => logApi(api, handle), [api, handle]);
  const task = useTask();
  const mine = message.role === "user";
  const [answer, setAnswer] = useState(true);
  const [files, setFiles] = useState(false);
  const [erased, setErased] = useState<Erased | null>(null);
  const submit = () =>
    task.run(async () =>
      setErased(await log.eraseMessage(thread, { message: message.id, answer: !mine || answer, files })),
    );
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog className="dialog">
        <DialogHead title={erased ? texts.done : mine ? texts.title : texts.answerTitle} />
        <div className="dialog-body flex flex-col gap-4 px-5 pb-5">
          {erased ? (
            <Result erased={erased} close={close} />
          ) : (
            <form
              className="flex flex-col gap-4"
              onSubmit={(event) => {
                event.preventDefault();
                void submit();
              }}
            >
              <blockquote className="erase-quote">{textOf(message)}</blockquote>
              <p>{mine ? texts.question : texts.answerQuestion}</p>
              <div className="checks">
                {mine && (
                  <label>
                    <input
                      type="checkbox"
                      checked={answer}
                      onChange={(event) => setAnswer(event.target.checked)}
                    />
                    {texts.answer}
                  </label>
                )}
                <label>
                  <input
                    type="checkbox"
                    checked={files}
                    onChange={(event) => setFiles(event.target.checked)}
                  />
                  {texts.files}
                </label>
              </div>
              {task.problem && (
                <p role="alert" className="text-kumo-danger">
                  {task.problem}
                </p>
              )}
              <div className="flex justify-end gap-2">
                <Button variant="ghost" onClick={close}>
                  {common.cancel}
                </Button>
                <Button type="submit" variant="destructive" loading={task.busy}>
                  {texts.action}
                </Button>
              </div>
            </form>
          )}
        </div>
        <DialogExit />
      </Dialog>
    </Dialog.Root>
  );
}
