/** The time zone of the reader: known by the browser, kept in the settings. */
import { useEffect } from "react";
import { settingsSchema } from "../app/api.ts";
import type { Services } from "../app/services.tsx";

/** What the settings have until somebody says otherwise. */
export const UNKNOWN_ZONE = "UTC";
/** The same time, chosen on purpose: it tells a choice from the beginning. */
export const CHOSEN_UTC = "Etc/UTC";

export const browserZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Every zone that the browser knows, with universal time as one to choose. `known` is among them in any case. */
export function zonesWith(known: string): string[] {
  const zones = Intl.supportedValuesOf("timeZone").filter((zone) => zone !== UNKNOWN_ZONE);
  return [...new Set([CHOSEN_UTC, ...zones, ...(known === UNKNOWN_ZONE ? [] : [known])])].sort();
}

/** Tells the server the browser's zone, once, while nobody has chosen one. */
export function useTimeZone(services: Services | null): void {
  useEffect(() => {
    if (!services) return;
    const { api, handle, me, settings } = services;
    const zone = browserZone();
    // Of another person's agent the zone is theirs.
    if (handle !== me.user.handle || settings.get().timeZone !== UNKNOWN_ZONE) return;
    if (zone === UNKNOWN_ZONE || zone === CHOSEN_UTC) return;
    api
      .send("PATCH", `/api/agents/${encodeURIComponent(handle)}/settings`, { timeZone: zone }, settingsSchema)
      .then(
        (next) => settings.set(next),
        (error: unknown) =>
          console.warn("The time zone could not be kept; it is tried again next time.", error),
      );
  }, [services]);
}
