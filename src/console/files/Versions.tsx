/** Earlier versions of a file, and deleted files: what there is, and bringing one back. */
import { Button } from "@cloudflare/kumo/components/button";
import { ClockCounterClockwiseIcon } from "@phosphor-icons/react";
import { useEffect, useState, useSyncExternalStore } from "react";
import type { FileVersion } from "../../tools/tool.ts";
import { sentenceOf } from "../app/api.ts";
import { useNow, useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { exactTime, sizeText, whenText } from "../ui/format.ts";
import { useNotify } from "../ui/toasts.tsx";
import { Preview, type Shown } from "./Preview.tsx";
import { readShown } from "./shown.ts";

/** "5 min ago" is renewed this often. */
const RENEW_MS = 60_000;

type List =
  | { kind: "loading" }
  | { kind: "failed"; reason: string }
  | { kind: "loaded"; versions: FileVersion[] };

function useList(read: () => Promise<FileVersion[]>, key: string): List {
  const { files } = useServices();
  const revision = useSyncExternalStore(files.subscribe, files.revision);
  const [list, setList] = useState<List>({ kind: "loading" });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `read` is told by its key; a new revision reads again
  useEffect(() => {
    let here = true;
    read().then(
      (versions) => here && setList({ kind: "loaded", versions }),
      (error: unknown) => here && setList({ kind: "failed", reason: sentenceOf(error) }),
    );
    return () => {
      here = false;
    };
  }, [key, revision]);
  return list;
}

/** What a version held. A page that somebody made is shown as its source. */
function OldContent({ version }: { version: FileVersion }) {
  const { files } = useServices();
  const [shown, setShown] = useState<Shown | null>(null);
  const [problem, setProblem] = useState("");
  const { path, id } = version;
  useEffect(() => {
    let here = true;
    readShown(files, path, id).then(
      (next) => here && setShown(next),
      (error: unknown) => here && setProblem(sentenceOf(error)),
    );
    return () => {
      here = false;
    };
  }, [files, path, id]);
  if (problem) {
    return (
      <p className="file-note" role="alert">
        {problem}
      </p>
    );
  }
  if (!shown) {
    return <div className="skeleton-block m-2 h-16 rounded-lg" role="img" aria-label={texts.loading} />;
  }
  return (
    <div className="version-content">
      <Preview shown={shown} source={shown.kind === "html"} />
    </div>
  );
}

function Rows({ list, named, empty }: { list: List; named: boolean; empty: string }) {
  const { files, may } = useServices();
  const notify = useNotify();
  const now = useNow(RENEW_MS);
  const [restoring, setRestoring] = useState("");
  const [open, setOpen] = useState("");
  if (list.kind === "loading") {
    return <div className="skeleton-block m-4 h-24 rounded-lg" role="img" aria-label={texts.loading} />;
  }
  if (list.kind === "failed") {
    return (
      <p className="file-note" role="alert">
        {list.reason}
      </p>
    );
  }
  if (list.versions.length === 0) return <p className="file-note">{empty}</p>;
  const restore = async (version: FileVersion) => {
    setRestoring(version.id);
    try {
      await files.restore(version.path, version.id);
      notify.done(texts.files.restored(version.path));
    } catch (error) {
      notify.problem(sentenceOf(error));
    } finally {
      setRestoring("");
    }
  };
  return (
    <ul className="p-2">
      {list.versions.map((version) => (
        <li key={`${version.path}:${version.id}`}>
          <div className="version-row">
            <ClockCounterClockwiseIcon aria-hidden="true" className="size-4 shrink-0 text-kumo-subtle" />
            <span className="min-w-0 flex-1">
              {named && (
                <span className="block truncate font-medium" title={version.path}>
                  {version.path}
                </span>
              )}
              <span className={named ? "block truncate text-xs text-kumo-subtle" : "block truncate"}>
                {version.reason === "deleted" ? texts.files.deletedReason : texts.files.overwritten}{" "}
                <time
                  dateTime={new Date(version.replacedAt).toISOString()}
                  title={exactTime(version.replacedAt)}
                >
                  {whenText(version.replacedAt, now)}
                </time>
                <span className="text-kumo-subtle"> · {sizeText(version.sizeBytes)}</span>
              </span>
            </span>
            <Button
              size="sm"
              variant="ghost"
              aria-expanded={open === version.id}
              onClick={() => setOpen(open === version.id ? "" : version.id)}
            >
              {open === version.id ? texts.files.hideVersion : texts.files.viewVersion}
            </Button>
            {may.write && (
              <Button size="sm" loading={restoring === version.id} onClick={() => void restore(version)}>
                {texts.files.restore}
              </Button>
            )}
          </div>
          {open === version.id && <OldContent version={version} />}
        </li>
      ))}
    </ul>
  );
}

export function Versions({ path }: { path: string }) {
  const { files } = useServices();
  const list = useList(() => files.versions(path), path);
  return <Rows list={list} named={false} empty={texts.files.noVersions} />;
}

export function Deleted() {
  const { files } = useServices();
  const list = useList(() => files.deleted(), "deleted");
  return <Rows list={list} named empty={texts.files.nothingDeleted} />;
}
