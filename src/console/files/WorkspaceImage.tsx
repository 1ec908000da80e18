/** An image of the workspace, fetched and shown by a blob URL: it is never a page of ours. */
import { ImageBrokenIcon } from "@phosphor-icons/react";
import { useEffect, useState } from "react";
import { useOpenFile } from "../app/panels.tsx";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { nameOf } from "./store.ts";

/** Larger images are offered as files instead of being drawn. */
const SHOWN_BYTES = 25 * 1024 * 1024;

type State = { kind: "loading" } | { kind: "shown"; url: string } | { kind: "failed" };

/** The blob URL of an image of the workspace. */
export function useImage(path: string): State {
  const { files } = useServices();
  const [state, setState] = useState<State>({ kind: "loading" });
  useEffect(() => {
    let here = true;
    let url = "";
    files.content(path).then(
      (content) => {
        if (!here) return;
        if (!content.mediaType.startsWith("image/") || content.sizeBytes > SHOWN_BYTES) {
          setState({ kind: "failed" });
          return;
        }
        url = URL.createObjectURL(content.bytes);
        setState({ kind: "shown", url });
      },
      () => here && setState({ kind: "failed" }), // shown as a file chip, which says why when it is opened
    );
    return () => {
      here = false;
      if (url) URL.revokeObjectURL(url);
    };
  }, [files, path]);
  return state;
}

export function WorkspaceImage({ path, alt }: { path: string; alt: string }) {
  const openFile = useOpenFile();
  const image = useImage(path);
  const label = texts.tools.openFile(path);
  if (image.kind === "loading") return <span className="image-frame skeleton" role="img" aria-label={alt} />;
  return (
    <button
      type="button"
      className="image-frame"
      aria-label={label}
      title={path}
      onClick={() => openFile(path)}
    >
      {image.kind === "shown" ? (
        <img src={image.url} alt={alt || nameOf(path)} />
      ) : (
        <span className="flex items-center gap-2 p-3 text-sm text-kumo-subtle">
          <ImageBrokenIcon aria-hidden="true" />
          {alt || nameOf(path)}
        </span>
      )}
    </button>
  );
}
