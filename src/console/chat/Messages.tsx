/** One message of the chat: the reader's in a bubble, the agent's as text across the column. */

import { Button } from "@cloudflare/kumo/components/button";
import { ArrowClockwiseIcon, WarningCircleIcon } from "@phosphor-icons/react";
import type { ReactNode } from "react";
import { memo } from "react";
import { useAgent, useNow, useServices } from "../app/services.tsx";
import { Markdown } from "../markdown/Markdown.tsx";
import { texts } from "../texts.ts";
import { CopyButton } from "../ui/CopyButton.tsx";
import { exactTime, whenText } from "../ui/format.ts";
import { IconButton } from "../ui/IconButton.tsx";
import { Attachment } from "./Attachment.tsx";
import type { Message, Part } from "./message.ts";
import { textOf } from "./message.ts";
import { Reasoning } from "./Reasoning.tsx";
import { ToolCard } from "./ToolCard.tsx";

/** Texts such as "5 min ago" are renewed this often. */
const RENEW_MS = 60_000;

function When({ at }: { at: number | undefined }) {
  const now = useNow(RENEW_MS);
  if (at === undefined) return null;
  return (
    <time dateTime={new Date(at).toISOString()} title={exactTime(at)}>
      {whenText(at, now)}
    </time>
  );
}

function Meta({ message }: { message: Message }) {
  const { model, usage, createdAt } = message.metadata;
  const total = usage ? usage.inputTokens + usage.outputTokens : 0;
  return (
    <p className="meta">
      {model && <span>{model}</span>}
      {usage && total > 0 && (
        <span title={texts.chat.tokensDetail(usage.inputTokens, usage.outputTokens)}>
          {texts.chat.tokens(total)}
        </span>
      )}
      <When at={createdAt} />
    </p>
  );
}

function PartView({ part }: { part: Part }) {
  switch (part.type) {
    case "text":
      return part.text ? <Markdown text={part.text} streaming={part.streaming} /> : null;
    case "reasoning":
      return <Reasoning part={part} />;
    case "tool":
      return <ToolCard part={part} />;
    case "file":
      return <Attachment part={part} />;
  }
}

/** Tool cards that follow one another belong together. */
function grouped(parts: readonly Part[]): Part[][] {
  const groups: Part[][] = [];
  for (const part of parts) {
    const last = groups.at(-1);
    if (part.type === "tool" && last?.[0]?.type === "tool") last.push(part);
    else groups.push([part]);
  }
  return groups;
}

export interface UserMessageProps {
  message: Message;
  /** What stands below the bubble: its state, or what can be done with it. */
  footer?: ReactNode;
  dimmed?: boolean;
}

export const UserMessage = memo(function UserMessage({ message, footer, dimmed = false }: UserMessageProps) {
  const { me } = useServices();
  const sender = message.metadata.sender;
  const name = sender && sender.id !== me.user.id ? sender.name : texts.chat.you;
  const text = textOf(message);
  const files = message.parts.filter((part) => part.type === "file");
  return (
    <article className="message message-user" aria-label={texts.chat.from(name)} data-message={message.id}>
      {name !== texts.chat.you && <p className="meta">{name}</p>}
      {files.length > 0 && (
        <div className="flex max-w-full flex-wrap items-end justify-end gap-2">
          {files.map((part) => (
            <Attachment key={part.key} part={part} />
          ))}
        </div>
      )}
      {text && <div className={dimmed ? "bubble opacity-65" : "bubble"}>{text}</div>}
      {footer ?? (
        <div className="message-tools">
          <p className="meta">
            <When at={message.metadata.createdAt} />
          </p>
          {text && <CopyButton text={() => text} label={texts.chat.copyMessage} />}
        </div>
      )}
    </article>
  );
});

export interface FailureNoteProps {
  text: string;
  /** `null` when trying again is not possible now. */
  retry: (() => void) | null;
}

export function FailureNote({ text, retry }: FailureNoteProps) {
  return (
    <div className="failure" role="alert">
      <WarningCircleIcon
        aria-hidden="true"
        weight="fill"
        className="mt-0.5 size-4 shrink-0 text-kumo-danger"
      />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{texts.chat.failed}</p>
        <p className="text-kumo-subtle">{text}</p>
      </div>
      {retry && (
        <Button size="sm" onClick={retry} icon={<ArrowClockwiseIcon />}>
          {texts.chat.retry}
        </Button>
      )}
    </div>
  );
}

export interface AnswerProps {
  message: Message;
  live: boolean;
  /** The newest answer: it can be asked for again. */
  newest: boolean;
  regenerate: ((messageId: string) => void) | null;
}

export const Answer = memo(function Answer({ message, live, newest, regenerate }: AnswerProps) {
  const { name } = useAgent();
  const { outcome, error } = message.metadata;
  const again = newest && regenerate && !live ? () => regenerate(message.id) : null;
  return (
    <article
      className="message message-answer"
      aria-label={texts.chat.from(name)}
      aria-busy={live}
      data-message={message.id}
    >
      {grouped(message.parts).map((group) =>
        group[0]?.type === "tool" ? (
          <div key={group[0].key} className="tool-group">
            {group.map((part) => (
              <PartView key={part.key} part={part} />
            ))}
          </div>
        ) : (
          group.map((part) => <PartView key={part.key} part={part} />)
        ),
      )}
      {outcome === "cancelled" && !live && <p className="cancelled">{texts.chat.cancelled}</p>}
      {outcome === "failed" && !live && (
        <FailureNote text={error?.message ?? texts.errors.unexpected} retry={again} />
      )}
      {!live && (
        <div className={newest ? "message-tools message-tools-shown" : "message-tools"}>
          {textOf(message) && <CopyButton text={() => textOf(message)} label={texts.chat.copyAnswer} />}
          {again && outcome !== "failed" && (
            <IconButton
              size="sm"
              icon={<ArrowClockwiseIcon />}
              label={texts.chat.regenerate}
              onClick={again}
            />
          )}
          <Meta message={message} />
        </div>
      )}
    </article>
  );
});
