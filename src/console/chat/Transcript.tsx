/** The messages of a chat, from the oldest that was loaded to what is still on its way. */
import { Button } from "@cloudflare/kumo/components/button";
import { ArrowDownIcon, ClockIcon, WarningCircleIcon } from "@phosphor-icons/react";
import type { ReactNode } from "react";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { Spinner } from "../ui/Spinner.tsx";
import { useNotify } from "../ui/toasts.tsx";
import { Answer } from "./Answer.tsx";
import type { ChatClient, ChatSnapshot } from "./chat.ts";
import { FailureNote, RefusalNote } from "./FailureNote.tsx";
import type { MessageActions } from "./UserMessage.tsx";
import { UserMessage } from "./UserMessage.tsx";
import type { Unsent } from "./unsent.ts";
import { asMessage } from "./unsent.ts";
import { useStick } from "./useStick.ts";
import { WaitingMessage } from "./WaitingMessage.tsx";

export interface TranscriptProps {
  client: ChatClient;
  chat: ChatSnapshot;
  /** Shown while there are no messages. */
  empty: ReactNode;
  thread: string;
  actions: MessageActions;
  /** A refused message goes back to the composer. */
  edit(entry: Unsent): void;
}

function Notice({ icon, children }: { icon: ReactNode; children: ReactNode }) {
  return (
    <p className="notice">
      {icon}
      {children}
    </p>
  );
}

function UnsentMessage({ entry, chat, client, edit }: TranscriptProps & { entry: Unsent }) {
  const message = useMemo(() => asMessage(entry), [entry]);
  if (entry.refused) {
    return (
      <UserMessage
        message={message}
        dimmed
        footer={
          <div className="refusal" role="alert">
            <WarningCircleIcon
              aria-hidden="true"
              weight="fill"
              className="mt-0.5 size-4 shrink-0 text-kumo-danger"
            />
            <p className="min-w-0 flex-1">
              <span className="font-medium">{texts.chat.refused}. </span>
              {entry.refused.message}
            </p>
            <div className="flex gap-1.5">
              <Button size="sm" onClick={() => client.sendAgain(entry.id)}>
                {texts.chat.sendAgain}
              </Button>
              <Button size="sm" onClick={() => edit(entry)}>
                {texts.chat.edit}
              </Button>
              <Button size="sm" variant="ghost" onClick={() => client.discard(entry.id)}>
                {texts.chat.discard}
              </Button>
            </div>
          </div>
        }
      />
    );
  }
  const sending = chat.sending.has(entry.id) || chat.connection.kind === "open";
  return (
    <UserMessage
      message={message}
      dimmed
      footer={
        <Notice icon={sending ? <Spinner /> : <ClockIcon aria-hidden="true" />}>
          {sending ? texts.chat.sending : texts.chat.waiting}
        </Notice>
      }
    />
  );
}

function Thinking({ text }: { text: string }) {
  return (
    <div className="thinking">
      <span className="thinking-dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      <span className="shimmer-text">{text}</span>
    </div>
  );
}

/** Counts up whenever something new stands at the end while the reader is elsewhere. */
function useNewBelow(lastKey: string, atEnd: boolean): boolean {
  const seen = useRef(lastKey);
  const [fresh, setFresh] = useState(false);
  useEffect(() => {
    if (atEnd) {
      seen.current = lastKey;
      setFresh(false);
    } else if (seen.current !== lastKey) {
      setFresh(true);
    }
  }, [lastKey, atEnd]);
  return fresh;
}

/** How long a message that was looked for stands out. */
const FOUND_MS = 2_500;

/** Takes the reader to a message that was searched for, as soon as it is loaded, and makes it stand out. */
function useJump({ client, chat, thread }: TranscriptProps, leaveEnd: () => void): void {
  const { jump, platform } = useServices();
  const notify = useNotify();
  const wanted = useSyncExternalStore(jump.subscribe, jump.get);
  const [found, setFound] = useState<{ message: string } | null>(null);
  const ready = chat.loaded;
  useEffect(() => {
    if (!ready || wanted?.thread !== thread) return;
    jump.set(null);
    leaveEnd();
    client.reach(wanted.message).then(
      (there) => (there ? setFound({ message: wanted.message }) : notify.problem(texts.found.gone)),
      () => notify.problem(texts.chat.olderFailed),
    );
  }, [ready, wanted, thread, jump, client, notify, leaveEnd]);
  useEffect(() => {
    const article = found && document.querySelector(`[data-message="${CSS.escape(found.message)}"]`);
    if (!article) return;
    leaveEnd();
    article.scrollIntoView({ block: "center", behavior: "instant" });
    article.setAttribute("data-found", "");
    const cancel = platform.after(FOUND_MS, () => article.removeAttribute("data-found"));
    return () => {
      cancel();
      article.removeAttribute("data-found");
    };
  }, [found, platform, leaveEnd]);
}

export function Transcript(props: TranscriptProps) {
  const { client, chat, empty, actions } = props;
  const notify = useNotify();
  const first = chat.lines[0]?.message.id;
  const stick = useStick(first);
  const { toEnd } = stick;
  useJump(props, stick.leaveEnd);
  const answers = chat.lines.filter((line) => line.message.role === "assistant");
  const newest = answers.at(-1)?.message.id;
  const lastLine = chat.lines.at(-1);
  const lastSettled = chat.lines.findLast((line) => line.waiting === null)?.message;
  const fresh = useNewBelow(`${lastLine?.message.id}:${chat.working}`, stick.atEnd);

  // What the reader sends takes them to the end, wherever they were.
  const sent = chat.unsent.length;
  const before = useRef(sent);
  useEffect(() => {
    if (sent > before.current) toEnd();
    before.current = sent;
  }, [sent, toEnd]);

  const regenerate = useMemo(
    () => (actions.write && chat.connection.kind === "open" && !chat.working ? client.regenerate : null),
    [actions, chat.connection.kind, chat.working, client],
  );
  const older = () => {
    stick.holdPlace();
    client.loadOlder().catch(() => notify.problem(texts.chat.olderFailed));
  };
  const failure = chat.failure && lastSettled?.metadata.outcome !== "failed" ? chat.failure : null;
  const nothing = chat.loaded && chat.lines.length === 0 && chat.unsent.length === 0;
  return (
    <div className="transcript-frame" data-beneath={stick.beneath || undefined}>
      <section
        ref={stick.scroller}
        className="transcript"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the messages are scrolled with the keyboard
        tabIndex={0}
        aria-label={texts.chat.messages}
      >
        <div ref={stick.content} className="column">
          {chat.hasOlder && (
            <div className="flex justify-center pb-2">
              <Button size="sm" variant="ghost" loading={chat.loadingOlder} onClick={older}>
                {chat.loadingOlder ? texts.chat.loadingOlder : texts.chat.loadOlder}
              </Button>
            </div>
          )}
          {!chat.loaded && chat.unsent.length === 0 && <Skeleton />}
          {nothing && empty}
          {chat.lines.map((line) =>
            line.message.role === "assistant" ? (
              <Answer
                key={line.message.id}
                message={line.message}
                live={line.live}
                newest={line.message.id === newest}
                regenerate={line.message.id === newest ? regenerate : null}
                actions={actions}
              />
            ) : line.waiting ? (
              <WaitingMessage key={line.message.id} line={line} working={chat.working || chat.asking} />
            ) : (
              <UserMessage key={line.message.id} message={line.message} actions={actions} />
            ),
          )}
          {chat.recovering && <Thinking text={texts.chat.recovering} />}
          {chat.working && !chat.answering && !chat.recovering && !chat.asking && (
            <Thinking text={texts.chat.thinking} />
          )}
          {failure && !chat.working && (
            <FailureNote
              text={failure.text}
              retry={regenerate && lastSettled ? () => regenerate(lastSettled.id) : null}
            />
          )}
          {chat.notice && <RefusalNote text={chat.notice} dismiss={client.dismissNotice} />}
          {chat.unsent.map((entry) => (
            <UnsentMessage key={entry.message.id} entry={entry} {...props} />
          ))}
        </div>
      </section>
      {!stick.atEnd && (
        <button
          type="button"
          className={fresh ? "to-end to-end-fresh" : "to-end"}
          aria-label={texts.chat.toBottom}
          onClick={() => toEnd(true)}
        >
          <ArrowDownIcon aria-hidden="true" weight="bold" />
          {fresh && <span>{texts.chat.newMessages}</span>}
        </button>
      )}
    </div>
  );
}

function Skeleton() {
  return (
    <div className="flex flex-col gap-8" role="img" aria-label={texts.loading}>
      {[0, 1].map((row) => (
        <div key={row} className="flex flex-col gap-8">
          <div className="skeleton-block ml-auto h-10 w-2/5 rounded-2xl" />
          <div className="flex flex-col gap-3">
            <div className="skeleton-block h-4 w-11/12 rounded" />
            <div className="skeleton-block h-4 w-10/12 rounded" />
            <div className="skeleton-block h-4 w-7/12 rounded" />
          </div>
        </div>
      ))}
    </div>
  );
}
