/** A name that is being changed in its place: Enter and leaving keep it, Escape does not. */
import { useEffect, useRef } from "react";
import { limits } from "../../limits.ts";

export interface RenameFieldProps {
  value: string;
  label: string;
  /** The new name; `null` when it stays as it was. */
  done(next: string | null): void;
}

export function RenameField({ value, label, done }: RenameFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  const over = useRef(false);
  useEffect(() => {
    // After a menu has given the focus back to its button.
    const frame = requestAnimationFrame(() => field.current?.select());
    return () => cancelAnimationFrame(frame);
  }, []);
  const finish = (next: string | null) => {
    if (over.current) return;
    over.current = true;
    const name = next?.trim().slice(0, limits.titleChars) ?? "";
    done(name && name !== value ? name : null);
  };
  return (
    <input
      ref={field}
      className="rename-field"
      defaultValue={value}
      aria-label={label}
      maxLength={limits.titleChars}
      onBlur={(event) => finish(event.target.value)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter" && !event.nativeEvent.isComposing) finish(event.currentTarget.value);
        if (event.key === "Escape") finish(null);
      }}
    />
  );
}
