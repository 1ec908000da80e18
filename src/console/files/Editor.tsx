/** Changing a text file by hand: saved only over what was read, so that nobody's work is lost. */
import { Button } from "@cloudflare/kumo/components/button";
import { useState } from "react";
import { sentenceOf } from "../app/api.ts";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { useNotify } from "../ui/toasts.tsx";
import { nameOf } from "./store.ts";

export interface EditorProps {
  path: string;
  text: string;
  /** What the text was read with; a write over anything else keeps both. */
  etag: string | null;
  done(): void;
}

export function Editor({ path, text: initial, etag, done }: EditorProps) {
  const { files } = useServices();
  const notify = useNotify();
  // What was there when editing began: the file may change under the open editor.
  const [base] = useState({ text: initial, etag });
  const [text, setText] = useState(initial);
  const [saving, setSaving] = useState(false);

  const save = async () => {
    setSaving(true);
    try {
      const { conflict } = await files.save(path, text, base.etag);
      if (conflict) notify.problem(texts.files.keptAs(conflict.keptAs));
      else notify.done(texts.files.saved);
      done();
    } catch (error) {
      notify.problem(sentenceOf(error));
      setSaving(false);
    }
  };
  return (
    <form
      className="flex min-h-0 flex-1 flex-col"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <textarea
        className="file-editor"
        value={text}
        spellCheck={false}
        aria-label={nameOf(path)}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (!(event.metaKey || event.ctrlKey) || event.key !== "s") return;
          event.preventDefault();
          void save();
        }}
      />
      <div className="flex justify-end gap-2 border-t border-kumo-hairline p-3">
        <Button onClick={done} disabled={saving}>
          {texts.cancel}
        </Button>
        <Button type="submit" variant="primary" loading={saving} disabled={text === base.text}>
          {texts.save}
        </Button>
      </div>
    </form>
  );
}
