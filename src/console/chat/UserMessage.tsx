/** A message of the reader, in a bubble, and what can be done with it. */
import { ClockCountdownIcon, EraserIcon, GitBranchIcon, PencilSimpleIcon } from "@phosphor-icons/react";
import type { ReactNode } from "react";
import { memo, useState } from "react";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { CopyButton } from "../ui/CopyButton.tsx";
import { IconButton } from "../ui/IconButton.tsx";
import { Attachment } from "./Attachment.tsx";
import { MessageEditor } from "./MessageEditor.tsx";
import type { Message } from "./message.ts";
import { textOf } from "./message.ts";
import { When } from "./When.tsx";

/** What the chat does with one of its messages. The same object for all of them. */
export interface MessageActions {
  /** Whether the first two are to be offered. */
  write: boolean;
  /** Says something else instead: this message, and all behind it, are taken back. */
  replace(message: Message, text: string): void;
  /** A new chat that begins with everything up to here. */
  fork(message: Message): void;
  /** Asks what is to go, and erases it. `null`: not for this reader. */
  erase: ((message: Message) => void) | null;
}

export interface UserMessageProps {
  message: Message;
  /** What stands below the bubble: its state, or what can be done with it. */
  footer?: ReactNode;
  dimmed?: boolean;
  /** `null` for a message that is not (yet) one of the transcript's. */
  actions?: MessageActions | null;
}

/** Where a message came from, when nobody typed it here. */
function Source({ source }: { source: string | undefined }) {
  if (!source || source === "chat") return null;
  const words =
    source === "schedule"
      ? texts.sources.schedule
      : source === "http"
        ? texts.sources.http
        : texts.sources.other(source);
  return (
    <p className="meta message-source">
      {source === "schedule" && <ClockCountdownIcon aria-hidden="true" />}
      {words}
    </p>
  );
}

export const UserMessage = memo(function UserMessage(props: UserMessageProps) {
  const { message, footer, dimmed = false, actions = null } = props;
  const { me } = useServices();
  const [editing, setEditing] = useState(false);
  const sender = message.metadata.sender;
  const name = sender && sender.id !== me.user.id ? sender.name : texts.chat.you;
  const text = textOf(message);
  const files = message.parts.filter((part) => part.type === "file");
  return (
    <article className="message message-user" aria-label={texts.chat.from(name)} data-message={message.id}>
      {name !== texts.chat.you && <p className="meta">{name}</p>}
      <Source source={message.metadata.source} />
      {files.length > 0 && (
        <div className="flex max-w-full flex-wrap items-end justify-end gap-2">
          {files.map((part) => (
            <Attachment key={part.key} part={part} />
          ))}
        </div>
      )}
      {editing && actions?.write ? (
        <MessageEditor
          text={text}
          label={texts.editing.label}
          action={texts.editing.send}
          hint={texts.editing.hint}
          cancel={() => setEditing(false)}
          done={(next) => {
            setEditing(false);
            actions.replace(message, next);
          }}
        />
      ) : (
        text && <div className={dimmed ? "bubble bubble-dimmed" : "bubble"}>{text}</div>
      )}
      {!editing &&
        (footer ?? (
          <div className="message-tools">
            <div className="meta">
              <When at={message.metadata.createdAt} />
            </div>
            {text && <CopyButton text={() => text} label={texts.chat.copyMessage} />}
            {actions?.write && (
              <>
                <IconButton
                  size="sm"
                  icon={<PencilSimpleIcon />}
                  label={texts.editing.edit}
                  onClick={() => setEditing(true)}
                />
                <IconButton
                  size="sm"
                  icon={<GitBranchIcon />}
                  label={texts.fork.action}
                  onClick={() => actions.fork(message)}
                />
              </>
            )}
            {actions?.erase && (
              <IconButton
                size="sm"
                icon={<EraserIcon />}
                label={texts.eraseMessage}
                onClick={() => actions.erase?.(message)}
              />
            )}
          </div>
        ))}
    </article>
  );
});
