/** A message that was sent while an answer runs, and what can still be done with it. */
import { Button } from "@cloudflare/kumo/components/button";
import { ArrowBendDownRightIcon, ClockIcon } from "@phosphor-icons/react";
import { useState } from "react";
import { useMay } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { useNotify } from "../ui/toasts.tsx";
import { useChatClient } from "./ChatContext.tsx";
import type { Amendment } from "./chat.ts";
import type { Line } from "./lines.ts";
import { MessageEditor } from "./MessageEditor.tsx";
import { textOf } from "./message.ts";
import { UserMessage } from "./UserMessage.tsx";

export function WaitingMessage({ line, working }: { line: Line; working: boolean }) {
  const client = useChatClient();
  const notify = useNotify();
  const { write } = useMay();
  const [editing, setEditing] = useState(false);
  const { message, waiting } = line;
  const steering = waiting === "steering";
  const amend = (change: Amendment) => {
    if (!client.amend(message.id, change)) notify.problem(texts.waiting.offline);
  };
  if (editing) {
    return (
      <article
        className="message message-user"
        data-message={message.id}
        aria-label={texts.waiting.editLabel}
      >
        <MessageEditor
          text={textOf(message)}
          label={texts.waiting.editLabel}
          action={texts.save}
          cancel={() => setEditing(false)}
          done={(text) => {
            setEditing(false);
            if (text !== textOf(message)) amend({ action: "edit", text });
          }}
        />
      </article>
    );
  }
  return (
    <UserMessage
      message={message}
      dimmed
      footer={
        <div className="waiting" data-waiting={waiting}>
          <p className="notice">
            {steering ? <ArrowBendDownRightIcon aria-hidden="true" /> : <ClockIcon aria-hidden="true" />}
            {steering ? texts.waiting.steering : texts.waiting.queued}
          </p>
          {write && (
            <span className="flex gap-1">
              {!steering && working && (
                <Button
                  size="sm"
                  variant="ghost"
                  title={texts.waiting.sendNowHint}
                  onClick={() => amend({ action: "steer" })}
                >
                  {texts.waiting.sendNow}
                </Button>
              )}
              <Button size="sm" variant="ghost" onClick={() => setEditing(true)}>
                {texts.waiting.edit}
              </Button>
              <Button size="sm" variant="ghost" onClick={() => amend({ action: "delete" })}>
                {texts.waiting.delete}
              </Button>
            </span>
          )}
        </div>
      }
    />
  );
}
