/** Copies a text and says so. */
import { CheckIcon, CopyIcon } from "@phosphor-icons/react";
import { useEffect, useState } from "react";
import { usePlatform } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { IconButton } from "./IconButton.tsx";
import { useNotify } from "./toasts.tsx";

/** How long the tick stands. */
const SHOWN_MS = 1_600;

export function CopyButton({ text, label }: { text(): string; label: string }) {
  const platform = usePlatform();
  const notify = useNotify();
  const [copied, setCopied] = useState(false);
  useEffect(
    () => (copied ? platform.after(SHOWN_MS, () => setCopied(false)) : undefined),
    [copied, platform],
  );
  return (
    <IconButton
      size="sm"
      icon={copied ? <CheckIcon weight="bold" className="text-accent" /> : <CopyIcon />}
      label={copied ? texts.chat.copied : label}
      onClick={() => {
        navigator.clipboard.writeText(text()).then(
          () => setCopied(true),
          () => notify.problem(texts.chat.copyFailed),
        );
      }}
    />
  );
}
