/** A text to search by: told when typing pauses, and at once by Enter. */
import { useEffect, useState } from "react";
import { usePlatform } from "../app/services.tsx";
import { Field } from "./Field.tsx";

/** Typing pauses this long before anybody is asked. */
const PAUSE_MS = 350;

export interface SearchFieldProps {
  label: string;
  placeholder?: string;
  value: string;
  change(value: string): void;
}

export function SearchField({ label, placeholder, value, change }: SearchFieldProps) {
  const platform = usePlatform();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text.trim() === value) return;
    return platform.after(PAUSE_MS, () => change(text.trim()));
  }, [text, value, change, platform]);
  return (
    <Field label={label}>
      {(id) => (
        <input
          id={id}
          type="search"
          className="plain-field"
          placeholder={placeholder}
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            change(text.trim());
          }}
        />
      )}
    </Field>
  );
}
