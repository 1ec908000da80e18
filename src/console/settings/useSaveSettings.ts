/** Changing the agent's settings: told to the server, believed when it answers. */
import type { AgentSettings } from "../../protocol/rpc.ts";
import { settingsSchema } from "../app/api.ts";
import { useServices } from "../app/services.tsx";

export type SettingsChange = Partial<Omit<AgentSettings, "version">>;

/** Rejects with `ApiError`. */
export function useSaveSettings(): (change: SettingsChange) => Promise<void> {
  const { api, handle, settings } = useServices();
  return async (change) => {
    const path = `/api/agents/${encodeURIComponent(handle)}/settings`;
    settings.set(await api.send("PATCH", path, change, settingsSchema));
  };
}
