/** Files that go with the next message: uploaded to the workspace as soon as they are chosen. */
import { useCallback, useEffect, useRef, useState } from "react";
import { limits } from "../../limits.ts";
import { sentenceOf } from "../app/api.ts";
import { useServices } from "../app/services.tsx";
import { safeName } from "../files/names.ts";
import { texts } from "../texts.ts";
import { sizeText } from "../ui/format.ts";
import { useNotify } from "../ui/toasts.tsx";
import type { Draft } from "./draft.ts";

/** Where attachments go. */
export const UPLOADS = "uploads";

export interface Pending {
  key: string;
  name: string;
  mediaType: string;
  /** `null` while it is being uploaded. */
  path: string | null;
  /** Between 0 and 1. */
  progress: number;
  /** A picture of it, from this browser's memory. */
  preview: string | null;
}

export interface Attachments {
  list: readonly Pending[];
  busy: boolean;
  add(files: readonly File[]): void;
  remove(key: string): void;
  clear(): void;
}

const fromDraft = (draft: Draft): Pending[] =>
  draft.files.map((file) => ({ ...file, key: file.path, progress: 1, preview: null }));

/** `initial`: the files of a draft, which are in the workspace already. */
export function useAttachments(initial: Draft): Attachments {
  const { files: store, platform } = useServices();
  const notify = useNotify();
  const [list, setList] = useState<readonly Pending[]>(() => fromDraft(initial));
  const uploads = useRef(new Map<string, AbortController>());

  useEffect(() => {
    const running = uploads.current;
    return () => {
      for (const upload of running.values()) upload.abort();
    };
  }, []);

  const forget = useCallback((key: string) => {
    setList((known) => {
      const gone = known.find((item) => item.key === key);
      if (gone?.preview) URL.revokeObjectURL(gone.preview);
      return known.filter((item) => item.key !== key);
    });
  }, []);

  const add = useCallback(
    (files: readonly File[]) => {
      for (const file of files) {
        if (file.size > limits.uploadBytes) {
          notify.problem(texts.composer.tooLarge(file.name, sizeText(limits.uploadBytes)));
          continue;
        }
        const key = platform.id("a_");
        const name = safeName(file.name);
        const mediaType = file.type || "application/octet-stream";
        const preview = mediaType.startsWith("image/") ? URL.createObjectURL(file) : null;
        const change = (part: Partial<Pending>) =>
          setList((known) => known.map((item) => (item.key === key ? { ...item, ...part } : item)));
        const control = new AbortController();
        uploads.current.set(key, control);
        setList((known) => [...known, { key, name, mediaType, path: null, progress: 0, preview }]);
        store
          .upload(UPLOADS, file, { progress: (progress) => change({ progress }), signal: control.signal })
          .then(
            (path) => change({ path, progress: 1 }),
            (error: unknown) => {
              forget(key);
              if (!control.signal.aborted)
                notify.problem(texts.composer.uploadFailed(file.name), sentenceOf(error));
            },
          )
          .finally(() => uploads.current.delete(key));
      }
    },
    [store, platform, notify, forget],
  );

  return {
    list,
    busy: list.some((item) => item.path === null),
    add,
    remove: (key) => {
      uploads.current.get(key)?.abort();
      forget(key);
    },
    clear: () => {
      for (const item of list) forget(item.key);
    },
  };
}
