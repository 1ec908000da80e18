/** Search over chats, by the server, and the commands of the page: ⌘K. */
import { CommandPalette } from "@cloudflare/kumo/components/command-palette";
import { DialogTitle } from "@cloudflare/kumo/components/dialog";
import {
  CalendarDotsIcon,
  ChatCircleIcon,
  ChatTextIcon,
  FolderSimpleIcon,
  GearSixIcon,
  KeyboardIcon,
  NotePencilIcon,
  UploadSimpleIcon,
} from "@phosphor-icons/react";
import type { ReactNode } from "react";
import { useEffect, useState } from "react";
import type { ThreadSummary } from "../../protocol/rpc.ts";
import { texts } from "../texts.ts";
import { whenText } from "../ui/format.ts";
import { useNotify } from "../ui/toasts.tsx";
import { sentenceOf } from "./api.ts";
import type { Hit } from "./conversations.ts";
import { useServices, useThreads } from "./services.tsx";
import { useThreadActions } from "./threadActions.ts";

/** Typing pauses this long before the server is asked. */
const PAUSE_MS = 120;
const SHOWN_CHATS = 12;
const SHOWN_MESSAGES = 20;
/** Shorter words are in too many messages. */
const LEAST_CHARS = 2;

interface Entry {
  id: string;
  title: string;
  description: string;
  /** Shown instead of title and description. */
  body?: ReactNode;
  icon: ReactNode;
  run(): void;
}

interface Group {
  label: string;
  entries: Entry[];
}

export interface SearchPaletteProps {
  /** What is searched for at first. */
  initial: string;
  close(): void;
  commands: { newChat(): void; files(): void; schedules(): void; settings(): void; help(): void };
}

/** Chats that match: the known ones at once, the server's as soon as they are there. */
function useMatches(query: string): readonly ThreadSummary[] {
  const { threads: list, platform } = useServices();
  const { threads } = useThreads();
  const [found, setFound] = useState<{ query: string; threads: ThreadSummary[] }>({ query: "", threads: [] });
  useEffect(() => {
    if (!query) return;
    const control = new AbortController();
    const cancel = platform.after(PAUSE_MS, () => {
      list.search(query, control.signal).then(
        (threads) => setFound({ query, threads }),
        () => {}, // the known chats are shown all the same
      );
    });
    return () => {
      cancel();
      control.abort();
    };
  }, [query, list, platform]);
  if (!query) return threads;
  if (found.query === query) return found.threads;
  const words = query.toLowerCase();
  return threads.filter((thread) => `${thread.title}\n${thread.preview}`.toLowerCase().includes(words));
}

/** Messages that match, by the server: those of the last answer until the next one is there. */
function useHits(query: string): readonly Hit[] {
  const { conversations, platform } = useServices();
  const [hits, setHits] = useState<readonly Hit[]>([]);
  const asked = query.length >= LEAST_CHARS;
  useEffect(() => {
    if (!asked) return setHits([]);
    const control = new AbortController();
    const cancel = platform.after(PAUSE_MS, () => {
      conversations.search(query, control.signal).then(
        (found) => setHits(found.slice(0, SHOWN_MESSAGES)),
        () => {
          if (!control.signal.aborted) setHits([]); // chats are found all the same
        },
      );
    });
    return () => {
      cancel();
      control.abort();
    };
  }, [query, asked, conversations, platform]);
  return asked ? hits : [];
}

function Snippet({ hit, now }: { hit: Hit; now: number }) {
  return (
    <span className="hit">
      <span className="hit-title">{hit.title || texts.sidebar.untitled}</span>
      <span>
        {hit.snippet.map((piece, index) =>
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text, in their order
          piece.mark ? <mark key={index}>{piece.text}</mark> : piece.text,
        )}
      </span>
      <span className="hit-when">
        {hit.role === "user" ? `${texts.found.you}, ` : ""}
        {whenText(hit.at, now)}
      </span>
    </span>
  );
}

/** Makes a chat of an exported journal that the reader chooses. */
function useImport(): () => void {
  const { conversations } = useServices();
  const actions = useThreadActions();
  const notify = useNotify();
  return () => {
    const picker = document.createElement("input");
    picker.type = "file";
    picker.accept = ".jsonl,application/jsonl";
    picker.onchange = () => {
      const file = picker.files?.[0];
      if (!file) return;
      conversations.import(file).then(
        (thread) => {
          actions.open(thread);
          notify.done(texts.chatMenu.imported);
        },
        (error: unknown) => notify.problem(sentenceOf(error)),
      );
    };
    picker.click();
  };
}

export function SearchPalette({ initial, close, commands }: SearchPaletteProps) {
  const actions = useThreadActions();
  const { jump, platform, may } = useServices();
  const importChat = useImport();
  const [text, setText] = useState(initial);
  const hits = useHits(text.trim());
  const now = platform.now();
  const query = text.trim();
  const chats = useMatches(query).slice(0, SHOWN_CHATS);
  const all: Entry[] = [
    { id: "new", title: texts.sidebar.newChat, icon: <NotePencilIcon />, run: commands.newChat },
    { id: "files", title: texts.shortcuts.files, icon: <FolderSimpleIcon />, run: commands.files },
    { id: "schedules", title: texts.schedules.open, icon: <CalendarDotsIcon />, run: commands.schedules },
    { id: "import", title: texts.chatMenu.import, icon: <UploadSimpleIcon />, run: importChat },
    { id: "settings", title: texts.settings.title, icon: <GearSixIcon />, run: commands.settings },
    { id: "help", title: texts.shortcuts.title, icon: <KeyboardIcon />, run: commands.help },
  ]
    .filter(({ id }) => may.write || (id !== "new" && id !== "import"))
    .map((entry) => ({ ...entry, description: "" }));
  const groups: Group[] = [
    {
      label: texts.search.chats,
      entries: chats.map((thread) => ({
        id: `chat:${thread.id}`,
        title: thread.title || texts.sidebar.untitled,
        description: thread.preview,
        icon: <ChatCircleIcon />,
        run: () => actions.open(thread.id),
      })),
    },
    {
      label: texts.found.messages,
      entries: hits.map((hit) => ({
        id: `message:${hit.thread}:${hit.message}`,
        title: hit.title || texts.sidebar.untitled,
        description: "",
        body: <Snippet hit={hit} now={now} />,
        icon: <ChatTextIcon />,
        run: () => {
          jump.set({ thread: hit.thread, message: hit.message });
          actions.open(hit.thread);
        },
      })),
    },
    {
      label: texts.search.commands,
      entries: all.filter((entry) => entry.title.toLowerCase().includes(query.toLowerCase())),
    },
  ].filter((group) => group.entries.length > 0);
  const run = (entry: Entry) => {
    close();
    entry.run();
  };
  return (
    <CommandPalette.Root<Group, Entry>
      open
      onOpenChange={(open) => !open && close()}
      items={groups}
      value={text}
      onValueChange={setText}
      itemToStringValue={(group) => group.label}
      getSelectableItems={(shown) => shown.flatMap((group) => group.entries)}
      onSelect={run}
      filter={() => true}
    >
      <DialogTitle className="sr-only">{texts.search.placeholder}</DialogTitle>
      <CommandPalette.Input placeholder={texts.search.placeholder} aria-label={texts.search.placeholder} />
      <CommandPalette.List>
        <CommandPalette.Results>
          {(group: Group) => (
            <CommandPalette.Group key={group.label} items={group.entries}>
              <CommandPalette.GroupLabel>{group.label}</CommandPalette.GroupLabel>
              <CommandPalette.Items>
                {(entry: Entry) =>
                  entry.body ? (
                    <CommandPalette.Item key={entry.id} value={entry} onClick={() => run(entry)}>
                      {entry.body}
                    </CommandPalette.Item>
                  ) : (
                    <CommandPalette.ResultItem
                      key={entry.id}
                      value={entry}
                      title={entry.title}
                      description={entry.description}
                      icon={entry.icon}
                      onClick={() => run(entry)}
                    />
                  )
                }
              </CommandPalette.Items>
            </CommandPalette.Group>
          )}
        </CommandPalette.Results>
        <CommandPalette.Empty>{texts.search.none}</CommandPalette.Empty>
      </CommandPalette.List>
    </CommandPalette.Root>
  );
}
