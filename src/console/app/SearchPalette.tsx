/** Search over chats, by the server, and the commands of the page: ⌘K. */
import { CommandPalette } from "@cloudflare/kumo/components/command-palette";
import { DialogTitle } from "@cloudflare/kumo/components/dialog";
import {
  ChatCircleIcon,
  FolderSimpleIcon,
  GearSixIcon,
  KeyboardIcon,
  NotePencilIcon,
} from "@phosphor-icons/react";
import type { ReactNode } from "react";
import { useEffect, useState } from "react";
import type { ThreadSummary } from "../../protocol/rpc.ts";
import { texts } from "../texts.ts";
import { useServices, useThreads } from "./services.tsx";
import { useThreadActions } from "./threadActions.ts";

/** Typing pauses this long before the server is asked. */
const PAUSE_MS = 120;
const SHOWN_CHATS = 12;

interface Entry {
  id: string;
  title: string;
  description: string;
  icon: ReactNode;
  run(): void;
}

interface Group {
  label: string;
  entries: Entry[];
}

export interface SearchPaletteProps {
  close(): void;
  commands: { newChat(): void; files(): void; settings(): void; help(): void };
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

export function SearchPalette({ close, commands }: SearchPaletteProps) {
  const actions = useThreadActions();
  const [text, setText] = useState("");
  const query = text.trim();
  const chats = useMatches(query).slice(0, SHOWN_CHATS);
  const all: Entry[] = [
    { id: "new", title: texts.sidebar.newChat, icon: <NotePencilIcon />, run: commands.newChat },
    { id: "files", title: texts.shortcuts.files, icon: <FolderSimpleIcon />, run: commands.files },
    { id: "settings", title: texts.settings.title, icon: <GearSixIcon />, run: commands.settings },
    { id: "help", title: texts.shortcuts.title, icon: <KeyboardIcon />, run: commands.help },
  ].map((entry) => ({ ...entry, description: "" }));
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
                {(entry: Entry) => (
                  <CommandPalette.ResultItem
                    key={entry.id}
                    value={entry}
                    title={entry.title}
                    description={entry.description}
                    icon={entry.icon}
                    onClick={() => run(entry)}
                  />
                )}
              </CommandPalette.Items>
            </CommandPalette.Group>
          )}
        </CommandPalette.Results>
        <CommandPalette.Empty>{texts.search.none}</CommandPalette.Empty>
      </CommandPalette.List>
    </CommandPalette.Root>
  );
}
