/** One answer: the agent's text across the column, with its tool calls, and what can be done with it. */
import { ArrowClockwiseIcon, EraserIcon, GitBranchIcon } from "@phosphor-icons/react";
import { memo } from "react";
import { useAgent } from "../app/services.tsx";
import { Markdown } from "../markdown/Markdown.tsx";
import { texts } from "../texts.ts";
import { CopyButton } from "../ui/CopyButton.tsx";
import { exactMoney, moneyText } from "../ui/format.ts";
import { IconButton } from "../ui/IconButton.tsx";
import { ApprovalCard, SecondDecision } from "./ApprovalCard.tsx";
import { Attachment } from "./Attachment.tsx";
import { FailureNote } from "./FailureNote.tsx";
import { Joined } from "./Joined.tsx";
import type { Message, Part } from "./message.ts";
import { isAsking, textOf } from "./message.ts";
import { Reasoning } from "./Reasoning.tsx";
import { ToolCard } from "./ToolCard.tsx";
import type { MessageActions } from "./UserMessage.tsx";
import { When } from "./When.tsx";

function Meta({ message }: { message: Message }) {
  const { model, usage, createdAt, priceMicros = 0 } = message.metadata;
  const total = usage ? usage.inputTokens + usage.outputTokens : 0;
  return (
    <div className="meta">
      {model && <span>{model}</span>}
      {usage && total > 0 && (
        <span title={texts.chat.tokensDetail(usage.inputTokens, usage.outputTokens)}>
          {texts.chat.tokens(total)}
        </span>
      )}
      {priceMicros > 0 && (
        <span title={texts.chat.costDetail(exactMoney(priceMicros))}>{moneyText(priceMicros)}</span>
      )}
      <When at={createdAt} />
    </div>
  );
}

function PartView({ part }: { part: Part }) {
  switch (part.type) {
    case "text":
      return part.text ? <Markdown text={part.text} streaming={part.streaming} /> : null;
    case "reasoning":
      return <Reasoning part={part} />;
    case "tool":
      if (part.state === "asking") return <ApprovalCard part={part} />;
      return (
        <>
          <ToolCard part={part} />
          <SecondDecision call={part.key} />
        </>
      );
    case "file":
      return <Attachment part={part} />;
    case "joined":
      return <Joined messageIds={part.messageIds} />;
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

export interface AnswerProps {
  message: Message;
  live: boolean;
  /** The newest answer: it can be asked for again. */
  newest: boolean;
  regenerate: ((messageId: string) => void) | null;
  actions: MessageActions;
}

export const Answer = memo(function Answer({ message, live, newest, regenerate, actions }: AnswerProps) {
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
      {!live && !isAsking(message) && (
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
          {actions.write && (
            <IconButton
              size="sm"
              icon={<GitBranchIcon />}
              label={texts.fork.action}
              onClick={() => actions.fork(message)}
            />
          )}
          {actions.erase && (
            <IconButton
              size="sm"
              icon={<EraserIcon />}
              label={texts.eraseMessage}
              onClick={() => actions.erase?.(message)}
            />
          )}
          <Meta message={message} />
        </div>
      )}
    </article>
  );
});
