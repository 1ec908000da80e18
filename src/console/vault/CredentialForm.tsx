/** A credential's form: for a new one, and for a new value, other hosts or another note of one that is there. */
import { Button } from "@cloudflare/kumo/components/button";
import { useState } from "react";
import {
  CREDENTIAL_NAME,
  type CredentialInfo,
  type CredentialUse,
  type PutCredential,
} from "../../protocol/vault.ts";
import { texts as common } from "../texts.ts";
import { Field } from "../ui/Field.tsx";
import { useTask } from "../ui/useTask.ts";
import { vaultTexts as texts } from "./texts.ts";

const KINDS = ["bearer", "basic", "header"] as const satisfies readonly CredentialUse["type"][];

const hostsOf = (text: string): string[] =>
  text
    .split(/[\s,]+/)
    .map((host) => host.trim())
    .filter(Boolean);

export interface CredentialFormProps {
  /** `null` for a new one. */
  known: CredentialInfo | null;
  taken: readonly string[];
  /** `value` empty: the one that is kept stays. Rejects with `ApiError`. */
  save(name: string, credential: PutCredential): Promise<void>;
  cancel(): void;
}

export function CredentialForm({ known, taken, save, cancel }: CredentialFormProps) {
  const task = useTask();
  const [name, setName] = useState(known?.name ?? "");
  const [value, setValue] = useState("");
  const [hosts, setHosts] = useState(known?.hosts.join("\n") ?? "");
  const [type, setType] = useState<CredentialUse["type"]>(known?.as.type ?? "bearer");
  const [header, setHeader] = useState(known?.as.type === "header" ? known.as.name : "X-Api-Key");
  const [note, setNote] = useState(known?.note ?? "");
  const wrong =
    name === "" || known
      ? ""
      : taken.includes(name)
        ? texts.taken
        : CREDENTIAL_NAME.test(name)
          ? ""
          : texts.nameWrong;
  const ready = name !== "" && wrong === "" && hostsOf(hosts).length > 0 && (known !== null || value !== "");
  const submit = () =>
    task.run(() =>
      save(name, {
        value,
        hosts: hostsOf(hosts),
        as: type === "header" ? { type, name: header.trim() } : { type },
        note: note.trim(),
      }),
    );
  return (
    <form
      className="new-thing"
      aria-label={known ? `${texts.change}: ${known.name}` : texts.add}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {!known && (
        <Field label={texts.name} hint={texts.nameHint} problem={wrong}>
          {(id, described) => (
            <input
              id={id}
              {...described}
              className="plain-field font-mono"
              required
              maxLength={40}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              value={name}
              onChange={(event) => setName(event.target.value.trim())}
            />
          )}
        </Field>
      )}
      <div className="fields">
        <Field label={texts.as}>
          {(id) => (
            <select
              id={id}
              className="plain-field"
              value={type}
              // How it is sent goes with the value: the two are entered together.
              disabled={known !== null && value === ""}
              onChange={(event) => setType(KINDS.find((one) => one === event.target.value) ?? type)}
            >
              {KINDS.map((one) => (
                <option key={one} value={one}>
                  {texts.kinds[one]}
                </option>
              ))}
            </select>
          )}
        </Field>
        {type === "header" && (
          <Field label={texts.header}>
            {(id) => (
              <input
                id={id}
                className="plain-field font-mono"
                required
                spellCheck={false}
                disabled={known !== null && value === ""}
                value={header}
                onChange={(event) => setHeader(event.target.value)}
              />
            )}
          </Field>
        )}
      </div>
      <Field label={texts.value} hint={known ? texts.changeHint : texts.valueHint[type]}>
        {(id, described) => (
          <input
            id={id}
            {...described}
            type="password"
            className="plain-field font-mono"
            required={known === null}
            // Not a sign-in: password managers have nothing to do here.
            autoComplete="off"
            data-1p-ignore
            data-lpignore="true"
            spellCheck={false}
            value={value}
            onChange={(event) => setValue(event.target.value)}
          />
        )}
      </Field>
      <Field label={texts.hosts} hint={texts.hostsHint} problem={task.problem}>
        {(id, described) => (
          <textarea
            id={id}
            {...described}
            rows={2}
            className="plain-field font-mono"
            required
            autoCapitalize="off"
            spellCheck={false}
            value={hosts}
            onChange={(event) => {
              task.clear();
              setHosts(event.target.value);
            }}
          />
        )}
      </Field>
      <Field label={texts.note}>
        {(id) => (
          <input
            id={id}
            className="plain-field"
            maxLength={500}
            value={note}
            onChange={(event) => setNote(event.target.value)}
          />
        )}
      </Field>
      <div className="flex justify-end gap-2">
        <Button variant="ghost" onClick={cancel}>
          {common.cancel}
        </Button>
        <Button type="submit" variant="primary" loading={task.busy} disabled={!ready}>
          {known ? texts.save : texts.create}
        </Button>
      </div>
    </form>
  );
}
