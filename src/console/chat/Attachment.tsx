/** A file of a message: an image by its preview, anything else as a chip that opens the files panel. */
import { FileIcon, FileImageIcon } from "@phosphor-icons/react";
import { memo } from "react";
import { useOpenFile } from "../app/panels.tsx";
import { nameOf } from "../files/store.ts";
import { WorkspaceImage } from "../files/WorkspaceImage.tsx";
import { isInlineImage, workspacePath } from "../markdown/urls.ts";
import { texts } from "../texts.ts";
import type { FilePart } from "./message.ts";

export const Attachment = memo(function Attachment({ part }: { part: FilePart }) {
  const openFile = useOpenFile();
  const path = workspacePath(part.url);
  const name = part.filename || (path ? nameOf(path) : texts.markdown.image(""));
  if (isInlineImage(part.url)) return <img className="attachment-image" src={part.url} alt={name} />;
  if (path && part.mediaType.startsWith("image/")) {
    return (
      <div className="attachment-image">
        <WorkspaceImage path={path} alt={name} />
      </div>
    );
  }
  const Mark = part.mediaType.startsWith("image/") ? FileImageIcon : FileIcon;
  if (!path) {
    return (
      <span className="chip">
        <Mark aria-hidden="true" />
        <span className="truncate">{name}</span>
      </span>
    );
  }
  return (
    <button
      type="button"
      className="chip chip-button"
      title={texts.tools.openFile(path)}
      onClick={() => openFile(path)}
    >
      <Mark aria-hidden="true" />
      <span className="truncate">{name}</span>
    </button>
  );
});
