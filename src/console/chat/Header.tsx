/** Above the chat: its name, which a click changes, and what can be done with it. */
import { DropdownMenu } from "@cloudflare/kumo/components/dropdown";
import {
  ArchiveIcon,
  DotsThreeIcon,
  FolderSimpleIcon,
  LinkIcon,
  PencilSimpleIcon,
  SidebarSimpleIcon,
} from "@phosphor-icons/react";
import { useState } from "react";
import { usePanels } from "../app/panels.tsx";
import { useThreadActions } from "../app/threadActions.ts";
import type { ThreadItem } from "../app/threads.ts";
import { texts } from "../texts.ts";
import { IconButton } from "../ui/IconButton.tsx";
import { RenameField } from "../ui/RenameField.tsx";

export function Header({ thread, item }: { thread: string; item: ThreadItem | undefined }) {
  const panels = usePanels();
  const actions = useThreadActions();
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
              title={item ? texts.chat.renameHint : undefined}
              disabled={!item}
              onClick={() => setRenaming(true)}
            >
              {title}
            </button>
          </h1>
        )}
      </div>
      {item && (
        <DropdownMenu>
          <DropdownMenu.Trigger
            render={
              <IconButton icon={<DotsThreeIcon weight="bold" className="size-5" />} label={texts.chat.menu} />
            }
          />
          <DropdownMenu.Content align="end">
            <DropdownMenu.Item icon={PencilSimpleIcon} onClick={() => setRenaming(true)}>
              {texts.sidebar.rename}
            </DropdownMenu.Item>
            <DropdownMenu.Item icon={LinkIcon} onClick={() => actions.copyLink(thread)}>
              {texts.sidebar.copyLink}
            </DropdownMenu.Item>
            <DropdownMenu.Separator />
            <DropdownMenu.Item icon={ArchiveIcon} onClick={() => actions.archive(item)}>
              {texts.sidebar.archive}
            </DropdownMenu.Item>
          </DropdownMenu.Content>
        </DropdownMenu>
      )}
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
