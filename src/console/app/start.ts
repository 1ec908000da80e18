/** What happens before the page is shown: who reads, whose agent it is, and what they may do there. */
import { fileStore } from "../files/store.ts";
import { scheduleStore } from "../schedules/store.ts";
import { modelStore } from "../settings/models.ts";
import { shareStore } from "../shares/store.ts";
import type { Me } from "./api.ts";
import { Api, ApiError, settingsSchema } from "./api.ts";
import { conversations } from "./conversations.ts";
import type { Platform } from "./platform.ts";
import { navigate, pathOf, routeOf } from "./route.ts";
import type { Jump, Services } from "./services.tsx";
import type { ThemeControl } from "./theme.ts";
import { threadList } from "./threads.ts";
import { watched } from "./value.ts";
import { mayOf, myTeams, whoseAgent } from "./whose.ts";

export interface Surroundings {
  platform: Platform;
  theme: ThemeControl;
  /** Goes through the sign-in again. */
  signedOut(): void;
  /** See `Services`. */
  cut(reason: string): void;
}

export type Started =
  | { kind: "ready"; services: Services }
  /** Signed in, and this is not for them: the server's sentence. */
  | { kind: "notYours"; me: Me; handle: string; reason: string };

/** Throws `ApiError` when it cannot be told. `wanted`: the handle of the address. */
export async function start(surroundings: Surroundings, wanted: string | null): Promise<Started> {
  const { platform, theme, signedOut, cut } = surroundings;
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
  const [whose, agent] = await Promise.all([
    whoseAgent(api, me, handle),
    handle === me.user.handle && me.agent
      ? me.agent
      : api.get(`/api/agents/${encodeURIComponent(handle)}/settings`, settingsSchema),
  ]);
  return {
    kind: "ready",
    services: {
      platform,
      api,
      me,
      handle,
      whose,
      may: mayOf(whose.relation),
      teams: myTeams(api),
      shares: shareStore(api, handle),
      threads,
      theme,
      signedOut,
      cut,
      files: fileStore(api, handle),
      models: modelStore(api),
      settings: watched(agent),
      conversations: conversations(api, handle),
      schedules: scheduleStore(api, handle),
      jump: watched<Jump | null>(null),
    },
  };
}

/** Why a socket of an agent was refused, asked in a way that scripts may read; `null`: it was not, or it is not known. */
export async function whyRefused(services: Services): Promise<{ code: number; reason: string } | null> {
  try {
    await services.api.call(`/api/agents/${encodeURIComponent(services.handle)}/threads?limit=1`);
    return null;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 403 || error.status === 404)) {
      return { code: 403, reason: error.message };
    }
    return null; // unreachable is no refusal
  }
}
