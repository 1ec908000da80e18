/** The conversation: header, messages, message box, and files dropped anywhere on it. */
import { UploadSimpleIcon } from "@phosphor-icons/react";
import type { DragEvent } from "react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { CUT_CODE } from "../../protocol/teams.ts";
import { usePanels } from "../app/panels.tsx";
import { useAgent, useServices, useThreads } from "../app/services.tsx";
import { useShortcut } from "../app/shortcuts.ts";
import { useThreadActions } from "../app/threadActions.ts";
import { texts } from "../texts.ts";
import { ChatProvider } from "./ChatContext.tsx";
import type { ComposerHandle } from "./Composer.tsx";
import { Composer } from "./Composer.tsx";
import { ConnectionBar, Stopped } from "./ConnectionBar.tsx";
import type { ChatClient } from "./chat.ts";
import type { Command } from "./commands.ts";
import { EmptyChat } from "./EmptyChat.tsx";
import { Header } from "./Header.tsx";
import type { Message } from "./message.ts";
import { textOf } from "./message.ts";
import { ReadOnly } from "./ReadOnly.tsx";
import { Transcript } from "./Transcript.tsx";
import { UndoneNotice } from "./UndoneNotice.tsx";
import type { MessageActions } from "./UserMessage.tsx";
import type { SentPart, Unsent } from "./unsent.ts";
import { useChat, useChatSnapshot } from "./useChat.ts";
import type { ConversationActions } from "./useConversationActions.ts";
import { useConversationActions } from "./useConversationActions.ts";

const EraseDialog = lazy(async () => ({ default: (await import("../log/EraseDialog.tsx")).EraseDialog }));

/** How much of an answer is read out when it is there. */
const ANNOUNCED_CHARS = 400;

const carriesFiles = (event: DragEvent): boolean => event.dataTransfer.types.includes("Files");

/** One sentence when an answer begins and one when it is there: never a word for every token. */
function useAnnouncement(client: ChatClient): string {
  const { name } = useAgent();
  const chat = useChatSnapshot(client);
  const [said, setSaid] = useState("");
  const before = useRef(false);
  useEffect(() => {
    if (chat.asking) setSaid(texts.approval.announced(name));
  }, [chat.asking, name]);
  useEffect(() => {
    if (chat.working === before.current) return;
    before.current = chat.working;
    const last = chat.lines.findLast((line) => line.message.role === "assistant");
    if (chat.working) setSaid(texts.chat.answering(name));
    else if (last) setSaid(texts.chat.answered(name, textOf(last.message).slice(0, ANNOUNCED_CHARS)));
  }, [chat, name]);
  return said;
}

/** The parts of a message that is said again in other words: its files stay. */
function replacing(message: Message, text: string): SentPart[] {
  const files = message.parts.flatMap((part): SentPart[] =>
    part.type === "file"
      ? [
          {
            type: "file",
            mediaType: part.mediaType,
            url: part.url,
            ...(part.filename && { filename: part.filename }),
          },
        ]
      : [],
  );
  return [...files, { type: "text", text }];
}

interface ConversationProps {
  client: ChatClient;
  thread: string;
  conversation: ConversationActions;
}

function Conversation({ client, thread, conversation }: ConversationProps) {
  const { may, cut } = useServices();
  const chat = useChatSnapshot(client);
  const composer = useRef<ComposerHandle>(null);
  const announcement = useAnnouncement(client);
  const [dragging, setDragging] = useState(false);
  /** The message that is to be erased, while it is asked about. */
  const [erasing, setErasing] = useState<Message | null>(null);
  const depth = useRef(0);

  const focus = useCallback(() => composer.current?.focus(), []);
  useShortcut("composer", focus);
  // While it waits for an approval the turn still runs, whether or not anything streams.
  const working = chat.working || chat.asking;
  const { fork, stop: stopUnseen } = conversation;
  const stop = useCallback(() => {
    if (!client.stop()) stopUnseen();
  }, [client, stopUnseen]);
  useShortcut("stop", stop, working && may.write);
  const actions = useMemo<MessageActions>(
    () => ({
      write: may.write,
      replace: (message, text) => client.send(replacing(message, text), { replaces: message.id }),
      fork: (message) => fork(message.id),
      erase: may.run ? setErasing : null,
    }),
    [client, fork, may],
  );
  const threads = useThreadActions();
  const panels = usePanels();
  const command = ({ name, rest }: Command) => {
    switch (name) {
      case "undo":
        return conversation.undo();
      case "new":
        return threads.create();
      case "stop":
        return stop();
      case "fork":
        return conversation.fork();
      case "search":
        return panels.openSearch(rest);
    }
  };
  useEffect(() => {
    // On a phone the keyboard would cover the chat that was just opened.
    if (matchMedia("(pointer: fine)").matches) focus();
  }, [focus]);

  const edit = (entry: Unsent) => {
    client.discard(entry.id);
    const text = entry.message.parts
      .flatMap((part) => (part.type === "text" ? [part.text] : []))
      .join("\n\n");
    composer.current?.insert(text);
  };
  const onDrag = (event: DragEvent, step: number) => {
    if (!may.write || !carriesFiles(event)) return;
    event.preventDefault();
    depth.current = Math.max(0, depth.current + step);
    setDragging(depth.current > 0);
  };
  const stopped = chat.connection.kind === "stopped" ? chat.connection : null;
  useEffect(() => {
    if (stopped?.code === CUT_CODE) cut(stopped.reason);
  }, [stopped, cut]);
  if (stopped) {
    return <Stopped code={stopped.code} reason={stopped.reason} />;
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way to the attach button
    <div
      className="relative flex min-h-0 flex-1 flex-col"
      onDragEnter={(event) => onDrag(event, 1)}
      onDragLeave={(event) => onDrag(event, -1)}
      onDragOver={(event) => onDrag(event, 0)}
      onDrop={(event) => {
        if (!may.write || !carriesFiles(event)) return;
        event.preventDefault();
        depth.current = 0;
        setDragging(false);
        composer.current?.attach([...event.dataTransfer.files]);
      }}
    >
      <Transcript
        client={client}
        chat={chat}
        thread={thread}
        actions={actions}
        edit={edit}
        empty={may.write ? <EmptyChat choose={(text) => composer.current?.insert(text)} /> : null}
      />
      <div className="composer-dock">
        <ConnectionBar status={chat.connection} retry={client.reconnect} />
        {conversation.undone && (
          <UndoneNotice
            undone={conversation.undone}
            restore={(text) => {
              conversation.dismiss();
              composer.current?.insert(text);
            }}
            dismiss={conversation.dismiss}
          />
        )}
        {may.write ? (
          <Composer
            ref={composer}
            thread={thread}
            working={working}
            disabled={false}
            send={client.send}
            stop={stop}
            command={command}
          />
        ) : (
          <ReadOnly again={client.reconnect} />
        )}
      </div>
      {erasing && (
        <Suspense fallback={null}>
          <EraseDialog thread={thread} message={erasing} close={() => setErasing(null)} />
        </Suspense>
      )}
      <div className="sr-only" role="status" aria-live="polite">
        {announcement}
      </div>
      {dragging && (
        <div className="drop-veil">
          <UploadSimpleIcon aria-hidden="true" className="size-8" />
          {texts.composer.drop}
        </div>
      )}
    </div>
  );
}

export function ConversationPane({ thread }: { thread: string }) {
  const client = useChat(thread);
  const { threads } = useThreads();
  const conversation = useConversationActions(thread);
  const item = threads.find((known) => known.id === thread);
  return (
    <main id="chat" className="pane pane-chat" aria-label={texts.chat.label} tabIndex={-1}>
      <Header item={item} conversation={conversation} />
      {client && (
        <ChatProvider value={client}>
          <Conversation key={thread} client={client} thread={thread} conversation={conversation} />
        </ChatProvider>
      )}
    </main>
  );
}
