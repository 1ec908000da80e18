/**
 * A chat that is only looked at: read once, without a socket. For administrators, who may look at what is somebody
 * else's and do nothing there; what happens meanwhile is seen when they look again.
 */

import { ApiError } from "../app/api.ts";
import type { ConnectionStatus } from "../app/connection.ts";
import { texts } from "../texts.ts";
import type { ChatClient, ChatOptions, ChatSnapshot } from "./chat.ts";
import { OLDER_PAGE, readMessages } from "./history.ts";
import { joinedOf, linesOf } from "./lines.ts";
import type { Transcript } from "./transcript.ts";
import * as transcript from "./transcript.ts";

export function readingClient(options: ChatOptions): ChatClient {
  const listeners = new Set<() => void>();
  let state: Transcript = transcript.emptyTranscript;
  let status: ConnectionStatus = { kind: "connecting", attempt: 0 };
  let loadingOlder = false;
  let closed = false;
  let view: ChatSnapshot | null = null;

  function publish(): void {
    view = null;
    for (const listener of listeners) listener();
  }

  async function load(): Promise<void> {
    try {
      const messages = await readMessages(options);
      if (closed) return;
      state = {
        ...transcript.onMessages(state, messages, true),
        hasOlder: messages.length >= OLDER_PAGE,
      };
      status = { kind: "open" };
    } catch (error) {
      if (closed) return;
      const refused = error instanceof ApiError;
      status = {
        kind: "stopped",
        code: refused ? error.status : 0,
        reason: refused ? error.message : texts.errors.unreachable,
      };
    }
    publish();
  }

  async function loadOlder(): Promise<void> {
    const oldest = state.messages[0];
    if (!oldest || !state.hasOlder || loadingOlder) return;
    loadingOlder = true;
    publish();
    try {
      state = transcript.onOlder(state, await readMessages(options, oldest.id), OLDER_PAGE);
    } finally {
      loadingOlder = false;
      publish();
    }
  }

  function look(): ChatSnapshot {
    const joined = joinedOf(state);
    return {
      connection: status,
      loaded: state.loaded,
      lines: linesOf(state, joined),
      joined,
      deciding: {},
      decided: {},
      asking: false,
      unsent: [],
      sending: new Set(),
      working: false,
      recovering: false,
      answering: false,
      failure: state.failure,
      notice: null,
      hasOlder: state.hasOlder,
      loadingOlder,
    };
  }

  void load();
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    snapshot: () => {
      view ??= look();
      return view;
    },
    loadOlder,
    reach: async (messageId) => {
      const known = () => state.messages.some((message) => message.id === messageId);
      while (!known() && state.hasOlder && !loadingOlder) {
        const before = state.messages.length;
        await loadOlder();
        if (state.messages.length === before) break;
      }
      return known();
    },
    reconnect: () => void load(),
    close: () => {
      closed = true;
      listeners.clear();
    },
    // Whoever looks does nothing. The page offers none of these.
    send: () => "",
    amend: () => false,
    decide: () => false,
    stop: () => false,
    regenerate: () => {},
    discard: () => null,
    sendAgain: () => {},
    dismissNotice: () => {},
  };
}
