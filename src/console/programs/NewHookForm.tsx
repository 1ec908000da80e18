/** The form for a new hook: what it is for, where its messages go, and how its deliveries are signed. */
import { Button } from "@cloudflare/kumo/components/button";
import { useState } from "react";
import type { HookScheme } from "../../protocol/hooks.ts";
import { useServices } from "../app/services.tsx";
import { texts as common } from "../texts.ts";
import { Field } from "../ui/Field.tsx";
import { useTask } from "../ui/useTask.ts";
import type { HooksApi, MadeHook } from "./api.ts";
import { ChatField } from "./ChatField.tsx";
import { programTexts } from "./texts.ts";

const texts = programTexts.hooks;
const SCHEMES = ["standard", "github", "header"] as const satisfies readonly HookScheme["type"][];

interface NewHookFormProps {
  hooks: HooksApi;
  made(hook: MadeHook): void;
  cancel(): void;
}

export function NewHookForm({ hooks, made, cancel }: NewHookFormProps) {
  const { threads } = useServices();
  const task = useTask();
  const [name, setName] = useState("");
  /** Empty: a new one. */
  const [thread, setThread] = useState("");
  const [type, setType] = useState<HookScheme["type"]>("standard");
  const [header, setHeader] = useState("X-Signature");
  const [idHeader, setIdHeader] = useState("");
  const scheme: HookScheme =
    type === "header"
      ? { type, header: header.trim(), ...(idHeader.trim() && { idHeader: idHeader.trim() }) }
      : { type };
  const submit = () =>
    task.run(async () => {
      const into = thread || (await threads.create());
      made(await hooks.create({ name: name.trim(), thread: into, scheme }));
    });
  return (
    <form
      className="new-thing"
      aria-label={texts.add}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Field label={texts.name} hint={texts.nameHint} problem={task.problem}>
        {(id, described) => (
          <input
            id={id}
            {...described}
            className="plain-field"
            required
            maxLength={60}
            autoComplete="off"
            value={name}
            onChange={(event) => {
              task.clear();
              setName(event.target.value);
            }}
          />
        )}
      </Field>
      <div className="fields">
        <ChatField label={texts.thread} value={thread} change={setThread}>
          <option value="">{texts.newThread}</option>
        </ChatField>
        <Field label={texts.scheme} hint={texts.schemeHint[type]}>
          {(id, described) => (
            <select
              id={id}
              {...described}
              className="plain-field"
              value={type}
              onChange={(event) => setType(SCHEMES.find((one) => one === event.target.value) ?? type)}
            >
              {SCHEMES.map((one) => (
                <option key={one} value={one}>
                  {texts.schemes[one]}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      {type === "header" && (
        <div className="fields">
          <Field label={texts.header}>
            {(id) => (
              <input
                id={id}
                className="plain-field font-mono"
                required
                spellCheck={false}
                value={header}
                onChange={(event) => setHeader(event.target.value)}
              />
            )}
          </Field>
          <Field label={texts.idHeader}>
            {(id) => (
              <input
                id={id}
                className="plain-field font-mono"
                spellCheck={false}
                value={idHeader}
                onChange={(event) => setIdHeader(event.target.value)}
              />
            )}
          </Field>
        </div>
      )}
      <div className="flex justify-end gap-2">
        <Button variant="ghost" onClick={cancel}>
          {common.cancel}
        </Button>
        <Button type="submit" variant="primary" loading={task.busy} disabled={name.trim() === ""}>
          {texts.create}
        </Button>
      </div>
    </form>
  );
}
