/** The page: who is reading, whose agent it is, and the shell around it. */
import { Button } from "@cloudflare/kumo/components/button";
import { Toasty } from "@cloudflare/kumo/components/toast";
import { TooltipProvider } from "@cloudflare/kumo/components/tooltip";
import { WarningCircleIcon } from "@phosphor-icons/react";
import type { ReactNode } from "react";
import { Component, useCallback, useEffect, useState } from "react";
import { fileStore } from "../files/store.ts";
import { scheduleStore } from "../schedules/store.ts";
import { modelStore } from "../settings/models.ts";
import { useTimeZone } from "../settings/zone.ts";
import { texts } from "../texts.ts";
import { Mark } from "../ui/Mark.tsx";
import { Spinner } from "../ui/Spinner.tsx";
import type { Me } from "./api.ts";
import { Api, ApiError, sentenceOf, settingsSchema } from "./api.ts";
import { conversations } from "./conversations.ts";
import { listenToFeed } from "./feed.ts";
import type { Platform } from "./platform.ts";
import { navigate, pathOf, routeOf, usePath } from "./route.ts";
import { Shell } from "./Shell.tsx";
import type { Jump, Services } from "./services.tsx";
import { ServicesProvider } from "./services.tsx";
import type { ThemeControl } from "./theme.ts";
import { threadList } from "./threads.ts";
import { watched } from "./value.ts";

/** Tooltips wait this long. */
const TOOLTIP_DELAY_MS = 450;

export interface AppProps {
  platform: Platform;
  theme: ThemeControl;
  /** Goes through the sign-in again. */
  signedOut(): void;
}

type Start =
  | { kind: "starting" }
  | { kind: "ready"; services: Services }
  | { kind: "notYours"; me: Me; handle: string; reason: string }
  | { kind: "failed"; reason: string };

async function start({ platform, theme, signedOut }: AppProps, wanted: string | null): Promise<Start> {
  const api = new Api(platform, signedOut);
  const me = await api.me();
  const handle = wanted ?? me.user.handle;
  if (!routeOf(location.pathname)) navigate(pathOf(handle), true);
  const threads = threadList(api, platform.storage, handle);
  try {
    await threads.load();
  } catch (error) {
    if (error instanceof ApiError && (error.status === 403 || error.status === 404)) {
      return { kind: "notYours", me, handle, reason: error.message };
    }
    throw error;
  }
  const agent =
    handle === me.user.handle
      ? me.agent
      : await api.get(`/api/agents/${encodeURIComponent(handle)}/settings`, settingsSchema);
  const services: Services = {
    platform,
    api,
    me,
    handle,
    threads,
    theme,
    signedOut,
    files: fileStore(api, handle),
    models: modelStore(api),
    settings: watched(agent),
    conversations: conversations(api, handle),
    schedules: scheduleStore(api, handle),
    jump: watched<Jump | null>(null),
  };
  return { kind: "ready", services };
}

/** Keeps lists, settings and files current while the page stands. */
function useFeed(services: Services | null): void {
  useEffect(() => {
    if (!services) return;
    const { threads, settings, files, models, me } = services;
    const again = (error: unknown) => console.warn("Could not refresh after reconnecting.", error);
    const feed = listenToFeed({
      platform: services.platform,
      handle: services.handle,
      onEvent: (event) => {
        if (event.type === "files") files.changed(event.paths);
        else if (event.type !== "settings") threads.onEvent(event);
        // A late copy never wins.
        else if (event.settings.version >= settings.get().version) settings.set(event.settings);
      },
      onAgain: () => {
        threads.load().catch(again);
        files.refresh();
      },
    });
    // Without the list of models the page says the model's id instead of its name.
    if (me.deployment === "local") models.load().catch(again);
    return () => feed.close();
  }, [services]);
}

function Page({ children }: { children: ReactNode }) {
  return <div className="full-page">{children}</div>;
}

/** The last resort: a mistake of ours in rendering must not leave an empty page. */
class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };
  static getDerivedStateFromError() {
    return { failed: true };
  }
  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Page>
        <WarningCircleIcon aria-hidden="true" className="size-9 text-kumo-danger" />
        <p role="alert">{texts.page.crashed}</p>
        <Button variant="primary" onClick={() => location.reload()}>
          {texts.page.reload}
        </Button>
      </Page>
    );
  }
}

function Content(props: AppProps) {
  const path = usePath();
  const route = routeOf(path);
  const wanted = route?.handle ?? null;
  const [state, setState] = useState<Start>({ kind: "starting" });
  const { platform, theme, signedOut } = props;

  const begin = useCallback(() => {
    let here = true;
    setState({ kind: "starting" });
    start({ platform, theme, signedOut }, wanted).then(
      (next) => here && setState(next),
      (error: unknown) => here && setState({ kind: "failed", reason: sentenceOf(error) }),
    );
    return () => {
      here = false;
    };
  }, [platform, theme, signedOut, wanted]);
  useEffect(begin, [begin]);
  useFeed(state.kind === "ready" ? state.services : null);
  useTimeZone(state.kind === "ready" ? state.services : null);

  switch (state.kind) {
    case "starting":
      return (
        <Page>
          <Mark className="size-12" />
          <Spinner label={texts.page.starting} />
        </Page>
      );
    case "failed":
      return (
        <Page>
          <WarningCircleIcon aria-hidden="true" className="size-9 text-kumo-danger" />
          <h1>{texts.page.startFailed}</h1>
          <p role="alert">{state.reason}</p>
          <Button variant="primary" onClick={begin}>
            {texts.retry}
          </Button>
        </Page>
      );
    case "notYours":
      return (
        <Page>
          <Mark className="size-12" />
          <h1>{texts.page.notYoursTitle}</h1>
          <p role="alert">{state.reason || texts.page.notYours(state.handle)}</p>
          <Button variant="primary" onClick={() => navigate(pathOf(state.me.user.handle))}>
            {texts.page.goHome(state.me.user.handle)}
          </Button>
        </Page>
      );
    case "ready":
      return (
        <ServicesProvider value={state.services}>
          <Shell thread={route?.thread ?? null} />
        </ServicesProvider>
      );
  }
}

export function App(props: AppProps) {
  return (
    <Boundary>
      <TooltipProvider delay={TOOLTIP_DELAY_MS}>
        <Toasty>
          <Content {...props} />
        </Toasty>
      </TooltipProvider>
    </Boundary>
  );
}
