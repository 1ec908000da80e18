/** The choice of a time zone. */
import { useId, useMemo } from "react";
import { texts } from "../texts.ts";
import { CHOSEN_UTC, UNKNOWN_ZONE, zonesWith } from "./zone.ts";

export function ZoneField({ value, change }: { value: string; change(zone: string): void }) {
  const id = useId();
  const shown = value === UNKNOWN_ZONE ? CHOSEN_UTC : value;
  const zones = useMemo(() => zonesWith(value), [value]);
  return (
    <div className="field">
      <label htmlFor={id}>{texts.zone.label}</label>
      <select
        id={id}
        className="plain-field"
        value={shown}
        aria-describedby={`${id}-hint`}
        onChange={(event) => change(event.target.value)}
      >
        {zones.map((zone) => (
          <option key={zone} value={zone}>
            {zone.replaceAll("_", " ")}
          </option>
        ))}
      </select>
      <p id={`${id}-hint`} className="field-hint">
        {texts.zone.hint}
      </p>
    </div>
  );
}
