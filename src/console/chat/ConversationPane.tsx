/** The conversation: header, messages, message box, and files dropped anywhere on it. */
import { UploadSimpleIcon } from "@phosphor-icons/react";
import type { DragEvent } from "react";
import { useCallback, useEffect, useRef, useState } from "react";
import { useAgent, useThreads } from "../app/services.tsx";
import { useShortcut } from "../app/shortcuts.ts";
import { texts } from "../texts.ts";
import type { ComposerHandle } from "./Composer.tsx";
import { Composer } from "./Composer.tsx";
import { ConnectionBar, Stopped } from "./ConnectionBar.tsx";
import type { ChatClient } from "./client.ts";
import { EmptyChat } from "./EmptyChat.tsx";
import { Header } from "./Header.tsx";
import { textOf } from "./message.ts";
import { Transcript } from "./Transcript.tsx";
import type { Unsent } from "./unsent.ts";
import { useChat, useChatSnapshot } from "./useChat.ts";

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
    if (chat.working === before.current) return;
    before.current = chat.working;
    const last = chat.lines.findLast((line) => line.message.role === "assistant");
    if (chat.working) setSaid(texts.chat.answering(name));
    else if (last) setSaid(texts.chat.answered(name, textOf(last.message).slice(0, ANNOUNCED_CHARS)));
  }, [chat, name]);
  return said;
}

function Conversation({ client, thread }: { client: ChatClient; thread: string }) {
  const chat = useChatSnapshot(client);
  const composer = useRef<ComposerHandle>(null);
  const announcement = useAnnouncement(client);
  const [dragging, setDragging] = useState(false);
  const depth = useRef(0);

  const focus = useCallback(() => composer.current?.focus(), []);
  useShortcut("composer", focus);
  useShortcut("stop", client.stop, chat.working);
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
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth.current = Math.max(0, depth.current + step);
    setDragging(depth.current > 0);
  };
  if (chat.connection.kind === "stopped") {
    return <Stopped code={chat.connection.code} reason={chat.connection.reason} />;
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way to the attach button
    <div
      className="relative flex min-h-0 flex-1 flex-col"
      onDragEnter={(event) => onDrag(event, 1)}
      onDragLeave={(event) => onDrag(event, -1)}
      onDragOver={(event) => onDrag(event, 0)}
      onDrop={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        depth.current = 0;
        setDragging(false);
        composer.current?.attach([...event.dataTransfer.files]);
      }}
    >
      <Transcript
        client={client}
        chat={chat}
        edit={edit}
        empty={<EmptyChat choose={(text) => composer.current?.insert(text)} />}
      />
      <div className="composer-dock">
        <ConnectionBar status={chat.connection} retry={client.reconnect} />
        <Composer
          ref={composer}
          thread={thread}
          working={chat.working}
          disabled={false}
          send={client.send}
          stop={client.stop}
        />
      </div>
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
  const item = threads.find((known) => known.id === thread);
  return (
    <main id="chat" className="pane pane-chat" aria-label={texts.chat.label} tabIndex={-1}>
      <Header thread={thread} item={item} />
      {client && <Conversation key={thread} client={client} thread={thread} />}
    </main>
  );
}
