/** Something that is shown this once: to be copied now. */
import { Button } from "@cloudflare/kumo/components/button";
import { CheckIcon, CopyIcon, WarningIcon } from "@phosphor-icons/react";
import type { ReactNode } from "react";
import { useEffect, useRef, useState } from "react";
import { texts } from "../texts.ts";
import { useNotify } from "./toasts.tsx";

export interface OnceProps {
  /** What it is, and that it is not shown again. */
  title: string;
  note: string;
  value: string;
  /** What the value is called, for those who do not see it. */
  label: string;
  copy: string;
  done: string;
  close(): void;
  /** How it is used. */
  children?: ReactNode;
}

export function Once({ title, note, value, label, copy, done, close, children }: OnceProps) {
  const notify = useNotify();
  const [copied, setCopied] = useState(false);
  const box = useRef<HTMLElement>(null);
  // It came in place of what was pressed.
  useEffect(() => box.current?.focus(), []);
  return (
    <section ref={box} className="once" aria-label={title} tabIndex={-1}>
      <p className="flex gap-2 font-medium">
        <WarningIcon aria-hidden="true" weight="duotone" className="mt-0.5 size-5 shrink-0 once-sign" />
        {title}
      </p>
      <p>{note}</p>
      <div className="once-value">
        <output aria-label={label}>{value}</output>
        <Button
          size="sm"
          variant="primary"
          icon={copied ? <CheckIcon weight="bold" /> : <CopyIcon />}
          onClick={() => {
            navigator.clipboard.writeText(value).then(
              () => setCopied(true),
              () => notify.problem(texts.chat.copyFailed),
            );
          }}
        >
          {copied ? texts.chat.copied : copy}
        </Button>
      </div>
      {children}
      <div className="flex justify-end">
        <Button size="sm" onClick={close}>
          {done}
        </Button>
      </div>
    </section>
  );
}
