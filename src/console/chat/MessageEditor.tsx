/** A message that is changed in its place: Enter keeps it, Escape leaves it as it was. */
import { Button } from "@cloudflare/kumo/components/button";
import type { KeyboardEvent } from "react";
import { useEffect, useRef, useState } from "react";
import { texts } from "../texts.ts";

export interface MessageEditorProps {
  text: string;
  label: string;
  /** On the button that keeps the change. */
  action: string;
  /** Stands below the text. */
  hint?: string;
  done(text: string): void;
  cancel(): void;
}

export function MessageEditor({ text, label, action, hint, done, cancel }: MessageEditorProps) {
  const [value, setValue] = useState(text);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const box = field.current;
    box?.focus();
    box?.setSelectionRange(box.value.length, box.value.length);
  }, []);
  const trimmed = value.trim();
  const submit = () => {
    if (trimmed !== "") done(trimmed);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") {
      // Escape also stops the answer; here it means the edit.
      event.preventDefault();
      event.stopPropagation();
      cancel();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    }
  };
  return (
    <form
      className="message-editor"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={field}
        value={value}
        aria-label={label}
        onChange={(event) => setValue(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="flex flex-wrap items-center justify-end gap-2">
        {hint && <p className="min-w-0 flex-1 text-xs text-kumo-subtle">{hint}</p>}
        <Button size="sm" variant="ghost" onClick={cancel}>
          {texts.cancel}
        </Button>
        <Button size="sm" type="submit" variant="primary" disabled={trimmed === ""}>
          {action}
        </Button>
      </div>
    </form>
  );
}
