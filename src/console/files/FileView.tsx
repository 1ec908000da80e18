/** One file: its preview, its earlier versions, and what can be done with it. */
import { Button } from "@cloudflare/kumo/components/button";
import { DropdownMenu } from "@cloudflare/kumo/components/dropdown";
import { Tabs } from "@cloudflare/kumo/components/tabs";
import {
  ArrowLeftIcon,
  CodeIcon,
  CopyIcon,
  DotsThreeIcon,
  DownloadSimpleIcon,
  EyeIcon,
  PencilSimpleIcon,
  TrashIcon,
  XIcon,
} from "@phosphor-icons/react";
import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { ApiError, sentenceOf } from "../app/api.ts";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { sizeText } from "../ui/format.ts";
import { IconButton } from "../ui/IconButton.tsx";
import { useNotify } from "../ui/toasts.tsx";
import { Editor } from "./Editor.tsx";
import { isEditable } from "./kinds.ts";
import type { Shown } from "./Preview.tsx";
import { Preview } from "./Preview.tsx";
import { readShown } from "./shown.ts";
import { nameOf } from "./store.ts";
import { Versions } from "./Versions.tsx";

type Loaded = { kind: "loading" } | { kind: "failed"; reason: string } | { kind: "loaded"; shown: Shown };

/** The file's content, read again whenever the workspace changes. */
function useFile(path: string): [Loaded, () => void] {
  const { files } = useServices();
  const revision = useSyncExternalStore(files.subscribe, files.revision);
  const [loaded, setLoaded] = useState<Loaded>({ kind: "loading" });
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new revision or turn is what makes it read again
  useEffect(() => {
    let here = true;
    const read = async (): Promise<Loaded> => ({ kind: "loaded", shown: await readShown(files, path) });
    read().then(
      (next) => {
        if (!here) return;
        setLoaded((known) =>
          known.kind === "loaded" &&
          next.kind === "loaded" &&
          known.shown.path === path &&
          known.shown.etag &&
          known.shown.etag === next.shown.etag
            ? known
            : next,
        );
      },
      (error: unknown) => {
        const gone = error instanceof ApiError && error.status === 404;
        if (here) setLoaded({ kind: "failed", reason: gone ? texts.files.gone : sentenceOf(error) });
      },
    );
    return () => {
      here = false;
    };
  }, [files, path, revision, turn]);
  return [loaded, useCallback(() => setTurn((known) => known + 1), [])];
}

export interface FileViewProps {
  path: string;
  /** To the tree. */
  back(): void;
  /** Hides the panel. */
  close(): void;
}

export function FileView({ path, back, close }: FileViewProps) {
  const { files, may } = useServices();
  const notify = useNotify();
  const [loaded, again] = useFile(path);
  const [tab, setTab] = useState("preview");
  const [chosen, setChosen] = useState<boolean | null>(null);
  const [editing, setEditing] = useState(false);
  const shown = loaded.kind === "loaded" ? loaded.shown : null;
  // Somebody's page is drawn only when it is asked for.
  const source = chosen ?? shown?.kind === "html";
  const hasSource = shown !== null && ["markdown", "html", "csv", "json"].includes(shown.kind);
  const editable = may.write && shown !== null && shown.text !== null && !shown.cut && isEditable(shown.kind);

  const remove = async () => {
    // First, so that nothing here asks for a file that is no more.
    back();
    try {
      await files.remove(path);
      notify.undoable(texts.files.deleted(path), () => {
        const restore = async () => {
          const version = (await files.deleted()).find((known) => known.path === path);
          if (version) await files.restore(path, version.id);
        };
        restore().catch((error: unknown) => notify.problem(sentenceOf(error)));
      });
    } catch (error) {
      notify.problem(sentenceOf(error));
    }
  };
  const copyPath = () =>
    navigator.clipboard.writeText(path).then(
      () => notify.done(texts.files.pathCopied),
      () => notify.problem(texts.chat.copyFailed),
    );
  const download = () => {
    const link = document.createElement("a");
    link.href = files.contentUrl(path);
    link.download = nameOf(path);
    link.click();
  };
  return (
    <section className="flex min-h-0 flex-1 flex-col" aria-label={path}>
      <header className="pane-header">
        <IconButton
          icon={<ArrowLeftIcon className="size-[1.1rem]" />}
          label={texts.files.back}
          onClick={back}
        />
        <div className="min-w-0 flex-1 px-1 leading-tight">
          <p className="truncate font-medium" title={path}>
            {nameOf(path)}
          </p>
          <p className="truncate text-xs text-kumo-subtle">
            {[
              path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "",
              shown ? sizeText(shown.bytes.size) : "",
            ]
              .filter(Boolean)
              .join(" · ")}
          </p>
        </div>
        <IconButton
          icon={<DownloadSimpleIcon className="size-[1.1rem]" />}
          label={texts.files.download}
          onClick={download}
        />
        <DropdownMenu>
          <DropdownMenu.Trigger
            render={
              <IconButton
                icon={<DotsThreeIcon weight="bold" className="size-5" />}
                label={texts.files.more}
              />
            }
          />
          <DropdownMenu.Content align="end">
            {editable && (
              <DropdownMenu.Item icon={PencilSimpleIcon} onClick={() => setEditing(true)}>
                {texts.files.edit}
              </DropdownMenu.Item>
            )}
            {hasSource && (
              <DropdownMenu.Item icon={source ? EyeIcon : CodeIcon} onClick={() => setChosen(!source)}>
                {source ? texts.files.preview : texts.files.source}
              </DropdownMenu.Item>
            )}
            <DropdownMenu.Item icon={CopyIcon} onClick={copyPath}>
              {texts.files.copyPath}
            </DropdownMenu.Item>
            {may.write && (
              <>
                <DropdownMenu.Separator />
                <DropdownMenu.Item icon={TrashIcon} variant="danger" onClick={() => void remove()}>
                  {texts.files.delete}
                </DropdownMenu.Item>
              </>
            )}
          </DropdownMenu.Content>
        </DropdownMenu>
        <IconButton
          icon={<XIcon className="size-[1.1rem]" />}
          label={texts.files.close}
          shortcut="⌘J"
          onClick={close}
        />
      </header>
      {editing && shown?.text != null ? (
        <Editor path={path} text={shown.text} etag={shown.etag} done={() => setEditing(false)} />
      ) : (
        <>
          <div className="px-3 pt-2.5 pb-1">
            <Tabs
              size="sm"
              variant="segmented"
              className="w-max"
              value={tab}
              onValueChange={setTab}
              tabs={[
                { value: "preview", label: texts.files.preview },
                { value: "versions", label: texts.files.versions },
              ]}
            />
          </div>
          <div className="min-h-0 flex-1 overflow-auto">
            {tab === "versions" ? (
              <Versions path={path} />
            ) : loaded.kind === "loading" ? (
              <div className="skeleton-block m-4 h-40 rounded-lg" role="img" aria-label={texts.loading} />
            ) : loaded.kind === "failed" ? (
              <div className="file-note flex flex-col items-center gap-3" role="alert">
                {loaded.reason}
                <Button size="sm" onClick={again}>
                  {texts.retry}
                </Button>
              </div>
            ) : (
              <Preview shown={loaded.shown} source={source} />
            )}
          </div>
        </>
      )}
    </section>
  );
}
