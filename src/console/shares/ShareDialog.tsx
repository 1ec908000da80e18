/** Sharing a chat: a link to read it, made here and shown once; and the links that are open. */
import "../styles/rooms.css";
import { Button } from "@cloudflare/kumo/components/button";
import { Dialog } from "@cloudflare/kumo/components/dialog";
import { useCallback, useState, useSyncExternalStore } from "react";
import { SHARE_DAYS } from "../../protocol/shares.ts";
import { useNow, useServices } from "../app/services.tsx";
import type { ThreadItem } from "../app/threads.ts";
import { texts as common } from "../texts.ts";
import { ConfirmButton } from "../ui/ConfirmButton.tsx";
import { DialogExit, DialogHead } from "../ui/DialogHead.tsx";
import { Field } from "../ui/Field.tsx";
import { exactTime, soonText } from "../ui/format.ts";
import { LoadedView, useLoaded } from "../ui/loaded.tsx";
import { Once } from "../ui/Once.tsx";
import { useTask } from "../ui/useTask.ts";
import { isOpen } from "./store.ts";
import { shareTexts as texts } from "./texts.ts";

const RENEW_MS = 60_000;

function Form({ thread, made }: { thread: string; made(url: string): void }) {
  const { shares } = useServices();
  const task = useTask();
  const [live, setLive] = useState(false);
  const [days, setDays] = useState<number>(SHARE_DAYS);
  const [names, setNames] = useState(false);
  const [details, setDetails] = useState(false);
  const shown = (yes: boolean) => (yes ? ("show" as const) : ("hide" as const));
  return (
    <form
      className="new-thing"
      aria-label={texts.create}
      onSubmit={(event) => {
        event.preventDefault();
        void task.run(async () => {
          const share = { live, expiresInDays: days, names: shown(names), details: shown(details) };
          made(await shares.create(thread, share));
        });
      }}
    >
      <div className="fields">
        <Field label={texts.what}>
          {(id) => (
            <select
              id={id}
              className="plain-field"
              value={String(live)}
              onChange={(event) => setLive(event.target.value === "true")}
            >
              <option value="false">{texts.fixed}</option>
              <option value="true">{texts.live}</option>
            </select>
          )}
        </Field>
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
      </div>
      <div className="checks">
        <label>
          <input type="checkbox" checked={names} onChange={(event) => setNames(event.target.checked)} />
          {texts.names}
        </label>
        <label>
          <input type="checkbox" checked={details} onChange={(event) => setDetails(event.target.checked)} />
          {texts.details}
        </label>
      </div>
      {task.problem && (
        <p role="alert" className="text-kumo-danger">
          {task.problem}
        </p>
      )}
      <div className="flex justify-end">
        <Button type="submit" variant="primary" loading={task.busy}>
          {texts.create}
        </Button>
      </div>
    </form>
  );
}

export function ShareDialog({ item, close }: { item: ThreadItem; close(): void }) {
  const { shares } = useServices();
  const now = useNow(RENEW_MS);
  const [url, setUrl] = useState("");
  // Somebody else may have made or revoked one.
  const loading = useLoaded(useCallback(() => shares.load(), [shares]));
  const all = useSyncExternalStore(shares.list.subscribe, shares.list.get);
  const open = (all ?? []).filter((share) => share.thread === item.id && isOpen(share, now));
  return (
    <Dialog.Root open onOpenChange={(next) => !next && close()}>
      <Dialog size="lg" className="dialog">
        <DialogHead title={texts.title(item.title || common.sidebar.untitled)} />
        <div className="dialog-body flex flex-col gap-4 px-5 pb-5">
          <p className="text-kumo-subtle">{texts.intro}</p>
          {url ? (
            <Once
              title={texts.once}
              note={texts.onceNote}
              value={url}
              label={texts.label}
              copy={texts.copy}
              done={texts.done}
              close={() => setUrl("")}
            />
          ) : (
            <Form thread={item.id} made={setUrl} />
          )}
          <LoadedView loading={loading}>
            {() =>
              open.length === 0 ? (
                <p className="field-hint">{texts.none}</p>
              ) : (
                <ul className="rows" aria-label={texts.links}>
                  {open.map((share) => (
                    <li key={share.id} className="row">
                      <div className="row-words">
                        <p className="font-medium">{texts.row(share.live)}</p>
                        <p className="meta">
                          <span>{texts.shown(share.names, share.details)}</span>
                          <span title={exactTime(share.expiresAt)}>
                            {texts.ends(soonText(share.expiresAt, now))}
                          </span>
                          <span>{texts.by(share.createdBy)}</span>
                        </p>
                      </div>
                      <ConfirmButton
                        label={texts.revoke}
                        of={`${texts.row(share.live)}, ${texts.ends(soonText(share.expiresAt, now))}`}
                        question={texts.revokeQuestion}
                        action={texts.revoke}
                        run={() => shares.revoke(share.id)}
                      />
                    </li>
                  ))}
                </ul>
              )
            }
          </LoadedView>
        </div>
        <DialogExit />
      </Dialog>
    </Dialog.Root>
  );
}
