/** A choice among the chats of the agent. */
import type { ReactNode } from "react";
import { useThreads } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { Field } from "../ui/Field.tsx";

export interface ChatFieldProps {
  label: string;
  hint?: string;
  value: string;
  change(thread: string): void;
  /** The choices before the chats. */
  children: ReactNode;
}

export function ChatField({ label, hint, value, change, children }: ChatFieldProps) {
  const { threads } = useThreads();
  return (
    <Field label={label} hint={hint}>
      {(id, described) => (
        <select
          id={id}
          {...described}
          className="plain-field"
          value={value}
          onChange={(event) => change(event.target.value)}
        >
          {children}
          {threads.map((thread) => (
            <option key={thread.id} value={thread.id}>
              {thread.title || texts.sidebar.untitled}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** What a chat is called, from the list; its name when it is not on it. */
export function useTitleOf(): (thread: string) => string {
  const { threads } = useThreads();
  return (thread) => threads.find((item) => item.id === thread)?.title || thread;
}
