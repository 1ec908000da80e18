/** Where the reader writes: grows with the text, takes files, keeps a draft per chat, sends or stops. */
import { ArrowUpIcon, FileIcon, PaperclipIcon, SquareIcon, XIcon } from "@phosphor-icons/react";
import type { ClipboardEvent, KeyboardEvent, Ref } from "react";
import { useEffect, useImperativeHandle, useRef, useState } from "react";
import { limits } from "../../limits.ts";
import { useAgent, useServices } from "../app/services.tsx";
import { ModelChip } from "../settings/ModelChip.tsx";
import { texts } from "../texts.ts";
import { IconButton } from "../ui/IconButton.tsx";
import { useNotify } from "../ui/toasts.tsx";
import type { Draft } from "./draft.ts";
import { readDraft, writeDraft } from "./draft.ts";
import type { SentPart } from "./unsent.ts";
import type { Attachments, Pending } from "./useAttachments.ts";
import { useAttachments } from "./useAttachments.ts";

/** The draft is written at most this often. */
const DRAFT_EVERY_MS = 400;

export interface ComposerHandle {
  focus(): void;
  /** Puts a text into an empty composer, or below what is there. */
  insert(text: string): void;
  attach(files: readonly File[]): void;
}

export interface ComposerProps {
  thread: string;
  working: boolean;
  disabled: boolean;
  send(parts: SentPart[]): void;
  stop(): void;
  ref?: Ref<ComposerHandle>;
}

function Chip({ item, remove }: { item: Pending; remove(): void }) {
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

/** The parts of a message: files first, then the text. */
function partsOf(text: string, attachments: Attachments): SentPart[] {
  const files = attachments.list.flatMap((item): SentPart[] =>
    item.path === null
      ? []
      : [{ type: "file", mediaType: item.mediaType, filename: item.name, url: `workspace:${item.path}` }],
  );
  return [...files, ...(text ? [{ type: "text" as const, text }] : [])];
}

const pastedFiles = (event: ClipboardEvent): File[] => [...event.clipboardData.files];

export function Composer({ thread, working, disabled, send, stop, ref }: ComposerProps) {
  const { platform, me } = useServices();
  const { name } = useAgent();
  const notify = useNotify();
  const box = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const [draft] = useState<Draft>(() => readDraft(platform.storage, me.user.id, thread));
  const [text, setText] = useState(draft.text);
  const attachments = useAttachments(draft);

  const files = attachments.list;
  useEffect(() => {
    const kept = files.flatMap(({ path, name, mediaType }) =>
      path === null ? [] : [{ path, name, mediaType }],
    );
    const write = () => writeDraft(platform.storage, me.user.id, thread, { text, files: kept });
    const cancel = platform.after(DRAFT_EVERY_MS, write);
    return () => {
      cancel();
      write();
    };
  }, [platform, me.user.id, thread, text, files]);

  useImperativeHandle(ref, () => ({
    focus: () => box.current?.focus(),
    insert: (more) => {
      setText((known) => (known.trim() ? `${known.trimEnd()}\n\n${more}` : more));
      box.current?.focus();
    },
    attach: attachments.add,
  }));

  const trimmed = text.trim();
  const ready = (trimmed !== "" || files.length > 0) && !disabled;

  const submit = () => {
    if (!ready) return;
    if (attachments.busy) return notify.problem(texts.composer.waitForUploads);
    const parts = partsOf(trimmed, attachments);
    if (new TextEncoder().encode(JSON.stringify(parts)).length > limits.messageBytes) {
      return notify.problem(texts.composer.textTooLarge);
    }
    send(parts);
    setText("");
    attachments.clear();
    box.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    // An input method's Enter chooses a word.
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    }
  };

  const stopShown = working && trimmed === "" && files.length === 0;
  return (
    <form
      className="composer"
      aria-label={texts.composer.label}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {files.length > 0 && (
        <ul className="flex flex-wrap gap-2 px-3 pt-3">
          {files.map((item) => (
            <Chip key={item.key} item={item} remove={() => attachments.remove(item.key)} />
          ))}
        </ul>
      )}
      <textarea
        ref={box}
        id="composer"
        rows={1}
        value={text}
        disabled={disabled}
        aria-label={texts.composer.label}
        placeholder={working ? texts.composer.placeholderQueued : texts.composer.placeholder(name)}
        enterKeyHint="send"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        onPaste={(event) => {
          const pasted = pastedFiles(event);
          if (pasted.length === 0) return;
          event.preventDefault();
          attachments.add(pasted);
        }}
      />
      <div className="flex items-center gap-1.5 px-2 pb-2">
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          onChange={(event) => {
            attachments.add([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
        <IconButton
          icon={<PaperclipIcon className="size-[1.15rem]" />}
          label={texts.composer.attach}
          side="top"
          disabled={disabled}
          onClick={() => picker.current?.click()}
        />
        <ModelChip />
        <span className="flex-1" />
        <span className="composer-hint">{texts.composer.hint}</span>
        {working && !stopShown && (
          <IconButton
            icon={<SquareIcon weight="fill" />}
            label={texts.composer.stop}
            shortcut="Esc"
            side="top"
            onClick={stop}
          />
        )}
        {stopShown ? (
          <button
            type="button"
            className="send-button send-stop"
            aria-label={texts.composer.stop}
            onClick={stop}
          >
            <SquareIcon aria-hidden="true" weight="fill" />
          </button>
        ) : (
          <button type="submit" className="send-button" disabled={!ready} aria-label={texts.composer.send}>
            <ArrowUpIcon aria-hidden="true" weight="bold" />
          </button>
        )}
      </div>
    </form>
  );
}
