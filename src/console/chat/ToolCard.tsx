/** One tool call: what it does, how far it is, and its input and output for those who want to know. */
import type { Icon } from "@phosphor-icons/react";
import {
  CaretRightIcon,
  CheckCircleIcon,
  CodeIcon,
  FileTextIcon,
  FolderOpenIcon,
  GlobeIcon,
  HandPalmIcon,
  MagnifyingGlassIcon,
  NotePencilIcon,
  PencilSimpleLineIcon,
  ProhibitIcon,
  TerminalWindowIcon,
  TrashIcon,
  WarningCircleIcon,
  WrenchIcon,
} from "@phosphor-icons/react";
import { memo, useId, useState } from "react";
import { useFileOpener } from "../app/panels.tsx";
import { CodeBlock } from "../markdown/CodeBlock.tsx";
import { texts } from "../texts.ts";
import { Spinner } from "../ui/Spinner.tsx";
import type { ToolPart } from "./message.ts";
import { readable, toolSentence } from "./toolWords.ts";

const ICONS: Readonly<Record<string, Icon>> = {
  read: FileTextIcon,
  write: NotePencilIcon,
  edit: PencilSimpleLineIcon,
  list: FolderOpenIcon,
  search: MagnifyingGlassIcon,
  delete: TrashIcon,
  fetch: GlobeIcon,
  browse: GlobeIcon,
  shell: TerminalWindowIcon,
  code: CodeIcon,
};

function StateMark({ part }: { part: ToolPart }) {
  switch (part.state) {
    case "writing":
    case "running":
      return <Spinner label={part.state === "writing" ? texts.tools.writing : texts.tools.running} />;
    case "done":
      return (
        <CheckCircleIcon weight="fill" className="text-accent" role="img" aria-label={texts.tools.done} />
      );
    case "failed":
      return (
        <WarningCircleIcon
          weight="fill"
          className="text-kumo-danger"
          role="img"
          aria-label={texts.tools.failed}
        />
      );
    case "denied":
      return (
        <HandPalmIcon
          weight="fill"
          className="text-kumo-subtle"
          role="img"
          aria-label={texts.approval.denied}
        />
      );
    case "asking":
      return null; // an approval card stands in its place
    case "stopped":
      return <ProhibitIcon className="text-kumo-subtle" role="img" aria-label={texts.tools.stopped} />;
  }
}

function Detail({ label, value }: { label: string; value: unknown }) {
  const { text, language } = readable(value);
  return (
    <section aria-label={label}>
      <h4>{label}</h4>
      <CodeBlock code={text} language={language} />
    </section>
  );
}

export const ToolCard = memo(function ToolCard({ part }: { part: ToolPart }) {
  const [open, setOpen] = useState(false);
  const openFile = useFileOpener();
  const id = useId();
  const sentence = toolSentence(part);
  const { path } = sentence;
  const words = `${sentence.verb} ${sentence.object}${sentence.rest}`.trim();
  const ToolIcon = ICONS[part.name] ?? WrenchIcon;
  const written = part.state === "writing" ? part.inputText : part.input;
  const hasInput = written !== undefined && written !== "";
  return (
    <div className="tool-card" data-state={part.state}>
      <div className="flex min-w-0 items-center gap-2.5 px-3 py-2">
        <ToolIcon aria-hidden="true" className="size-[1.05rem] shrink-0 text-kumo-subtle" />
        <p className="min-w-0 flex-1 truncate">
          {sentence.verb}{" "}
          {path && openFile ? (
            <button
              type="button"
              className="tool-path"
              title={texts.tools.openFile(path)}
              onClick={() => openFile(path)}
            >
              {sentence.object}
            </button>
          ) : (
            <span className="font-medium text-kumo-default">{sentence.object}</span>
          )}
          {sentence.rest}
          {sentence.outcome && <span className="text-kumo-subtle"> · {sentence.outcome}</span>}
          {part.progress && <span className="text-kumo-subtle"> · {part.progress}</span>}
        </p>
        <StateMark part={part} />
        <button
          type="button"
          className="tool-toggle"
          aria-expanded={open}
          aria-controls={id}
          aria-label={texts.tools.details(words)}
          onClick={() => setOpen(!open)}
        >
          <CaretRightIcon aria-hidden="true" className={open ? "rotate-90" : ""} weight="bold" />
        </button>
      </div>
      {part.state === "stopped" && <p className="tool-note">{texts.tools.stopped}</p>}
      {part.state === "denied" && (
        <p className="tool-note">
          {part.reason ? texts.approval.deniedWhy(part.reason) : texts.approval.denied}
        </p>
      )}
      {part.state === "failed" && part.error && !open && (
        <p className="tool-note text-kumo-danger">{part.error}</p>
      )}
      {open && (
        <div id={id} className="tool-details">
          {hasInput && <Detail label={texts.tools.input} value={written} />}
          {part.state === "done" && part.output !== undefined && (
            <Detail label={texts.tools.output} value={part.output} />
          )}
          {part.error && <Detail label={texts.tools.error} value={part.error} />}
        </div>
      )}
    </div>
  );
});
