/** Changed settings reach the chats that are in use; all others ask again when their copy is older than `settingsTtlMs`. */
import type { AgentSettings, ThreadSummary } from "../../protocol/rpc.ts";

/** Whom changed settings are pushed to. */
export const SETTINGS_PUSH_WINDOW_MS = 10 * 60_000;
/** A push is a request to another actor: a bound on what one change of settings may cost. */
export const SETTINGS_PUSH_THREADS = 20;

export interface SettingsPush {
  now: number;
  list(options: { limit: number }): ThreadSummary[];
  tell(thread: string, settings: AgentSettings): Promise<void>;
  failed(thread: string, error: unknown): void;
}

/** Never rejects. */
export async function pushSettings(settings: AgentSettings, push: SettingsPush): Promise<void> {
  const since = push.now - SETTINGS_PUSH_WINDOW_MS;
  const recent = push.list({ limit: SETTINGS_PUSH_THREADS }).filter(({ updatedAt }) => updatedAt >= since);
  await Promise.all(
    recent.map(({ id }) => push.tell(id, settings).catch((error: unknown) => push.failed(id, error))),
  );
}
