/** A file that goes with the next message, while it is uploaded and after. */
import { FileIcon, XIcon } from "@phosphor-icons/react";
import { texts } from "../texts.ts";
import type { Pending } from "./useAttachments.ts";

export function AttachmentChip({ item, remove }: { item: Pending; remove(): void }) {
  const percent = Math.round(item.progress * 100);
  return (
    <li className="chip pr-1">
      {item.preview ? (
        <img src={item.preview} alt="" className="-ml-1.5 size-7 rounded-md object-cover" />
      ) : (
        <FileIcon aria-hidden="true" />
      )}
      <span className="min-w-0">
        <span className="block truncate">{item.name}</span>
        {item.path === null && (
          <progress value={item.progress} max={1} aria-label={texts.composer.uploading(percent)} />
        )}
      </span>
      <button
        type="button"
        className="chip-remove"
        aria-label={texts.composer.remove(item.name)}
        onClick={remove}
      >
        <XIcon aria-hidden="true" weight="bold" />
      </button>
    </li>
  );
}
