/** The links to read chats of one agent. */
import { z } from "zod";
import {
  type CreateShare,
  createdShareSchema,
  type ShareInfo,
  shareInfoSchema,
} from "../../protocol/shares.ts";
import type { Api } from "../app/api.ts";
import type { Value } from "../app/value.ts";
import { watched } from "../app/value.ts";

const listSchema = z.object({ shares: z.array(shareInfoSchema) });

export interface ShareStore {
  /** Of all chats, newest first; `null` until loaded. */
  list: Value<readonly ShareInfo[] | null>;
  /** These throw `ApiError`. */
  load(): Promise<void>;
  /** The address is in this answer and nowhere else. */
  create(thread: string, share: Partial<CreateShare>): Promise<string>;
  revoke(share: string): Promise<void>;
}

/** Whether a link leads somewhere now. */
export const isOpen = (share: ShareInfo, now: number): boolean =>
  share.revokedAt === null && share.expiresAt > now;

export function shareStore(api: Api, handle: string): ShareStore {
  const agent = `/api/agents/${encodeURIComponent(handle)}`;
  const list = watched<readonly ShareInfo[] | null>(null);
  const load = async () => list.set((await api.get(`${agent}/shares`, listSchema)).shares);
  return {
    list,
    load,
    create: async (thread, share) => {
      const path = `${agent}/threads/${encodeURIComponent(thread)}/shares`;
      const made = await api.send("POST", path, share, createdShareSchema);
      list.set([made.share, ...(list.get() ?? [])]);
      return made.url;
    },
    revoke: async (share) => {
      await api.call(`${agent}/shares/${encodeURIComponent(share)}`, { method: "DELETE" });
      await load();
    },
  };
}
