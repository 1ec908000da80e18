/** The head of a dialog: its name. The way out comes last, so that the focus begins with the content. */
import { Dialog } from "@cloudflare/kumo/components/dialog";
import { XIcon } from "@phosphor-icons/react";
import { texts } from "../texts.ts";

export function DialogHead({ title }: { title: string }) {
  return <Dialog.Title className="dialog-title">{title}</Dialog.Title>;
}

/** The last child of a dialog; stands in its corner. */
export function DialogExit() {
  return (
    <Dialog.Close
      render={
        <button type="button" className="plain-icon dialog-exit" aria-label={texts.close}>
          <XIcon aria-hidden="true" weight="bold" />
        </button>
      }
    />
  );
}
