/** Says that a turn failed, why, and offers another try. */
import { Button } from "@cloudflare/kumo/components/button";
import { ArrowClockwiseIcon, WarningCircleIcon, XIcon } from "@phosphor-icons/react";
import { texts } from "../texts.ts";
import { IconButton } from "../ui/IconButton.tsx";

const Sign = () => (
  <WarningCircleIcon aria-hidden="true" weight="fill" className="mt-0.5 size-4 shrink-0 text-kumo-danger" />
);

export interface FailureNoteProps {
  text: string;
  /** `null` when trying again is not possible now. */
  retry: (() => void) | null;
}

export function FailureNote({ text, retry }: FailureNoteProps) {
  return (
    <div className="failure" role="alert">
      <Sign />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{texts.chat.failed}</p>
        <p className="text-kumo-subtle">{text}</p>
      </div>
      {retry && (
        <Button size="sm" onClick={retry} icon={<ArrowClockwiseIcon />}>
          {texts.chat.retry}
        </Button>
      )}
    </div>
  );
}

/** Something that the reader asked for was refused. */
export function RefusalNote({ text, dismiss }: { text: string; dismiss(): void }) {
  return (
    <div className="failure" role="alert">
      <Sign />
      <p className="min-w-0 flex-1">{text}</p>
      <IconButton size="sm" icon={<XIcon />} label={texts.takeBack.dismiss} onClick={dismiss} />
    </div>
  );
}
