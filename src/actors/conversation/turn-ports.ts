/** What the drive sees of its conversation: the parts of the object, put behind the interface of `ports.ts`. */
import { type Env, settingsOf } from "../../env.ts";
import { limits } from "../../limits.ts";
import { conversationName, isProgramThread } from "../../names.ts";
import type { Workspace } from "../../tools/tool.ts";
import type { Announcer } from "./announce.ts";
import type { Chat } from "./chat.ts";
import { lazyModelPort } from "./models.ts";
import { moneyPorts } from "./money.ts";
import type { TurnPorts } from "./ports.ts";
import type { Schedules } from "./schedules.ts";
import type { SettingsCache } from "./settings.ts";
import type { Store } from "./store.ts";
import { LiveStream } from "./stream.ts";
import { toolbox } from "./toolbox.ts";

export interface TurnPortsOptions extends Pick<TurnPorts, "now" | "id" | "random" | "after" | "commit"> {
  env: Env;
  where: { ownerId: string; thread: string };
  workspace: Workspace;
  store: Store;
  settings: SettingsCache;
  schedules: Schedules;
  announcer: Announcer;
  /** Made after the drive. */
  chat(): Chat;
  /** Nothing can be done before then; the object may sleep. */
  rest(until: number): void;
  /** Nothing left to do. */
  settled(): void;
  keepAlive(work: Promise<unknown>): void;
}

export function turnPorts(options: TurnPortsOptions): TurnPorts {
  const { env, where, workspace, store, settings, schedules, announcer, chat, settled } = options;
  const { now, id, random, after, commit } = options;
  const { ownerId, thread } = where;
  return {
    now,
    id,
    random,
    after,
    transient: isProgramThread(thread),
    state: () => store.state,
    commit,
    settings: (since) => {
      const agent = settings.current(since);
      if (!agent) return null;
      const { defaultModel, compactModel } = settingsOf(env);
      return { agent, model: agent.model || defaultModel, compactModel, userId: ownerId, thread };
    },
    loadSettings: () => settings.load(),
    model: lazyModelPort(env, workspace),
    tools: toolbox({
      userId: ownerId,
      thread,
      ports: { files: workspace, schedules: schedules.port(), now },
      changed: (paths) => options.keepAlive(announcer.files(paths)),
    }),
    ...moneyPorts(env, where, () => store.state, now),
    toolKey: (call) => `${conversationName(ownerId, thread)}:${call}`,
    openStream: (stream, turn, again) => {
      // Offered before it says anything: what the journal has of the turn comes with the replay, once.
      chat().offers.opened(stream);
      if (again) chat().offers.reopened(stream, turn.request);
      return new LiveStream(stream, turn, {
        windowMs: limits.frameWindowMs,
        windowBytes: limits.frameWindowBytes,
        after,
        sink: (seq, body) => chat().offers.chunk(stream, seq, body),
      });
    },
    streamReplaced: (old, next) => chat().offers.replaced(old, next),
    savePartial: (turn, parts) => {
      try {
        store.savePartial(turn, parts);
      } catch (error) {
        console.error("the partial answer could not be flushed; it is still in memory", error);
      }
    },
    ended: (turn, live) => {
      chat().ended(turn, live);
      schedules.turnEnded(turn);
      after(0, () => store.checkpoint()); // once its readers were told
    },
    rested: (turn, live) => chat().rested(turn, live),
    parked: (until) => {
      options.rest(until);
      settled();
    },
    settled,
    broke: (error) => console.error("the drive broke off; the wake will start it again", error),
  };
}
