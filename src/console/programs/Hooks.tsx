/** Hooks: made and their secret shown once, with their message, its preview and their last deliveries, revoked. */
import { Button } from "@cloudflare/kumo/components/button";
import { PlusIcon, WebhooksLogoIcon } from "@phosphor-icons/react";
import { useCallback, useMemo, useState } from "react";
import type { HookInfo } from "../../protocol/hooks.ts";
import { useNow, useServices } from "../app/services.tsx";
import { ConfirmButton } from "../ui/ConfirmButton.tsx";
import { CopyButton } from "../ui/CopyButton.tsx";
import { whenText } from "../ui/format.ts";
import { LoadedView, Nothing, useLoaded } from "../ui/loaded.tsx";
import { Once } from "../ui/Once.tsx";
import type { HooksApi, MadeHook } from "./api.ts";
import { hooksApi } from "./api.ts";
import { useTitleOf } from "./ChatField.tsx";
import { HookDetails } from "./HookDetails.tsx";
import { NewHookForm } from "./NewHookForm.tsx";
import { programTexts } from "./texts.ts";

const texts = programTexts.hooks;
const RENEW_MS = 60_000;

function Address({ address }: { address: string }) {
  return (
    <div className="address">
      <output aria-label={texts.address}>{address}</output>
      <CopyButton text={() => address} label={texts.copyAddress} />
    </div>
  );
}

interface RowProps {
  item: HookInfo;
  hooks: HooksApi;
  address: string;
  rotated(made: MadeHook): void;
  changed(): Promise<void>;
}

function Row({ item, hooks, address, rotated, changed }: RowProps) {
  const now = useNow(RENEW_MS);
  const titleOf = useTitleOf();
  const [open, setOpen] = useState(false);
  const active = item.state === "active";
  return (
    <li className="row" data-over={!active || undefined}>
      <div className="row-words">
        <p className="truncate font-medium">{item.name}</p>
        <p className="text-xs text-kumo-subtle">
          {texts.detail(texts.schemes[item.scheme.type], titleOf(item.thread))}
        </p>
        <p className="meta">
          {!active && <span className="text-kumo-danger">{texts.state[item.state]}</span>}
          <span>
            {item.deliveredAt === null ? texts.undelivered : texts.delivered(whenText(item.deliveredAt, now))}
          </span>
        </p>
        {item.refused && (
          <p className="text-xs text-kumo-danger">
            {texts.refused(whenText(item.refused.at, now), item.refused.why)}
          </p>
        )}
      </div>
      <Button size="sm" variant="ghost" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? texts.close : texts.edit}
      </Button>
      {active && (
        <ConfirmButton
          label={texts.rotate}
          of={item.name}
          question={texts.rotateQuestion}
          action={texts.rotateAction}
          run={async () => rotated(await hooks.rotate(item.id))}
        />
      )}
      <ConfirmButton
        label={texts.revoke}
        of={item.name}
        question={texts.revokeQuestion}
        action={texts.revoke}
        run={async () => {
          await hooks.revoke(item.id);
          await changed();
        }}
      />
      {open && (
        <div className="row-more">
          <Address address={address} />
          <HookDetails item={item} hooks={hooks} saved={changed} />
        </div>
      )}
    </li>
  );
}

export function Hooks() {
  const { api, handle } = useServices();
  const hooks = useMemo(() => hooksApi(api, handle), [api, handle]);
  const loading = useLoaded(useCallback((signal: AbortSignal) => hooks.list(signal), [hooks]));
  const [adding, setAdding] = useState(false);
  const [fresh, setFresh] = useState<MadeHook | null>(null);
  const [all, setAll] = useState(false);
  const addressOf = (hook: string): string =>
    `${location.origin}/keyed/${handle}/hooks/${encodeURIComponent(hook)}`;
  const made = (hook: MadeHook) => {
    setAdding(false);
    setFresh(hook);
    void loading.again();
  };
  return (
    <section className="part" aria-label={texts.title}>
      <h3>{texts.title}</h3>
      <p className="text-kumo-subtle">{texts.intro}</p>
      {fresh && (
        <Once
          title={texts.once}
          note={texts.onceNote}
          value={fresh.secret}
          label={texts.label}
          copy={texts.copy}
          done={texts.done}
          close={() => setFresh(null)}
        >
          <Address address={addressOf(fresh.hook.id)} />
        </Once>
      )}
      {adding && <NewHookForm hooks={hooks} made={made} cancel={() => setAdding(false)} />}
      <LoadedView loading={loading}>
        {(list) => {
          const over = list.filter(({ state }) => state !== "active").length;
          const shown = list.filter(({ state }) => all || state === "active");
          return (
            <>
              {list.length === 0 && !adding && (
                <Nothing
                  icon={<WebhooksLogoIcon aria-hidden="true" className="size-6" />}
                  title={texts.none}
                  hint={texts.noneHint}
                />
              )}
              {shown.length > 0 && (
                <ul className="rows" aria-label={texts.title}>
                  {shown.map((item) => (
                    <Row
                      key={item.id}
                      item={item}
                      hooks={hooks}
                      address={addressOf(item.id)}
                      rotated={made}
                      changed={loading.again}
                    />
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
      {!adding && !fresh && (
        <Button className="self-start" icon={PlusIcon} onClick={() => setAdding(true)}>
          {texts.add}
        </Button>
      )}
    </section>
  );
}
