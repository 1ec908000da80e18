/** A tool call that waits for the reader: what it will do, and the two answers to it. */
import { Button } from "@cloudflare/kumo/components/button";
import { CheckIcon, HandPalmIcon, XIcon } from "@phosphor-icons/react";
import type { KeyboardEvent } from "react";
import { useId, useState } from "react";
import { useAgent, useMay, useNow } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { exactTime, soonText } from "../ui/format.ts";
import { Keys } from "../ui/Keys.tsx";
import { useNotify } from "../ui/toasts.tsx";
import { useChatClient, useShown } from "./ChatContext.tsx";
import type { ToolPart } from "./message.ts";
import { argumentsOf, toolSentence } from "./toolWords.ts";

/** "in 5 min" is renewed this often. */
const RENEW_MS = 30_000;
/** What the server takes. */
const COMMENT_CHARS = 2_000;

function Deadline({ at }: { at: number | null }) {
  const now = useNow(RENEW_MS);
  if (at === null) return <p className="approval-deadline">{texts.approval.waits}</p>;
  return (
    <p className="approval-deadline" title={exactTime(at)}>
      {at > now ? texts.approval.until(soonText(at, now)) : texts.approval.overdue}
    </p>
  );
}

export function ApprovalCard({ part }: { part: ToolPart }) {
  const { name } = useAgent();
  const client = useChatClient();
  const chosen = useShown((chat) => chat.deciding[part.key]);
  const notify = useNotify();
  const { write } = useMay();
  const [comment, setComment] = useState("");
  const id = useId();
  const sentence = toolSentence(part);
  const what = `${sentence.verb} ${sentence.object}${sentence.rest}`.trim();
  const given = argumentsOf(part.input);

  const decide = (approved: boolean) => {
    if (chosen !== undefined || !write) return;
    if (!client.decide(part.key, approved, comment)) return notify.problem(texts.waiting.offline);
    // The card goes away with its decision, and the focus must not go with it.
    document.getElementById("composer")?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target instanceof HTMLInputElement || event.metaKey || event.ctrlKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key !== "a" && key !== "d") return;
    event.preventDefault();
    decide(key === "a");
  };
  return (
    <section
      className="approval"
      aria-label={texts.approval.label(what)}
      data-call={part.key}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the card takes the keys A and D
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <h3>
        <HandPalmIcon aria-hidden="true" weight="fill" className="approval-sign" />
        {texts.approval.title(name, what)}
      </h3>
      {part.reason && <p>{part.reason}</p>}
      {given.length === 0 ? (
        <p className="text-kumo-subtle">{texts.approval.noInput}</p>
      ) : (
        <dl className="approval-arguments">
          {given.map((argument) => (
            <div key={argument.name}>
              <dt>{argument.name}</dt>
              <dd>{argument.text}</dd>
            </div>
          ))}
        </dl>
      )}
      {write ? (
        <>
          <label htmlFor={id} className="sr-only">
            {texts.approval.comment}
          </label>
          <input
            id={id}
            className="plain-field"
            value={comment}
            maxLength={COMMENT_CHARS}
            placeholder={texts.approval.comment}
            disabled={chosen !== undefined}
            onChange={(event) => setComment(event.target.value)}
          />
          <div className="approval-actions">
            <Button
              variant="primary"
              icon={<CheckIcon weight="bold" />}
              loading={chosen === true}
              disabled={chosen !== undefined}
              aria-label={texts.approval.approve}
              onClick={() => decide(true)}
            >
              {chosen === true ? texts.approval.approving : texts.approval.approve}
              <Keys keys={["A"]} />
            </Button>
            <Button
              icon={<XIcon weight="bold" />}
              loading={chosen === false}
              disabled={chosen !== undefined}
              aria-label={texts.approval.deny}
              onClick={() => decide(false)}
            >
              {chosen === false ? texts.approval.denying : texts.approval.deny}
              <Keys keys={["D"]} />
            </Button>
            <Deadline at={part.expiresAt} />
          </div>
        </>
      ) : (
        <p className="approval-deadline">{texts.readOnly.approval}</p>
      )}
    </section>
  );
}

/** Said below a call on which somebody else had decided before. */
export function SecondDecision({ call }: { call: string }) {
  const decision = useShown((chat) => chat.decided[call]);
  if (!decision || decision.counted) return null;
  return (
    <p className="tool-note" role="status">
      {texts.approval.second(decision.by, decision.approved)}
    </p>
  );
}
