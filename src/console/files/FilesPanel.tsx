/** The files panel: the tree or one file of it, uploads by button and by drop, and what was deleted. */
import { Button } from "@cloudflare/kumo/components/button";
import {
  ArrowLeftIcon,
  ClockCounterClockwiseIcon,
  FolderOpenIcon,
  UploadSimpleIcon,
  XIcon,
} from "@phosphor-icons/react";
import type { DragEvent } from "react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { limits } from "../../limits.ts";
import { sentenceOf } from "../app/api.ts";
import { usePanels } from "../app/panels.tsx";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { sizeText } from "../ui/format.ts";
import { IconButton } from "../ui/IconButton.tsx";
import { useNotify } from "../ui/toasts.tsx";
import { FileView } from "./FileView.tsx";
import { Tree } from "./Tree.tsx";
import { Deleted } from "./Versions.tsx";

interface Uploading {
  key: string;
  name: string;
  progress: number;
}

/** Uploads into the top of the workspace, one after another. */
function useUploads(): [readonly Uploading[], (files: readonly File[]) => Promise<void>] {
  const { files: store, platform } = useServices();
  const notify = useNotify();
  const [running, setRunning] = useState<readonly Uploading[]>([]);
  const control = useRef<AbortController | null>(null);
  useEffect(() => {
    const mine = new AbortController();
    control.current = mine;
    return () => mine.abort();
  }, []);
  const upload = async (files: readonly File[]) => {
    let done = 0;
    for (const file of files) {
      if (file.size > limits.uploadBytes) {
        notify.problem(texts.composer.tooLarge(file.name, sizeText(limits.uploadBytes)));
        continue;
      }
      const signal = control.current?.signal ?? AbortSignal.abort();
      const key = platform.id("u_");
      const change = (progress: number) =>
        setRunning((known) => known.map((item) => (item.key === key ? { ...item, progress } : item)));
      setRunning((known) => [...known, { key, name: file.name, progress: 0 }]);
      try {
        await store.upload("", file, { progress: change, signal });
        done += 1;
      } catch (error) {
        if (!signal.aborted) notify.problem(texts.files.uploadFailed(file.name), sentenceOf(error));
      } finally {
        setRunning((known) => known.filter((item) => item.key !== key));
      }
    }
    if (done > 0) notify.done(texts.files.uploaded(done));
  };
  return [running, upload];
}

function Overview({ openFile, showDeleted }: { openFile(path: string): void; showDeleted(): void }) {
  const { files, may } = useServices();
  const { file } = usePanels();
  useSyncExternalStore(files.subscribe, files.revision);
  const [problem, setProblem] = useState("");
  const root = files.listing("");
  const load = () => {
    setProblem("");
    files.load("").catch((error: unknown) => setProblem(sentenceOf(error)));
  };
  useEffect(load, [files]);
  return (
    <>
      <div className="min-h-0 flex-1 overflow-auto p-2">
        {problem && !root && (
          <div className="file-note flex flex-col items-center gap-3" role="alert">
            {problem}
            <Button size="sm" onClick={load}>
              {texts.retry}
            </Button>
          </div>
        )}
        {!root && !problem && (
          <div className="skeleton-block m-2 h-32 rounded-lg" role="img" aria-label={texts.loading} />
        )}
        {root && root.entries.length === 0 && (
          <div className="flex flex-col items-center gap-1 px-6 py-14 text-center">
            <FolderOpenIcon aria-hidden="true" weight="duotone" className="mb-2 size-10 text-accent" />
            <p className="font-medium">{texts.files.empty}</p>
            {may.write && <p className="text-sm text-kumo-subtle">{texts.files.emptyHint}</p>}
          </div>
        )}
        {root && root.entries.length > 0 && <Tree selected={file} openFile={openFile} />}
        {root?.truncated && <p className="file-note">{texts.files.truncated}</p>}
      </div>
      <button type="button" className="deleted-row" onClick={showDeleted}>
        <ClockCounterClockwiseIcon aria-hidden="true" className="size-4" />
        {texts.files.recentlyDeleted}
      </button>
    </>
  );
}

export function FilesPanel() {
  const panels = usePanels();
  const { may } = useServices();
  const picker = useRef<HTMLInputElement>(null);
  const [uploads, upload] = useUploads();
  const [deleted, setDeleted] = useState(false);
  const [dragging, setDragging] = useState(false);
  const { file, setFile } = panels;
  const onDragOver = (event: DragEvent) => {
    if (!may.write || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    setDragging(true);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way to the upload button
    <div
      className="relative flex h-full min-h-0 flex-col"
      onDragOver={onDragOver}
      onDragLeave={(event) => {
        if (!(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget))) {
          setDragging(false);
        }
      }}
      onDrop={(event) => {
        event.preventDefault();
        setDragging(false);
        if (may.write) void upload([...event.dataTransfer.files]);
      }}
    >
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          void upload([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
      {!file && (
        <header className="pane-header">
          {deleted && (
            <IconButton
              icon={<ArrowLeftIcon className="size-[1.1rem]" />}
              label={texts.files.back}
              onClick={() => setDeleted(false)}
            />
          )}
          <h2 className="min-w-0 flex-1 truncate px-2 font-semibold">
            {deleted ? texts.files.recentlyDeleted : texts.files.label}
          </h2>
          {may.write && (
            <IconButton
              icon={<UploadSimpleIcon className="size-[1.1rem]" />}
              label={texts.files.upload}
              onClick={() => picker.current?.click()}
            />
          )}
          <IconButton
            icon={<XIcon className="size-[1.1rem]" />}
            label={texts.files.close}
            shortcut="⌘J"
            onClick={() => panels.setFiles(false)}
          />
        </header>
      )}
      {uploads.length > 0 && (
        <ul className="border-b border-kumo-hairline px-3 py-2 text-sm">
          {uploads.map((item) => (
            <li key={item.key} className="flex items-center gap-3 py-0.5">
              <span className="min-w-0 flex-1 truncate">{item.name}</span>
              <progress
                value={item.progress}
                max={1}
                className="w-24"
                aria-label={texts.composer.uploading(Math.round(item.progress * 100))}
              />
            </li>
          ))}
        </ul>
      )}
      {file ? (
        <FileView key={file} path={file} back={() => setFile(null)} close={() => panels.setFiles(false)} />
      ) : deleted ? (
        <div className="min-h-0 flex-1 overflow-auto">
          <Deleted />
        </div>
      ) : (
        <Overview openFile={setFile} showDeleted={() => setDeleted(true)} />
      )}
      {dragging && (
        <div className="drop-veil">
          <UploadSimpleIcon aria-hidden="true" className="size-8" />
          {texts.files.drop}
        </div>
      )}
    </div>
  );
}
