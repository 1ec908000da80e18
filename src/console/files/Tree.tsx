/** The workspace as a tree: directories open on demand, arrow keys move, Enter opens. */
import type { Icon } from "@phosphor-icons/react";
import {
  CaretRightIcon,
  FileCodeIcon,
  FileCsvIcon,
  FileHtmlIcon,
  FileIcon,
  FileImageIcon,
  FileTextIcon,
  FolderIcon,
  FolderOpenIcon,
} from "@phosphor-icons/react";
import type { KeyboardEvent } from "react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { sentenceOf } from "../app/api.ts";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { sizeText } from "../ui/format.ts";
import { useNotify } from "../ui/toasts.tsx";
import type { Kind } from "./kinds.ts";
import { kindOf } from "./kinds.ts";
import type { Entry, FileStore } from "./store.ts";
import { directoryOf } from "./store.ts";

const ICONS: Readonly<Partial<Record<Kind, Icon>>> = {
  markdown: FileTextIcon,
  text: FileTextIcon,
  image: FileImageIcon,
  csv: FileCsvIcon,
  json: FileCodeIcon,
  code: FileCodeIcon,
  html: FileHtmlIcon,
};
const IMAGE_NAME = /\.(?:png|jpe?g|gif|webp|avif|bmp|ico|svg)$/i;
const TEXT_NAME = /\.(?:txt|log)$/i;

function iconOf(entry: Entry): Icon {
  if (IMAGE_NAME.test(entry.name)) return FileImageIcon;
  if (TEXT_NAME.test(entry.name)) return FileTextIcon;
  return ICONS[kindOf(entry.path, "")] ?? FileIcon;
}

interface Row {
  entry: Entry;
  level: number;
  open: boolean;
}

/** What is shown of the tree, top to bottom. */
function rowsOf(files: FileStore, open: ReadonlySet<string>, directory = "", level = 1): Row[] {
  const entries = files.listing(directory)?.entries ?? [];
  return entries.flatMap((entry) => {
    const isOpen = entry.kind === "directory" && open.has(entry.path);
    const row = { entry, level, open: isOpen };
    return isOpen ? [row, ...rowsOf(files, open, entry.path, level + 1)] : [row];
  });
}

export interface TreeProps {
  /** The file that was shown last: the focus comes back to it. */
  selected: string | null;
  openFile(path: string): void;
}

export function Tree({ selected, openFile }: TreeProps) {
  const { files } = useServices();
  const notify = useNotify();
  useSyncExternalStore(files.subscribe, files.revision);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [focused, setFocused] = useState<string | null>(selected);
  const list = useRef<HTMLDivElement>(null);
  const rows = rowsOf(files, open);
  const current = rows.find((row) => row.entry.path === focused) ?? rows[0];

  const unfold = (path: string, wanted: boolean) => {
    setOpen((known) => {
      const next = new Set(known);
      if (wanted) next.add(path);
      else next.delete(path);
      return next;
    });
    if (wanted && !files.listing(path)) {
      files.load(path).catch((error: unknown) => notify.problem(texts.files.loadFailed, sentenceOf(error)));
    }
  };
  const focus = (row: Row | undefined) => {
    if (!row) return;
    setFocused(row.entry.path);
    list.current?.querySelector<HTMLElement>(`[data-path="${CSS.escape(row.entry.path)}"]`)?.focus();
  };
  const choose = ({ entry, open: isOpen }: Row) => {
    if (entry.kind === "directory") unfold(entry.path, !isOpen);
    else openFile(entry.path);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!current) return;
    const at = rows.indexOf(current);
    const move = moveFor(event.key, current, at);
    if (!move) return;
    event.preventDefault();
    move();
  };

  // The keys of the tree pattern of the WAI-ARIA Authoring Practices.
  function moveFor(key: string, row: Row, at: number): (() => void) | null {
    const { entry, open: isOpen } = row;
    const folded = entry.kind === "directory" && !isOpen;
    switch (key) {
      case "ArrowDown":
        return () => focus(rows[at + 1]);
      case "ArrowUp":
        return () => focus(rows[at - 1]);
      case "Home":
        return () => focus(rows[0]);
      case "End":
        return () => focus(rows.at(-1));
      case "ArrowRight":
        return () => (folded ? unfold(entry.path, true) : focus(rows[at + 1]));
      case "ArrowLeft":
        return () =>
          isOpen
            ? unfold(entry.path, false)
            : focus(rows.find((known) => known.entry.path === directoryOf(entry.path)));
      case "Enter":
      case " ":
        return () => choose(row);
      default:
        return null;
    }
  }

  // A file inside of a directory is reachable when its panel comes back to the tree.
  useEffect(() => {
    if (!selected) return;
    const above: string[] = [];
    for (let at = directoryOf(selected); at; at = directoryOf(at)) above.push(at);
    setOpen((known) => new Set([...known, ...above]));
    for (const directory of above) {
      // The tree says what it knows; opening the directory says why it knows nothing.
      if (!files.listing(directory)) files.load(directory).catch(() => {});
    }
  }, [selected, files]);

  return (
    <div ref={list} role="tree" className="tree" aria-label={texts.files.label} onKeyDown={onKeyDown}>
      {rows.map((row) => {
        const { entry, level, open: isOpen } = row;
        const directory = entry.kind === "directory";
        const EntryIcon = directory ? (isOpen ? FolderOpenIcon : FolderIcon) : iconOf(entry);
        return (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the tree handles the keys for all its rows
          <div
            key={entry.path}
            role="treeitem"
            data-path={entry.path}
            aria-level={level}
            aria-selected={entry.path === selected}
            {...(directory && { "aria-expanded": isOpen })}
            tabIndex={row === current ? 0 : -1}
            style={{ paddingLeft: `${level - 0.4}rem` }}
            onFocus={() => setFocused(entry.path)}
            onClick={() => choose(row)}
          >
            <CaretRightIcon
              aria-hidden="true"
              weight="bold"
              className={`size-3 shrink-0 ${directory ? "text-kumo-subtle" : "invisible"} ${isOpen ? "rotate-90" : ""}`}
            />
            <EntryIcon
              aria-hidden="true"
              className={directory ? "text-accent" : "text-kumo-subtle"}
              weight={directory ? "fill" : "regular"}
            />
            <span className="min-w-0 flex-1 truncate">{entry.name}</span>
            {entry.sizeBytes !== undefined && !directory && (
              <span className="text-xs text-kumo-subtle tabular-nums">{sizeText(entry.sizeBytes)}</span>
            )}
          </div>
        );
      })}
    </div>
  );
}
