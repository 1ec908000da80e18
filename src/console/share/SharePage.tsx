/** A shared chat, to be read: the console's messages without what one can do with them. */
import { Button } from "@cloudflare/kumo/components/button";
import { BroadcastIcon, LinkBreakIcon, PaperclipIcon, PlugsIcon, WrenchIcon } from "@phosphor-icons/react";
import { type ReactNode, useEffect, useSyncExternalStore } from "react";
import type { SharedMessage, SharedPage, SharedPart } from "../../protocol/shares.ts";
import { useNow } from "../app/services.tsx";
import type { ToolPart } from "../chat/message.ts";
import { Reasoning } from "../chat/Reasoning.tsx";
import { ToolCard } from "../chat/ToolCard.tsx";
import { When } from "../chat/When.tsx";
import { Markdown } from "../markdown/Markdown.tsx";
import { soonText } from "../ui/format.ts";
import { Mark } from "../ui/Mark.tsx";
import type { ShareFeed } from "./feed.ts";
import { shareTexts as texts, toolText } from "./texts.ts";

/** "in 5 min" is renewed this often. */
const RENEW_MS = 30_000;

type SharedTool = Extract<SharedPart, { type: "tool" }>;

const asToolPart = (part: SharedTool, key: string): ToolPart => ({
  type: "tool",
  key,
  name: part.name,
  // Nobody decides here: a call that waits for a person is one that has not run.
  state: part.state === "asking" ? "running" : part.state,
  inputText: "",
  input: part.input,
  output: part.output,
  progress: part.state === "asking" ? toolText(part.name, part.state) : "",
  error: part.error ?? "",
  reason: "",
  expiresAt: null,
});

function PartView({ part, at, writing }: { part: SharedPart; at: string; writing: boolean }) {
  switch (part.type) {
    case "text":
      return <Markdown text={part.text} streaming={writing} />;
    case "reasoning":
      return <Reasoning part={{ ...part, key: at, streaming: false }} />;
    case "tool":
      if (hasDetails(part)) return <ToolCard part={asToolPart(part, at)} />;
      return (
        <p className="shared-tool" data-state={part.state}>
          <WrenchIcon aria-hidden="true" />
          {toolText(part.name, part.state)}
        </p>
      );
  }
}

/** Whether more is shown of it than that it was used. */
const hasDetails = (part: SharedTool): boolean =>
  part.input !== undefined || part.output !== undefined || part.error !== undefined;

interface Group {
  at: number;
  parts: SharedPart[];
  /** What frames tools that follow one another; null for other parts. */
  tools: string | null;
}

/** Tools that follow one another belong together. */
function grouped(parts: readonly SharedPart[]): Group[] {
  const groups: Group[] = [];
  for (const [at, part] of parts.entries()) {
    const tools = part.type !== "tool" ? null : hasDetails(part) ? "tool-group" : "shared-tools";
    const last = groups.at(-1);
    if (last && tools && last.tools === tools) last.parts.push(part);
    else groups.push({ at, parts: [part], tools });
  }
  return groups;
}

function Attachments({ count }: { count: number | undefined }) {
  if (!count) return null;
  return (
    <p className="meta shared-note">
      <PaperclipIcon aria-hidden="true" />
      {texts.attachments(count)}
    </p>
  );
}

function Question({ message }: { message: SharedMessage }) {
  const text = message.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n\n");
  return (
    <article className="message message-user" aria-label={texts.from(message.by ?? texts.person)}>
      {message.by && <p className="meta">{message.by}</p>}
      {text && <div className="bubble">{text}</div>}
      <Attachments count={message.attachments} />
    </article>
  );
}

function Answer({ message, agent }: { message: SharedMessage; agent: string }) {
  const last = message.parts.length - 1;
  return (
    <article
      className="message message-answer"
      aria-label={texts.from(agent)}
      aria-busy={message.writing ?? false}
    >
      {grouped(message.parts).map(({ at: first, parts, tools }) => {
        const views = parts.map((part, offset) => (
          <PartView
            // biome-ignore lint/suspicious/noArrayIndexKey: parts are only ever added at the end
            key={`${message.id}:${first + offset}`}
            part={part}
            at={`${message.id}:${first + offset}`}
            writing={message.writing === true && first + offset === last}
          />
        ));
        return tools ? (
          <div key={first} className={tools}>
            {views}
          </div>
        ) : (
          views
        );
      })}
      <Attachments count={message.attachments} />
      {message.writing && <p className="shared-writing shimmer-text">{texts.writing}</p>}
      {message.outcome === "cancelled" && <p className="cancelled">{texts.cancelled}</p>}
      {message.outcome === "failed" && <p className="cancelled">{texts.failed}</p>}
      {!message.writing && (
        <div className="meta shared-when">
          <When at={message.at} />
        </div>
      )}
    </article>
  );
}

function Header({ page }: { page: SharedPage }) {
  const now = useNow(RENEW_MS);
  const title = page.title || texts.untitled;
  useEffect(() => {
    document.title = `${title} · Holdfast`;
  }, [title]);
  return (
    <header className="shared-header">
      <Mark className="size-8 shrink-0" />
      <div className="min-w-0 flex-1">
        <h1 title={title}>{title}</h1>
        <p className="meta">
          {page.agent && <span>{page.agent}</span>}
          <span>{texts.readOnly}</span>
          {page.live && (
            <span className="shared-live">
              <BroadcastIcon aria-hidden="true" weight="bold" />
              {texts.live}
            </span>
          )}
          <time dateTime={new Date(page.expiresAt).toISOString()}>
            {texts.until(soonText(page.expiresAt, now))}
          </time>
        </p>
      </div>
    </header>
  );
}

function Notice({ icon, title, children }: { icon: ReactNode; title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Holdfast`;
  }, [title]);
  return (
    <main className="shared-notice" role="alert">
      <span className="shared-notice-icon">{icon}</span>
      <h1>{title}</h1>
      {children}
    </main>
  );
}

export function SharePage({ feed }: { feed: ShareFeed }) {
  const view = useSyncExternalStore(feed.subscribe, feed.view);
  switch (view.kind) {
    case "loading":
      return (
        <main className="shared-page" role="img" aria-label={texts.loading}>
          <div className="skeleton-block h-8 w-3/5 rounded-lg" />
          <div className="skeleton-block ml-auto h-10 w-2/5 rounded-2xl" />
          <div className="skeleton-block h-4 w-11/12 rounded" />
          <div className="skeleton-block h-4 w-7/12 rounded" />
        </main>
      );
    case "gone":
      return (
        <Notice icon={<LinkBreakIcon aria-hidden="true" />} title={texts.goneTitle}>
          <p>{view.reason || texts.expired}</p>
        </Notice>
      );
    case "failed":
      return (
        <Notice icon={<PlugsIcon aria-hidden="true" />} title={texts.failedTitle}>
          <p>{texts.failedHint}</p>
          <Button onClick={feed.again}>{texts.again}</Button>
        </Notice>
      );
    case "shown": {
      const { page, reachable, loadingOlder } = view;
      return (
        <div className="shared-page">
          <Header page={page} />
          <main className="shared-messages" aria-label={texts.messages}>
            {page.older !== undefined && (
              <div className="flex justify-center">
                <Button size="sm" variant="ghost" loading={loadingOlder} onClick={feed.loadOlder}>
                  {loadingOlder ? texts.loadingOlder : texts.older}
                </Button>
              </div>
            )}
            {page.messages.length === 0 && <p className="shared-empty">{texts.empty}</p>}
            {page.messages.map((message) =>
              message.role === "user" ? (
                <Question key={message.id} message={message} />
              ) : (
                <Answer key={message.id} message={message} agent={page.agent || texts.agent} />
              ),
            )}
          </main>
          <footer className="shared-footer">
            <p>{texts.made}</p>
            <p>{texts.madeHint}</p>
          </footer>
          {!reachable && (
            <p className="shared-offline" role="status">
              <PlugsIcon aria-hidden="true" />
              {texts.unreachable}
            </p>
          )}
        </div>
      );
    }
  }
}
