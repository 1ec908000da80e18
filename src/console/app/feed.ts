/** The live feed of an agent: what changes in its chats, settings and files, whoever changed it. */
import { z } from "zod";
import type { FeedEvent } from "../../protocol/rpc.ts";
import { CUT_CODE } from "../../protocol/teams.ts";
import { settingsSchema, threadSchema } from "./api.ts";
import type { Connection } from "./connection.ts";
import { connect } from "./connection.ts";
import type { Platform } from "./platform.ts";

/** How often the feed's connection is asked whether it lives. */
export const FEED_PING_MS = 30_000;

const eventSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("threads"), threads: z.array(threadSchema) }),
  z.object({ type: z.literal("thread"), thread: threadSchema }),
  z.object({ type: z.literal("thread_removed"), thread: z.string() }),
  z.object({ type: z.literal("settings"), settings: settingsSchema }),
  z.object({ type: z.literal("files"), paths: z.array(z.string()) }),
]) satisfies z.ZodType<FeedEvent>;

export interface FeedOptions {
  platform: Platform;
  handle: string;
  onEvent(event: FeedEvent): void;
  /** A new connection after one that was lost: anything may have changed meanwhile. */
  onAgain(): void;
  /** The right to listen was taken. The sentence may be empty. */
  onCut(reason: string): void;
  /** Asked when the server would not have us: see `ConnectionOptions`. */
  whyRefused(): Promise<{ code: number; reason: string } | null>;
}

/** Listens until closed. Unknown events are left out: newer servers may send more. */
export function listenToFeed(options: FeedOptions): Connection {
  let before = false;
  return connect({
    platform: options.platform,
    path: `/api/agents/${encodeURIComponent(options.handle)}/feed`,
    pingEveryMs: FEED_PING_MS,
    onStatus: (status) => {
      if (status.kind === "stopped" && (status.code === CUT_CODE || status.code === 403)) {
        options.onCut(status.reason);
      }
    },
    whyRefused: options.whyRefused,
    onOpen: () => {
      if (before) options.onAgain();
      before = true;
    },
    onText: (text) => {
      const event = eventFrom(text);
      if (event) options.onEvent(event);
    },
  });
}

function eventFrom(text: string): FeedEvent | null {
  try {
    const parsed = eventSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null; // not JSON, so no event
  }
}
