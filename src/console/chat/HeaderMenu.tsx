/** Everything that can be done with a chat as a whole. */
import { DropdownMenu } from "@cloudflare/kumo/components/dropdown";
import {
  ArchiveIcon,
  ArrowUUpLeftIcon,
  BracketsCurlyIcon,
  CalendarDotsIcon,
  DotsThreeIcon,
  EnvelopeSimpleIcon,
  FileMdIcon,
  GitBranchIcon,
  LinkIcon,
  PencilSimpleIcon,
  ShareNetworkIcon,
  TrashIcon,
} from "@phosphor-icons/react";
import { lazy, Suspense, useState, useSyncExternalStore } from "react";
import { sentenceOf } from "../app/api.ts";
import { usePanels } from "../app/panels.tsx";
import { useServices } from "../app/services.tsx";
import { useThreadActions } from "../app/threadActions.ts";
import type { ThreadItem } from "../app/threads.ts";
import { isOpen } from "../shares/store.ts";
import { texts } from "../texts.ts";
import { download } from "../ui/download.ts";
import { IconButton } from "../ui/IconButton.tsx";
import { useNotify } from "../ui/toasts.tsx";
import type { ConversationActions } from "./useConversationActions.ts";

const DeleteDialog = lazy(async () => ({ default: (await import("./DeleteDialog.tsx")).DeleteDialog }));
const ShareDialog = lazy(async () => ({ default: (await import("../shares/ShareDialog.tsx")).ShareDialog }));
const OutboxDialog = lazy(async () => ({ default: (await import("./OutboxDialog.tsx")).OutboxDialog }));

export interface HeaderMenuProps {
  item: ThreadItem;
  actions: ConversationActions;
  rename(): void;
}

export function HeaderMenu({ item, actions, rename }: HeaderMenuProps) {
  const { conversations, may, shares, platform } = useServices();
  const links = useSyncExternalStore(shares.list.subscribe, shares.list.get);
  const threads = useThreadActions();
  const panels = usePanels();
  const notify = useNotify();
  const [dialog, setDialog] = useState<"delete" | "outbox" | "share" | null>(null);
  const undelivered = item.undelivered ?? 0;
  const open = links?.filter((link) => link.thread === item.id && isOpen(link, platform.now())).length ?? 0;
  const keep = (content: Promise<Blob>, name: string) => {
    content.then(
      (blob) => download(blob, name),
      (error: unknown) => notify.problem(sentenceOf(error)),
    );
  };
  const close = () => setDialog(null);
  return (
    <>
      {open > 0 && (
        <button
          type="button"
          className="pill pill-shared"
          aria-label={texts.shared.pillLabel(open)}
          title={texts.shared.pillLabel(open)}
          onClick={() => setDialog("share")}
        >
          <ShareNetworkIcon aria-hidden="true" weight="fill" />
          <span className="max-sm:hidden">{texts.shared.pill}</span>
        </button>
      )}
      {undelivered > 0 && (
        <button
          type="button"
          className="pill pill-danger"
          aria-label={texts.chatMenu.undelivered(undelivered)}
          onClick={() => setDialog("outbox")}
        >
          <EnvelopeSimpleIcon aria-hidden="true" weight="fill" />
          <span className="sm:hidden">{undelivered}</span>
          <span className="max-sm:hidden">{texts.chatMenu.undelivered(undelivered)}</span>
        </button>
      )}
      <DropdownMenu>
        <DropdownMenu.Trigger
          render={
            <IconButton icon={<DotsThreeIcon weight="bold" className="size-5" />} label={texts.chat.menu} />
          }
        />
        <DropdownMenu.Content align="end">
          {may.write && (
            <DropdownMenu.Item icon={PencilSimpleIcon} onClick={rename}>
              {texts.sidebar.rename}
            </DropdownMenu.Item>
          )}
          <DropdownMenu.Item icon={LinkIcon} onClick={() => threads.copyLink(item.id)}>
            {texts.sidebar.copyLink}
          </DropdownMenu.Item>
          {may.run && (
            <DropdownMenu.Item icon={ShareNetworkIcon} onClick={() => setDialog("share")}>
              {texts.shared.action}
            </DropdownMenu.Item>
          )}
          <DropdownMenu.Separator />
          {may.write && (
            <>
              <DropdownMenu.Item icon={ArrowUUpLeftIcon} onClick={actions.undo}>
                {texts.takeBack.action}
              </DropdownMenu.Item>
              <DropdownMenu.Item icon={GitBranchIcon} onClick={() => actions.fork()}>
                {texts.fork.whole}
              </DropdownMenu.Item>
            </>
          )}
          <DropdownMenu.Item icon={CalendarDotsIcon} onClick={panels.openSchedules}>
            {texts.schedules.open}
          </DropdownMenu.Item>
          <DropdownMenu.Separator />
          <DropdownMenu.Item
            icon={FileMdIcon}
            onClick={() => keep(conversations.markdown(item.id), `${item.id}.md`)}
          >
            {texts.chatMenu.exportMarkdown}
          </DropdownMenu.Item>
          <DropdownMenu.Item
            icon={BracketsCurlyIcon}
            onClick={() => keep(conversations.journal(item.id), `${item.id}.jsonl`)}
          >
            {texts.chatMenu.exportJournal}
          </DropdownMenu.Item>
          {may.write && (
            <>
              <DropdownMenu.Separator />
              <DropdownMenu.Item icon={ArchiveIcon} onClick={() => threads.archive(item)}>
                {texts.sidebar.archive}
              </DropdownMenu.Item>
              <DropdownMenu.Item icon={TrashIcon} variant="danger" onClick={() => setDialog("delete")}>
                {texts.chatMenu.deleteForever}
              </DropdownMenu.Item>
            </>
          )}
        </DropdownMenu.Content>
      </DropdownMenu>
      <Suspense fallback={null}>
        {dialog === "delete" && <DeleteDialog item={item} close={close} />}
        {dialog === "share" && <ShareDialog item={item} close={close} />}
        {dialog === "outbox" && <OutboxDialog thread={item.id} close={close} />}
      </Suspense>
    </>
  );
}
