/** Light, dark, or like the device. */
import { DesktopIcon, MoonIcon, SunIcon } from "@phosphor-icons/react";
import { useSyncExternalStore } from "react";
import { useServices } from "../app/services.tsx";
import type { Theme } from "../app/theme.ts";
import { texts } from "../texts.ts";

const CHOICES = [
  ["system", DesktopIcon],
  ["light", SunIcon],
  ["dark", MoonIcon],
] as const satisfies readonly (readonly [Theme, unknown])[];

export function AppearancePage() {
  const { theme } = useServices();
  const chosen = useSyncExternalStore(theme.subscribe, theme.theme);
  return (
    <fieldset>
      <legend className="mb-3 font-medium">{texts.settings.theme}</legend>
      <div className="grid grid-cols-3 gap-3">
        {CHOICES.map(([name, ThemeIcon]) => (
          <label key={name} className="theme-choice">
            <input
              type="radio"
              name="theme"
              className="sr-only"
              checked={name === chosen}
              onChange={() => theme.choose(name)}
            />
            <ThemeIcon aria-hidden="true" className="size-6" weight={name === chosen ? "fill" : "regular"} />
            {texts.settings.themes[name]}
          </label>
        ))}
      </div>
      <p className="mt-3 text-sm text-kumo-subtle">{texts.settings.themeHint}</p>
    </fieldset>
  );
}
