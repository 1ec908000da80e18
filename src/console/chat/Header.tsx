/** Above the chat: its name, which a click changes, and what can be done with it. */
import { FolderSimpleIcon, SidebarSimpleIcon } from "@phosphor-icons/react";
import { useState } from "react";
import { usePanels } from "../app/panels.tsx";
import { useMay } from "../app/services.tsx";
import { useThreadActions } from "../app/threadActions.ts";
import type { ThreadItem } from "../app/threads.ts";
import { texts } from "../texts.ts";
import { IconButton } from "../ui/IconButton.tsx";
import { RenameField } from "../ui/RenameField.tsx";
import { HeaderMenu } from "./HeaderMenu.tsx";
import type { ConversationActions } from "./useConversationActions.ts";

export interface HeaderProps {
  item: ThreadItem | undefined;
  conversation: ConversationActions;
}

export function Header({ item, conversation }: HeaderProps) {
  const panels = usePanels();
  const actions = useThreadActions();
  const { write } = useMay();
  const [renaming, setRenaming] = useState(false);
  const title = item?.title || texts.sidebar.untitled;
  return (
    <header className="pane-header">
      {!(panels.chats && panels.chatsBeside) && (
        <IconButton
          icon={<SidebarSimpleIcon className="size-[1.15rem]" />}
          label={texts.sidebar.open}
          shortcut="⌘B"
          onClick={() => panels.setChats(true)}
        />
      )}
      <div className="min-w-0 flex-1 px-1">
        {renaming && item ? (
          <RenameField
            value={item.title}
            label={texts.sidebar.renameLabel}
            done={(next) => {
              setRenaming(false);
              if (next) actions.rename(item, next);
            }}
          />
        ) : (
          <h1 className="truncate">
            <button
              type="button"
              className="title-button"
              title={item && write ? texts.chat.renameHint : undefined}
              disabled={!item || !write}
              onClick={() => setRenaming(true)}
            >
              {title}
            </button>
          </h1>
        )}
      </div>
      {item && <HeaderMenu item={item} actions={conversation} rename={() => setRenaming(true)} />}
      <IconButton
        icon={<FolderSimpleIcon className="size-[1.15rem]" weight={panels.files ? "fill" : "regular"} />}
        label={panels.files ? texts.chat.closeFiles : texts.chat.openFiles}
        shortcut="⌘J"
        aria-expanded={panels.files}
        onClick={() => panels.setFiles(!panels.files)}
      />
    </header>
  );
}
