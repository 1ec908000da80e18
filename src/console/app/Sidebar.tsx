/** The chats: a new one, all of them by age, and who is signed in. */
import { Button } from "@cloudflare/kumo/components/button";
import { DropdownMenu } from "@cloudflare/kumo/components/dropdown";
import {
  ArchiveIcon,
  CalendarDotsIcon,
  DotsThreeIcon,
  EnvelopeSimpleIcon,
  GearSixIcon,
  HandPalmIcon,
  LinkIcon,
  MagnifyingGlassIcon,
  NotePencilIcon,
  PencilSimpleIcon,
  SidebarSimpleIcon,
} from "@phosphor-icons/react";
import { memo, useState } from "react";
import { texts } from "../texts.ts";
import { IconButton } from "../ui/IconButton.tsx";
import { RenameField } from "../ui/RenameField.tsx";
import { Spinner } from "../ui/Spinner.tsx";
import { groupsOf } from "./groups.ts";
import { usePanels } from "./panels.tsx";
import { pathOf } from "./route.ts";
import { useMay, useNow, useServices, useThreads } from "./services.tsx";
import type { ThreadActions } from "./threadActions.ts";
import { useThreadActions } from "./threadActions.ts";
import type { ThreadItem } from "./threads.ts";
import { WhoseMenu } from "./WhoseMenu.tsx";

/** "Today" becomes "Yesterday" at most this late. */
const REGROUP_MS = 5 * 60_000;

function Dot({ item }: { item: ThreadItem }) {
  if (item.status === "working") return <Spinner label={texts.sidebar.working} />;
  if (item.status === "asking") {
    return (
      <span className="pill pill-ask" title={texts.sidebar.asking}>
        <HandPalmIcon aria-hidden="true" weight="fill" />
        <span className="sr-only">{texts.sidebar.asking}</span>
        <span aria-hidden="true">{texts.sidebar.askingShort}</span>
      </span>
    );
  }
  if ((item.undelivered ?? 0) > 0) {
    return (
      <EnvelopeSimpleIcon
        weight="fill"
        className="size-4 shrink-0 text-kumo-danger"
        role="img"
        aria-label={texts.sidebar.undelivered}
      />
    );
  }
  if (item.status === "failed" && item.unread) {
    return <span className="dot bg-kumo-danger" role="img" aria-label={texts.sidebar.failed} />;
  }
  if (item.unread) return <span className="dot bg-accent" role="img" aria-label={texts.sidebar.unread} />;
  return null;
}

interface RowProps {
  item: ThreadItem;
  current: boolean;
  href: string;
  actions: ThreadActions;
  opened(): void;
}

const Row = memo(function Row({ item, current, href, actions, opened }: RowProps) {
  const { write } = useMay();
  const [renaming, setRenaming] = useState(false);
  const title = item.title || texts.sidebar.untitled;
  if (renaming) {
    return (
      <li className="px-1 py-0.5">
        <RenameField
          value={item.title}
          label={texts.sidebar.renameLabel}
          done={(next) => {
            setRenaming(false);
            if (next) actions.rename(item, next);
          }}
        />
      </li>
    );
  }
  return (
    <li className="thread-row" data-current={current || undefined}>
      <a
        href={href}
        aria-current={current ? "page" : undefined}
        title={item.preview || undefined}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          actions.open(item.id);
          opened();
        }}
        onDoubleClick={() => write && setRenaming(true)}
        onKeyDown={(event) => {
          if (event.key === "F2" && write) setRenaming(true);
        }}
      >
        <span className={item.unread ? "truncate font-semibold" : "truncate"}>{title}</span>
        <Dot item={item} />
      </a>
      <DropdownMenu>
        <DropdownMenu.Trigger
          render={
            <button type="button" className="thread-menu" aria-label={texts.sidebar.actions(title)}>
              <DotsThreeIcon aria-hidden="true" weight="bold" className="size-4" />
            </button>
          }
        />
        <DropdownMenu.Content align="start">
          {write && (
            <DropdownMenu.Item icon={PencilSimpleIcon} onClick={() => setRenaming(true)}>
              {texts.sidebar.rename}
            </DropdownMenu.Item>
          )}
          <DropdownMenu.Item icon={LinkIcon} onClick={() => actions.copyLink(item.id)}>
            {texts.sidebar.copyLink}
          </DropdownMenu.Item>
          {write && (
            <>
              <DropdownMenu.Separator />
              <DropdownMenu.Item icon={ArchiveIcon} onClick={() => actions.archive(item)}>
                {texts.sidebar.archive}
              </DropdownMenu.Item>
            </>
          )}
        </DropdownMenu.Content>
      </DropdownMenu>
    </li>
  );
});

export interface SidebarProps {
  current: string | null;
  newChat(): void;
  search(): void;
  /** A chat was chosen: a drawer closes. */
  opened(): void;
}

export function Sidebar({ current, newChat, search, opened }: SidebarProps) {
  const { me, handle, may } = useServices();
  const { loaded, threads } = useThreads();
  const panels = usePanels();
  const actions = useThreadActions();
  const now = useNow(REGROUP_MS);
  return (
    <nav className="sidebar" aria-label={texts.sidebar.label}>
      <div className="flex items-center gap-1 px-2 pt-2.5 pb-2">
        <WhoseMenu />
        <IconButton
          icon={<SidebarSimpleIcon className="size-[1.15rem]" />}
          label={texts.sidebar.hide}
          shortcut="⌘B"
          onClick={() => panels.setChats(false)}
        />
      </div>
      <div className="flex gap-2 px-3 pb-3">
        {may.write && (
          <Button
            className="flex-1 justify-start"
            icon={<NotePencilIcon className="size-[1.1rem]" />}
            onClick={newChat}
          >
            {texts.sidebar.newChat}
          </Button>
        )}
        <IconButton
          variant="secondary"
          icon={<MagnifyingGlassIcon className="size-[1.1rem]" />}
          label={texts.sidebar.search}
          shortcut="⌘K"
          onClick={search}
        />
        <IconButton
          variant="secondary"
          icon={<CalendarDotsIcon className="size-[1.1rem]" />}
          label={texts.schedules.open}
          onClick={panels.openSchedules}
        />
      </div>
      <div className="thread-list">
        {loaded && threads.length === 0 && (
          <div className="px-3 py-6 text-center text-sm text-kumo-subtle">
            <p className="font-medium text-kumo-default">{texts.sidebar.empty}</p>
            {may.write && <p>{texts.sidebar.emptyHint}</p>}
          </div>
        )}
        {groupsOf(threads, now).map((group) => (
          <section key={group.label} aria-label={group.label}>
            <h2>{group.label}</h2>
            <ul>
              {group.threads.map((item) => (
                <Row
                  key={item.id}
                  item={item}
                  current={item.id === current}
                  href={pathOf(handle, item.id)}
                  actions={actions}
                  opened={opened}
                />
              ))}
            </ul>
          </section>
        ))}
      </div>
      <button
        type="button"
        className="account-row"
        aria-label={texts.sidebar.account}
        onClick={() => panels.openSettings()}
      >
        <span className="avatar" aria-hidden="true">
          {me.user.handle.slice(0, 1).toUpperCase()}
        </span>
        <span className="min-w-0 flex-1 text-left">
          <span className="block truncate font-medium">@{me.user.handle}</span>
          <span className="block truncate text-xs text-kumo-subtle">{me.user.name}</span>
        </span>
        <GearSixIcon aria-hidden="true" className="size-[1.15rem] text-kumo-subtle" />
      </button>
    </nav>
  );
}
