/** The three panes: chats, conversation, files; side by side where there is room, as drawers where there is not. */
import { SidebarSimpleIcon } from "@phosphor-icons/react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { ConversationPane } from "../chat/ConversationPane.tsx";
import { ReadOnlyReason } from "../chat/ReadOnly.tsx";
import { texts } from "../texts.ts";
import { Drawer } from "../ui/Drawer.tsx";
import { IconButton } from "../ui/IconButton.tsx";
import { useNotify } from "../ui/toasts.tsx";
import { sentenceOf } from "./api.ts";
import type { Panels, SettingsPage } from "./panels.tsx";
import { PanelsProvider, usePanels } from "./panels.tsx";
import { navigate, pathOf } from "./route.ts";
import { Sidebar } from "./Sidebar.tsx";
import { BESIDE_CHATS, BESIDE_FILES, useAgent, useMedia, useServices, useThreads } from "./services.tsx";
import { useShortcut } from "./shortcuts.ts";
import { useThreadActions } from "./threadActions.ts";

const FilesPanel = lazy(async () => ({ default: (await import("../files/FilesPanel.tsx")).FilesPanel }));
const SettingsDialog = lazy(async () => ({
  default: (await import("../settings/SettingsDialog.tsx")).SettingsDialog,
}));
const SearchPalette = lazy(async () => ({ default: (await import("./SearchPalette.tsx")).SearchPalette }));
const SchedulesDialog = lazy(async () => ({
  default: (await import("../schedules/SchedulesDialog.tsx")).SchedulesDialog,
}));
const ShortcutsDialog = lazy(async () => ({
  default: (await import("./ShortcutsDialog.tsx")).ShortcutsDialog,
}));

const AdministrationDialog = lazy(async () => ({
  default: (await import("../admin/AdministrationDialog.tsx")).AdministrationDialog,
}));
const NewTeamDialog = lazy(async () => ({
  default: (await import("../team/NewTeamDialog.tsx")).NewTeamDialog,
}));

const CHATS_KEY = "holdfast:panel:chats";
const FILES_KEY = "holdfast:panel:files";

/** Whether a panel stands beside the conversation, remembered; and whether its drawer is open, which is not. */
function usePanel(
  key: string,
  beside: boolean,
  standard: boolean,
): [open: boolean, set: (open: boolean) => void] {
  const { platform } = useServices();
  const [docked, setDocked] = useState(() => (platform.storage.get(key) ?? String(standard)) === "true");
  const [drawn, setDrawn] = useState(false);
  const set = useCallback(
    (open: boolean) => {
      if (!beside) return setDrawn(open);
      platform.storage.set(key, String(open));
      setDocked(open);
    },
    [platform, key, beside],
  );
  return [beside ? docked : drawn, set];
}

/** `/@handle` shows the newest chat; without one, a new chat. */
function useNewest(thread: string | null): void {
  const { threads: list, handle, may } = useServices();
  const { loaded, threads } = useThreads();
  const notify = useNotify();
  const newest = threads[0]?.id;
  useEffect(() => {
    if (thread !== null || !loaded) return;
    if (newest) return navigate(pathOf(handle, newest), true);
    if (!may.write) return;
    let here = true;
    list.create().then(
      (id) => here && navigate(pathOf(handle, id), true),
      (error: unknown) => notify.problem(sentenceOf(error)),
    );
    return () => {
      here = false;
    };
  }, [thread, loaded, newest, handle, list, notify, may]);
}

/** `/@handle` of somebody who may not begin a chat, while there is none. */
function NoChat() {
  const { may } = useServices();
  const { loaded, threads } = useThreads();
  const { setChats, chats, chatsBeside } = usePanels();
  const nothing = !may.write && loaded && threads.length === 0;
  return (
    <main id="chat" className="pane pane-chat" aria-label={texts.chat.label}>
      {nothing && (
        <>
          <div className="pane-header">
            {!(chats && chatsBeside) && (
              <IconButton
                icon={<SidebarSimpleIcon className="size-[1.15rem]" />}
                label={texts.sidebar.open}
                onClick={() => setChats(true)}
              />
            )}
          </div>
          <div className="stopped">
            <h2>{texts.readOnly.noChats}</h2>
            <ReadOnlyReason />
          </div>
        </>
      )}
    </main>
  );
}

export function Shell({ thread }: { thread: string | null }) {
  const { threads: list, may } = useServices();
  const { threads } = useThreads();
  const { name } = useAgent();
  const actions = useThreadActions();
  const besideChats = useMedia(BESIDE_CHATS);
  const besideFiles = useMedia(BESIDE_FILES);
  const [chats, setChats] = usePanel(CHATS_KEY, besideChats, true);
  const [files, setFiles] = usePanel(FILES_KEY, besideFiles, false);
  const [file, setFile] = useState<string | null>(null);
  /** `null`: closed; `first`: whichever page comes first for the reader. */
  const [settings, setSettings] = useState<SettingsPage | "first" | null>(null);
  const [administering, setAdministering] = useState(false);
  const [founding, setFounding] = useState(false);
  /** What is searched for; `null` while nothing is. */
  const [searching, setSearching] = useState<string | null>(null);
  const [scheduling, setScheduling] = useState(false);
  const [helping, setHelping] = useState(false);

  useNewest(thread);
  useEffect(() => list.look(thread), [list, thread]);
  const title = threads.find((item) => item.id === thread)?.title ?? "";
  const unread = threads.filter((item) => item.unread).length;
  const asking = threads.some((item) => item.status === "asking");
  useEffect(() => {
    const plain = texts.page.title(title, name || texts.product);
    document.title = (unread > 0 ? `(${unread}) ` : "") + (asking ? texts.page.asking(plain) : plain);
  }, [title, name, unread, asking]);

  const closeDrawer = useCallback(() => {
    if (!besideChats) setChats(false);
  }, [besideChats, setChats]);
  const openSettings = useCallback(
    (page?: SettingsPage) => {
      closeDrawer();
      setSettings(page ?? "first");
    },
    [closeDrawer],
  );
  const openSearch = useCallback(
    (query = "") => {
      closeDrawer();
      setSearching(query);
    },
    [closeDrawer],
  );
  const openSchedules = useCallback(() => {
    closeDrawer();
    setScheduling(true);
  }, [closeDrawer]);
  const openAdministration = useCallback(() => {
    closeDrawer();
    setSettings(null);
    setAdministering(true);
  }, [closeDrawer]);
  const openNewTeam = useCallback(() => {
    closeDrawer();
    setFounding(true);
  }, [closeDrawer]);
  const panels = useMemo<Panels>(
    () => ({
      chats,
      chatsBeside: besideChats,
      files,
      file,
      setChats,
      setFiles,
      setFile,
      openSettings,
      openSearch,
      openSchedules,
      openAdministration,
      openNewTeam,
    }),
    [
      chats,
      besideChats,
      files,
      file,
      setChats,
      setFiles,
      openSettings,
      openSearch,
      openSchedules,
      openAdministration,
      openNewTeam,
    ],
  );
  const newChat = useCallback(() => {
    closeDrawer();
    if (!may.write) return;
    // The chat that is shown may be an empty one already.
    if (thread !== null && !threads.some((item) => item.id === thread)) {
      document.getElementById("composer")?.focus();
      return;
    }
    actions.create();
  }, [actions, closeDrawer, thread, threads, may]);

  useShortcut("search", () => openSearch());
  useShortcut("newChat", newChat);
  useShortcut("chats", () => setChats(!chats));
  useShortcut("files", () => setFiles(!files));
  useShortcut("settings", () => openSettings());
  useShortcut("help", () => setHelping(true));

  const sidebar = (
    <Sidebar current={thread} newChat={newChat} search={() => openSearch()} opened={closeDrawer} />
  );
  const filesPanel = (
    <Suspense fallback={null}>
      <FilesPanel />
    </Suspense>
  );
  return (
    <PanelsProvider value={panels}>
      <a className="skip-link" href="#composer">
        {texts.page.skipToComposer}
      </a>
      <div className="shell">
        {besideChats && chats && <div className="pane pane-chats">{sidebar}</div>}
        {thread === null ? <NoChat /> : <ConversationPane key={thread} thread={thread} />}
        {besideFiles && files && <aside className="pane pane-files">{filesPanel}</aside>}
      </div>
      {!besideChats && (
        <Drawer open={chats} side="left" label={texts.sidebar.label} close={() => setChats(false)}>
          {sidebar}
        </Drawer>
      )}
      {!besideFiles && (
        <Drawer open={files} side="right" label={texts.files.label} close={() => setFiles(false)}>
          {filesPanel}
        </Drawer>
      )}
      <Suspense fallback={null}>
        {settings && <SettingsDialog page={settings} turn={setSettings} close={() => setSettings(null)} />}
        {searching !== null && (
          <SearchPalette
            initial={searching}
            close={() => setSearching(null)}
            commands={{
              newChat,
              files: () => setFiles(!files),
              schedules: openSchedules,
              settings: openSettings,
              help: () => setHelping(true),
            }}
          />
        )}
        {scheduling && <SchedulesDialog thread={thread} close={() => setScheduling(false)} />}
        {administering && <AdministrationDialog close={() => setAdministering(false)} />}
        {founding && <NewTeamDialog close={() => setFounding(false)} />}
        {helping && <ShortcutsDialog close={() => setHelping(false)} />}
      </Suspense>
    </PanelsProvider>
  );
}
