/** API keys: made and shown once, listed with their last use, given a new secret, revoked. */
import { Button } from "@cloudflare/kumo/components/button";
import { KeyIcon, PlusIcon } from "@phosphor-icons/react";
import { useCallback, useMemo, useState } from "react";
import type { KeyInfo, MadeKey } from "../../protocol/keys.ts";
import { KEY_SCOPES, type KeyScope } from "../../protocol/rpc.ts";
import { useNow, useServices } from "../app/services.tsx";
import { CodeBlock } from "../markdown/CodeBlock.tsx";
import { texts as common } from "../texts.ts";
import { ConfirmButton } from "../ui/ConfirmButton.tsx";
import { CopyButton } from "../ui/CopyButton.tsx";
import { Field } from "../ui/Field.tsx";
import { exactTime, soonText, whenText } from "../ui/format.ts";
import { LoadedView, Nothing, useLoaded } from "../ui/loaded.tsx";
import { Once } from "../ui/Once.tsx";
import { useTask } from "../ui/useTask.ts";
import type { KeysApi } from "./api.ts";
import { keysApi } from "./api.ts";
import { ChatField, useTitleOf } from "./ChatField.tsx";
import { programTexts } from "./texts.ts";

const texts = programTexts.keys;
const RENEW_MS = 60_000;

/** A first call. The key stands in it as a variable of the shell: what is copied may end in a history. */
const exampleOf = (address: string, model: string): string =>
  [
    `curl ${address}/chat/completions \\`,
    `  -H "Authorization: Bearer $HOLDFAST_KEY" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`,
  ].join("\n");

function Form({ keys, made, cancel }: { keys: KeysApi; made(key: MadeKey): void; cancel(): void }) {
  const task = useTask();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly KeyScope[]>(KEY_SCOPES);
  const [days, setDays] = useState(90);
  const [thread, setThread] = useState("");
  const submit = () =>
    task.run(async () =>
      made(
        await keys.create({
          name: name.trim(),
          scopes: [...scopes],
          expiresInDays: days,
          ...(thread && { thread }),
        }),
      ),
    );
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
      <fieldset className="checks">
        <legend>{texts.scopes}</legend>
        {KEY_SCOPES.map((scope) => (
          <label key={scope}>
            <input
              type="checkbox"
              checked={scopes.includes(scope)}
              onChange={(event) =>
                setScopes(
                  event.target.checked ? [...scopes, scope] : scopes.filter((known) => known !== scope),
                )
              }
            />
            {texts.scope[scope]}
          </label>
        ))}
      </fieldset>
      <div className="fields">
        <Field label={texts.days}>
          {(id) => (
            <select
              id={id}
              className="plain-field"
              value={days}
              onChange={(event) => setDays(Number(event.target.value))}
            >
              {texts.dayChoices.map((choice) => (
                <option key={choice} value={choice}>
                  {texts.day(choice)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <ChatField label={texts.thread} hint={texts.threadHint} value={thread} change={setThread}>
          <option value="">{texts.anyThread}</option>
        </ChatField>
      </div>
      <div className="flex justify-end gap-2">
        <Button variant="ghost" onClick={cancel}>
          {common.cancel}
        </Button>
        <Button
          type="submit"
          variant="primary"
          loading={task.busy}
          disabled={name.trim() === "" || scopes.length === 0}
        >
          {texts.create}
        </Button>
      </div>
    </form>
  );
}

interface RowProps {
  item: KeyInfo;
  keys: KeysApi;
  rotated(key: MadeKey): void;
  changed(): Promise<void>;
}

function Row({ item, keys, rotated, changed }: RowProps) {
  const now = useNow(RENEW_MS);
  const titleOf = useTitleOf();
  const active = item.state === "active";
  return (
    <li className="row" data-over={!active || undefined}>
      <div className="row-words">
        <p className="truncate font-medium">{item.name}</p>
        <p className="text-xs text-kumo-subtle">
          {texts.detail(item.scopes.map((scope) => texts.scope[scope]).join(", "), item.createdBy)}
          {item.thread !== null && ` · ${texts.onlyIn(titleOf(item.thread))}`}
        </p>
        <p className="meta">
          {active ? (
            <span title={exactTime(item.expiresAt)}>{texts.ends(soonText(item.expiresAt, now))}</span>
          ) : (
            <span className="text-kumo-danger">{texts.state[item.state]}</span>
          )}
          <span>{item.usedAt === null ? texts.unused : texts.used(whenText(item.usedAt, now))}</span>
          {active && item.overlapUntil !== null && item.overlapUntil > now && (
            <span>{texts.overlap(soonText(item.overlapUntil, now))}</span>
          )}
        </p>
      </div>
      {active && (
        <ConfirmButton
          label={texts.rotate}
          of={item.name}
          question={texts.rotateQuestion}
          action={texts.rotateAction}
          run={async () => rotated(await keys.rotate(item.id))}
        />
      )}
      {(active || item.state === "orphaned") && (
        <ConfirmButton
          label={texts.revoke}
          of={item.name}
          question={texts.revokeQuestion}
          action={texts.revoke}
          run={async () => {
            await keys.revoke(item.id);
            await changed();
          }}
        />
      )}
    </li>
  );
}

export function Keys() {
  const { api, handle } = useServices();
  const keys = useMemo(() => keysApi(api, handle), [api, handle]);
  const loading = useLoaded(useCallback((signal: AbortSignal) => keys.list(signal), [keys]));
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState("");
  const [all, setAll] = useState(false);
  const address = `${location.origin}/keyed/${handle}/v1`;
  const made = (key: MadeKey) => {
    setAdding(false);
    setSecret(key.secret);
    void loading.again();
  };
  return (
    <section className="part" aria-label={texts.title}>
      <h3>{texts.title}</h3>
      <p className="text-kumo-subtle">{texts.intro}</p>
      <div className="address">
        <output aria-label={texts.address}>{address}</output>
        <CopyButton text={() => address} label={texts.copyAddress} />
      </div>
      {secret && (
        <Once
          title={texts.once}
          note={texts.onceNote}
          value={secret}
          label={texts.label}
          copy={texts.copy}
          done={texts.done}
          close={() => setSecret("")}
        >
          <p className="font-medium">{texts.example}</p>
          <CodeBlock code={exampleOf(address, handle)} language="sh" />
        </Once>
      )}
      {adding && <Form keys={keys} made={made} cancel={() => setAdding(false)} />}
      <LoadedView loading={loading}>
        {(list) => {
          const over = list.filter(({ state }) => state !== "active").length;
          const shown = list.filter(({ state }) => all || state === "active");
          return (
            <>
              {list.length === 0 && !adding && (
                <Nothing
                  icon={<KeyIcon aria-hidden="true" className="size-6" />}
                  title={texts.none}
                  hint={texts.noneHint}
                />
              )}
              {shown.length > 0 && (
                <ul className="rows" aria-label={texts.title}>
                  {shown.map((item) => (
                    <Row key={item.id} item={item} keys={keys} rotated={made} changed={loading.again} />
                  ))}
                </ul>
              )}
              {over > 0 && !all && (
                <button type="button" className="text-button self-start text-sm" onClick={() => setAll(true)}>
                  {texts.over(over)}
                </button>
              )}
            </>
          );
        }}
      </LoadedView>
      {!adding && !secret && (
        <Button className="self-start" icon={PlusIcon} onClick={() => setAdding(true)}>
          {texts.add}
        </Button>
      )}
    </section>
  );
}
