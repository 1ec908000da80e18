/** Where the reader writes: grows with the text, takes files, keeps a draft per chat, sends or stops. */
import { ArrowBendDownRightIcon, ArrowUpIcon, PaperclipIcon, SquareIcon } from "@phosphor-icons/react";
import type { ClipboardEvent, KeyboardEvent, Ref } from "react";
import { useEffect, useImperativeHandle, useRef, useState } from "react";
import { limits } from "../../limits.ts";
import { useAgent, useServices } from "../app/services.tsx";
import { ModelChip } from "../settings/ModelChip.tsx";
import { texts } from "../texts.ts";
import { IconButton } from "../ui/IconButton.tsx";
import { modKey } from "../ui/Keys.tsx";
import { useNotify } from "../ui/toasts.tsx";
import { AttachmentChip } from "./AttachmentChip.tsx";
import { COMMAND_LIST_ID, CommandList, commandId } from "./CommandList.tsx";
import type { Command, CommandName } from "./commands.ts";
import { commandFrom, completionsOf } from "./commands.ts";
import type { Draft } from "./draft.ts";
import { readDraft, writeDraft } from "./draft.ts";
import type { SentPart } from "./unsent.ts";
import type { Attachments } from "./useAttachments.ts";
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
  /** `steer`: into the running answer. */
  send(parts: SentPart[], options: { steer: boolean }): void;
  stop(): void;
  command(command: Command): void;
  ref?: Ref<ComposerHandle>;
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

/** The commands that a slash may become, and which of them is meant; none after Escape, until something is typed. */
function useCompletions(text: string) {
  const [away, setAway] = useState("");
  const [at, setAt] = useState(0);
  const names = away === text ? [] : completionsOf(text);
  const active = names.length > 0 ? names[Math.min(at, names.length - 1)] : undefined;
  return {
    names,
    active,
    dismiss: () => setAway(text),
    move: (step: number) => setAt((names.indexOf(active ?? "undo") + step + names.length) % names.length),
    reset: () => setAt(0),
  };
}

export function Composer({ thread, working, disabled, send, stop, command, ref }: ComposerProps) {
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
    // What was sent is no draft any more, however soon the page is left.
    if (text === "" && kept.length === 0) return write();
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

  const completions = useCompletions(text);
  const trimmed = text.trim();
  const ready = (trimmed !== "" || files.length > 0) && !disabled;

  const run = (made: Command) => {
    setText("");
    command(made);
  };
  // A command that takes words is completed; the others are carried out.
  const choose = (name: CommandName) => {
    if (name !== "search") return run({ name, rest: "" });
    setText(`/${name} `);
    box.current?.focus();
  };

  const submit = (steer = false) => {
    if (!ready) return;
    const made = files.length === 0 ? commandFrom(trimmed) : null;
    if (made) return run(made);
    if (attachments.busy) return notify.problem(texts.composer.waitForUploads);
    const parts = partsOf(trimmed, attachments);
    if (new TextEncoder().encode(JSON.stringify(parts)).length > limits.messageBytes) {
      return notify.problem(texts.composer.textTooLarge);
    }
    send(parts, { steer: steer && working });
    setText("");
    attachments.clear();
    box.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    // An input method's Enter chooses a word.
    if (event.nativeEvent.isComposing) return;
    const { active } = completions;
    if (active) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        event.preventDefault();
        return completions.move(step);
      }
      if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) {
        event.preventDefault();
        // Enter carries out what can only be one command; anything else is written out first.
        const meant = event.key === "Enter" && completions.names.length === 1;
        return meant ? choose(active) : setText(`/${active}`);
      }
      if (event.key === "Escape") {
        event.preventDefault();
        return completions.dismiss();
      }
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit(event.metaKey || event.ctrlKey);
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
            <AttachmentChip key={item.key} item={item} remove={() => attachments.remove(item.key)} />
          ))}
        </ul>
      )}
      {completions.active && (
        <CommandList names={completions.names} active={completions.active} choose={choose} />
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
        {...(completions.active && {
          role: "combobox",
          "aria-expanded": true,
          "aria-controls": COMMAND_LIST_ID,
          "aria-activedescendant": commandId(completions.active),
        })}
        onChange={(event) => {
          setText(event.target.value);
          completions.reset();
        }}
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
        <span className="composer-hint">
          {working ? texts.composer.hintQueued(modKey) : texts.composer.hint}
        </span>
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
          <>
            {working && (
              <IconButton
                icon={<ArrowBendDownRightIcon weight="bold" />}
                label={texts.composer.steer}
                shortcut={`${modKey}↵`}
                side="top"
                disabled={!ready}
                onClick={() => submit(true)}
              />
            )}
            <button
              type="submit"
              className="send-button"
              disabled={!ready}
              aria-label={working ? texts.composer.queue : texts.composer.send}
            >
              <ArrowUpIcon aria-hidden="true" weight="bold" />
            </button>
          </>
        )}
      </div>
    </form>
  );
}
