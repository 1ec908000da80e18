/** A button for what cannot be taken back: the first press asks, the second does it. */
import { Button } from "@cloudflare/kumo/components/button";
import { useEffect, useRef, useState } from "react";
import { texts } from "../texts.ts";
import { useTask } from "./useTask.ts";

export interface ConfirmButtonProps {
  /** What it is for, in a word. */
  label: string;
  /** For those who do not see what it stands beside. */
  of: string;
  /** What will be, in a sentence, and the word of the button that does it. */
  question: string;
  action: string;
  /** Rejects with `ApiError`: the sentence is shown here. */
  run(): Promise<unknown>;
}

export function ConfirmButton({ label, of, question, action, run }: ConfirmButtonProps) {
  const [asking, setAsking] = useState(false);
  const task = useTask();
  const first = useRef<HTMLButtonElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);
  const before = useRef(false);
  // The focus follows the question, and comes back from it.
  useEffect(() => {
    if (asking) cancel.current?.focus();
    else if (before.current) first.current?.focus();
    before.current = asking;
  }, [asking]);
  if (!asking) {
    return (
      <Button
        ref={first}
        size="sm"
        variant="ghost"
        aria-label={`${label}: ${of}`}
        onClick={() => {
          task.clear();
          setAsking(true);
        }}
      >
        {label}
      </Button>
    );
  }
  return (
    <div className="confirm" role="alertdialog" aria-label={`${label}: ${of}`}>
      <p className="min-w-0 flex-[1_1_14rem]">
        {question}
        {task.problem && <span className="block text-kumo-danger">{task.problem}</span>}
      </p>
      <span className="flex gap-1.5">
        <Button ref={cancel} size="sm" variant="ghost" disabled={task.busy} onClick={() => setAsking(false)}>
          {texts.cancel}
        </Button>
        <Button
          size="sm"
          variant="destructive"
          loading={task.busy}
          onClick={() => void task.run(run).then((done) => done && setAsking(false))}
        >
          {action}
        </Button>
      </span>
    </div>
  );
}
