/** For what is gone for good: a word has to be typed before the button does anything. */
import { Button } from "@cloudflare/kumo/components/button";
import { useState } from "react";
import { Field } from "./Field.tsx";
import { useTask } from "./useTask.ts";

export interface TypedConfirmProps {
  title: string;
  text: string;
  /** The label of the field, which names the word. */
  label: string;
  word: string;
  action: string;
  /** Rejects with `ApiError`: the sentence is shown here. */
  run(): Promise<unknown>;
}

export function TypedConfirm({ title, text, label, word, action, run }: TypedConfirmProps) {
  const [typed, setTyped] = useState("");
  const task = useTask();
  const meant = typed.trim() === word;
  return (
    <form
      className="danger-zone"
      onSubmit={(event) => {
        event.preventDefault();
        if (meant) void task.run(run);
      }}
    >
      <h3>{title}</h3>
      <p>{text}</p>
      <Field label={label} problem={task.problem}>
        {(id, described) => (
          <input
            id={id}
            {...described}
            className="plain-field"
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
      </Field>
      <div className="flex justify-end">
        <Button type="submit" variant="destructive" disabled={!meant} loading={task.busy}>
          {action}
        </Button>
      </div>
    </form>
  );
}
