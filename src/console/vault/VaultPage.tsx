/** The vault of an agent: which credentials it has, where they may go, when they were used; never their values. */
import { Button } from "@cloudflare/kumo/components/button";
import { PlusIcon, VaultIcon } from "@phosphor-icons/react";
import { useCallback, useMemo, useState } from "react";
import type { CredentialInfo, PutCredential } from "../../protocol/vault.ts";
import { sentenceOf } from "../app/api.ts";
import { useNow, useServices } from "../app/services.tsx";
import { ConfirmButton } from "../ui/ConfirmButton.tsx";
import { exactTime, whenText } from "../ui/format.ts";
import { LoadedView, Nothing, useLoaded } from "../ui/loaded.tsx";
import { useNotify } from "../ui/toasts.tsx";
import type { VaultApi } from "./api.ts";
import { vaultApi } from "./api.ts";
import { CredentialForm } from "./CredentialForm.tsx";
import { vaultTexts as texts } from "./texts.ts";

const RENEW_MS = 60_000;

const howOf = ({ as }: CredentialInfo): string => (as.type === "header" ? as.name : texts.kinds[as.type]);

interface RowProps {
  item: CredentialInfo;
  vault: VaultApi;
  changed(): Promise<void>;
}

function Row({ item, vault, changed }: RowProps) {
  const notify = useNotify();
  const now = useNow(RENEW_MS);
  const [editing, setEditing] = useState(false);
  const save = async (name: string, credential: PutCredential) => {
    const { value, hosts, note } = credential;
    if (value === "") await vault.change(name, { hosts, note });
    else await vault.put(name, credential);
    notify.done(texts.saved);
    setEditing(false);
    await changed();
  };
  return (
    <li className="row">
      <div className="row-words">
        <p className="truncate font-mono text-sm font-semibold">{item.name}</p>
        <p className="wrap-anywhere">{texts.detail(item.hosts)}</p>
        {item.note && <p className="text-kumo-subtle wrap-anywhere">{item.note}</p>}
        <p className="meta">
          <span>{texts.sent(howOf(item))}</span>
          <span title={exactTime(item.createdAt)}>
            {texts.by(item.createdBy, whenText(item.createdAt, now))}
          </span>
          {item.rotatedAt > item.createdAt && <span>{texts.rotated(whenText(item.rotatedAt, now))}</span>}
          <span>{item.usedAt === null ? texts.unused : texts.used(whenText(item.usedAt, now))}</span>
          <span>{texts.fingerprint(item.fingerprint)}</span>
        </p>
      </div>
      <Button size="sm" variant="ghost" aria-expanded={editing} onClick={() => setEditing(!editing)}>
        {texts.change}
      </Button>
      <ConfirmButton
        label={texts.revoke}
        of={item.name}
        question={texts.revokeQuestion}
        action={texts.revoke}
        run={async () => {
          await vault.revoke(item.name);
          await changed();
        }}
      />
      {editing && (
        <div className="row-more">
          <CredentialForm known={item} taken={[]} save={save} cancel={() => setEditing(false)} />
        </div>
      )}
    </li>
  );
}

export function VaultPage() {
  const { api, handle } = useServices();
  const notify = useNotify();
  const vault = useMemo(() => vaultApi(api, handle), [api, handle]);
  const loading = useLoaded(useCallback((signal: AbortSignal) => vault.list(signal), [vault]));
  const [adding, setAdding] = useState(false);
  const reseal = async () => {
    try {
      const { resealed, unreadable } = await vault.reseal();
      if (unreadable.length > 0) notify.problem(texts.unreadable(unreadable));
      else notify.done(texts.resealed(resealed));
      await loading.again();
    } catch (error) {
      notify.problem(sentenceOf(error));
    }
  };
  return (
    <section className="part" aria-label={texts.title}>
      <h3>{texts.title}</h3>
      <p className="text-kumo-subtle">{texts.intro}</p>
      <LoadedView loading={loading}>
        {(list) => (
          <>
            {list.some(({ stale }) => stale) && (
              <div className="callout">
                <p className="min-w-0 flex-1">{texts.stale}</p>
                <Button size="sm" onClick={() => void reseal()}>
                  {texts.reseal}
                </Button>
              </div>
            )}
            {list.length === 0 && !adding && (
              <Nothing
                icon={<VaultIcon aria-hidden="true" className="size-6" />}
                title={texts.none}
                hint={texts.noneHint}
              />
            )}
            {list.length > 0 && (
              <ul className="rows" aria-label={texts.title}>
                {list.map((item) => (
                  <Row key={item.name} item={item} vault={vault} changed={loading.again} />
                ))}
              </ul>
            )}
            {adding ? (
              <CredentialForm
                known={null}
                taken={list.map(({ name }) => name)}
                save={async (name, credential) => {
                  await vault.put(name, credential);
                  notify.done(texts.created);
                  setAdding(false);
                  await loading.again();
                }}
                cancel={() => setAdding(false)}
              />
            ) : (
              <Button className="self-start" icon={PlusIcon} onClick={() => setAdding(true)}>
                {texts.add}
              </Button>
            )}
          </>
        )}
      </LoadedView>
    </section>
  );
}
