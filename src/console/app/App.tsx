/** The page: who is reading, whose agent it is, and the shell around it. */
import { Button, LinkButton } from "@cloudflare/kumo/components/button";
import { Toasty } from "@cloudflare/kumo/components/toast";
import { TooltipProvider } from "@cloudflare/kumo/components/tooltip";
import { LockIcon, WarningCircleIcon } from "@phosphor-icons/react";
import type { ReactNode } from "react";
import { Component, lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { useTimeZone } from "../settings/zone.ts";
import { texts } from "../texts.ts";
import { Mark } from "../ui/Mark.tsx";
import { Spinner } from "../ui/Spinner.tsx";
import { useNotify } from "../ui/toasts.tsx";
import type { Me } from "./api.ts";
import { ApiError, sentenceOf } from "./api.ts";
import { listenToFeed } from "./feed.ts";
import type { Platform } from "./platform.ts";
import { invitationOf, navigate, pathOf, routeOf, usePath } from "./route.ts";
import { Shell } from "./Shell.tsx";
import type { Services } from "./services.tsx";
import { PlatformProvider, ServicesProvider } from "./services.tsx";
import type { Started } from "./start.ts";
import { start, whyRefused } from "./start.ts";
import type { ThemeControl } from "./theme.ts";

const JoinPage = lazy(async () => ({ default: (await import("../team/JoinPage.tsx")).JoinPage }));

/** Tooltips wait this long. */
const TOOLTIP_DELAY_MS = 450;

export interface AppProps {
  platform: Platform;
  theme: ThemeControl;
  /** Goes through the sign-in again. */
  signedOut(): void;
}

type State =
  | { kind: "starting" }
  | { kind: "failed"; reason: string }
  /** What was shown may not be shown any more, and could not be opened again. */
  | { kind: "cut"; reason: string }
  | Started;

/** Keeps lists, settings and files current while the page stands. */
function useFeed(services: Services | null): void {
  useEffect(() => {
    if (!services) return;
    const { threads, settings, files, models, me, may, shares, cut } = services;
    const again = (error: unknown) => console.warn("Could not refresh after reconnecting.", error);
    // Without the list of models the page says the model's id instead of its name.
    if (me.deployment === "local") models.load().catch(again);
    if (may.run) shares.load().catch(again);
    if (!may.listen) return;
    const feed = listenToFeed({
      platform: services.platform,
      handle: services.handle,
      onCut: cut,
      whyRefused: () => whyRefused(services),
      onEvent: (event) => {
        if (event.type === "files") files.changed(event.paths);
        else if (event.type !== "settings") threads.onEvent(event);
        // A late copy never wins.
        else if (event.settings.version >= settings.get().version) settings.set(event.settings);
      },
      onAgain: () => {
        threads.load().catch(again);
        files.refresh();
        if (may.run) shares.load().catch(again);
      },
    });
    return () => feed.close();
  }, [services]);
}

function Page({ children }: { children: ReactNode }) {
  return <main className="full-page">{children}</main>;
}

const Starting = () => (
  <Page>
    <Mark className="size-12" />
    <Spinner label={texts.page.starting} />
  </Page>
);

/** The way to what is the reader's own. A guest has no agent: the server knows where they belong. */
function HomeButton({ me }: { me: Me }) {
  if (me.user.role === "guest") {
    return (
      <LinkButton variant="primary" href="/">
        {texts.cut.homeGuest}
      </LinkButton>
    );
  }
  return (
    <Button variant="primary" onClick={() => navigate(pathOf(me.user.handle))}>
      {texts.page.goHome(me.user.handle)}
    </Button>
  );
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

/**
 * The agent of the address. When the right to it is taken, what is shown goes first, and then it is asked what is left
 * of the right: with another one the page comes back, without any it says so.
 */
function useStart({ platform, theme, signedOut }: AppProps, wanted: string | null): [State, () => void] {
  const notify = useNotify();
  // Messages in the corner are no reason to begin again.
  const told = useRef(notify);
  told.current = notify;
  const [state, setState] = useState<State>({ kind: "starting" });
  /** Counts up to begin again; with the sentence of the cut that was the cause, if one was. */
  const [turn, setTurn] = useState<{ count: number; cut: string | null }>({ count: 0, cut: null });
  const again = useCallback((cut: string | null) => {
    setState({ kind: "starting" });
    setTurn(({ count }) => ({ count: count + 1, cut }));
  }, []);
  useEffect(() => {
    let here = true;
    setState({ kind: "starting" });
    const cut = (reason: string) => here && again(reason || texts.cut.reason);
    start({ platform, theme, signedOut, cut }, wanted).then(
      (next) => {
        if (!here) return;
        if (turn.cut !== null && next.kind === "notYours") return setState({ kind: "cut", reason: turn.cut });
        setState(next);
        if (turn.cut !== null) told.current.done(texts.cut.changed);
      },
      (error: unknown) => {
        if (!here) return;
        const refused = error instanceof ApiError && error.status === 403;
        if (turn.cut !== null && refused) setState({ kind: "cut", reason: error.message });
        else setState({ kind: "failed", reason: sentenceOf(error) });
      },
    );
    return () => {
      here = false;
    };
  }, [platform, theme, signedOut, wanted, turn, again]);
  return [state, useCallback(() => again(null), [again])];
}

function Content(props: AppProps) {
  const route = routeOf(usePath());
  const [started, begin] = useStart(props, route?.handle ?? null);
  // Between one agent and another nothing of the first is shown, and nothing of it acts on the other's address.
  const moving = started.kind === "ready" && route !== null && route.handle !== started.services.handle;
  const state: State = moving ? { kind: "starting" } : started;
  useFeed(state.kind === "ready" ? state.services : null);
  useTimeZone(state.kind === "ready" ? state.services : null);
  const shown = state.kind === "ready";
  useEffect(() => {
    // The title of a chat is a part of it.
    if (!shown) document.title = texts.product;
  }, [shown]);

  switch (state.kind) {
    case "starting":
      return <Starting />;
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
    case "cut":
      return (
        <Page>
          <LockIcon aria-hidden="true" className="size-9 text-kumo-subtle" />
          <h1>{texts.cut.title}</h1>
          <p role="alert">{state.reason}</p>
          <LinkButton variant="primary" href="/">
            {texts.cut.home}
          </LinkButton>
        </Page>
      );
    case "notYours":
      return (
        <Page>
          <Mark className="size-12" />
          <h1>{texts.page.notYoursTitle}</h1>
          <p role="alert">{state.reason || texts.page.notYours(state.handle)}</p>
          <HomeButton me={state.me} />
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

function Pages(props: AppProps) {
  const invitation = invitationOf(usePath());
  if (!invitation) return <Content {...props} />;
  return (
    <PlatformProvider value={props.platform}>
      <Suspense fallback={<Starting />}>
        <JoinPage {...invitation} signedOut={props.signedOut} />
      </Suspense>
    </PlatformProvider>
  );
}

export function App(props: AppProps) {
  return (
    <Boundary>
      <TooltipProvider delay={TOOLTIP_DELAY_MS}>
        <Toasty>
          <Pages {...props} />
        </Toasty>
      </TooltipProvider>
    </Boundary>
  );
}
