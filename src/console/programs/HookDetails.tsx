/** A hook's message: its template, tried on a payload while it is written; and what came lately. */
import { Button } from "@cloudflare/kumo/components/button";
import { useCallback, useEffect, useState } from "react";
import type { HookInfo } from "../../protocol/hooks.ts";
import { sentenceOf } from "../app/api.ts";
import { useNow, usePlatform } from "../app/services.tsx";
import { Field } from "../ui/Field.tsx";
import { exactTime, sizeText, whenText } from "../ui/format.ts";
import { LoadedView, useLoaded } from "../ui/loaded.tsx";
import { useNotify } from "../ui/toasts.tsx";
import { useTask } from "../ui/useTask.ts";
import type { HooksApi } from "./api.ts";
import { programTexts } from "./texts.ts";

const texts = programTexts.hooks;
/** Typing pauses this long before the server is asked. */
const PAUSE_MS = 300;
const RENEW_MS = 60_000;

type Rendered = { kind: "none" } | { kind: "text"; text: string } | { kind: "problem"; reason: string };

/** The message that the template makes of the payload, by the server: the same code that renders deliveries. */
function usePreview(hooks: HooksApi, hook: string, template: string, payload: string): Rendered {
  const platform = usePlatform();
  const [rendered, setRendered] = useState<Rendered>({ kind: "none" });
  useEffect(() => {
    if (payload.trim() === "") return setRendered({ kind: "none" });
    let value: unknown;
    try {
      value = JSON.parse(payload);
    } catch {
      return setRendered({ kind: "problem", reason: texts.payloadBroken });
    }
    let here = true;
    const cancel = platform.after(PAUSE_MS, () => {
      hooks.preview(hook, value, template).then(
        (text) => here && setRendered({ kind: "text", text }),
        (error: unknown) => here && setRendered({ kind: "problem", reason: sentenceOf(error) }),
      );
    });
    return () => {
      here = false;
      cancel();
    };
  }, [platform, hooks, hook, template, payload]);
  return rendered;
}

function Deliveries({ hooks, hook }: { hooks: HooksApi; hook: string }) {
  const now = useNow(RENEW_MS);
  const loading = useLoaded(
    useCallback((signal: AbortSignal) => hooks.deliveries(hook, signal), [hooks, hook]),
  );
  return (
    <section aria-label={texts.deliveries}>
      <h4>{texts.deliveries}</h4>
      <LoadedView loading={loading}>
        {(list) =>
          list.length === 0 ? (
            <p className="field-hint">{texts.noDeliveries}</p>
          ) : (
            <ul className="lines">
              {list.map((delivery) => (
                <li key={delivery.event}>
                  <span className="truncate font-mono text-xs" title={delivery.event}>
                    {delivery.event}
                  </span>
                  <span className="text-kumo-subtle" title={exactTime(delivery.at)}>
                    {whenText(delivery.at, now)}
                  </span>
                  <span className="text-kumo-subtle">
                    {texts.delivery(sizeText(delivery.bytes), delivery.repeats)}
                  </span>
                  <span className={delivery.error ? "text-kumo-danger" : ""}>
                    {delivery.error ?? (delivery.turn === null ? texts.pending : texts.taken)}
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </LoadedView>
    </section>
  );
}

interface HookDetailsProps {
  item: HookInfo;
  hooks: HooksApi;
  saved(): Promise<void>;
}

export function HookDetails({ item, hooks, saved }: HookDetailsProps) {
  const notify = useNotify();
  const task = useTask();
  const [template, setTemplate] = useState(item.template);
  const [payload, setPayload] = useState("");
  const rendered = usePreview(hooks, item.id, template, payload);
  const active = item.state === "active";
  const save = () =>
    task.run(async () => {
      await hooks.change(item.id, { template });
      notify.done(texts.saved);
      await saved();
    });
  return (
    <div className="flex flex-col gap-4">
      {active && (
        <form
          className="flex flex-col gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          <Field label={texts.template} hint={texts.templateHint} problem={task.problem}>
            {(id, described) => (
              <textarea
                id={id}
                {...described}
                rows={4}
                maxLength={8_000}
                spellCheck={false}
                className="plain-field font-mono"
                value={template}
                onChange={(event) => {
                  task.clear();
                  setTemplate(event.target.value);
                }}
              />
            )}
          </Field>
          <Field label={texts.payload} hint={texts.payloadHint}>
            {(id, described) => (
              <textarea
                id={id}
                {...described}
                rows={4}
                spellCheck={false}
                className="plain-field font-mono"
                value={payload}
                onChange={(event) => setPayload(event.target.value)}
              />
            )}
          </Field>
          <div className="preview" role="status" aria-label={texts.preview}>
            <h4>{texts.preview}</h4>
            {rendered.kind === "text" ? (
              <p className="preview-text">{rendered.text}</p>
            ) : (
              <p className={rendered.kind === "problem" ? "text-kumo-danger" : "text-kumo-subtle"}>
                {rendered.kind === "problem" ? rendered.reason : texts.previewEmpty}
              </p>
            )}
          </div>
          <div className="flex justify-end">
            <Button type="submit" variant="primary" loading={task.busy} disabled={template === item.template}>
              {texts.save}
            </Button>
          </div>
        </form>
      )}
      <Deliveries hooks={hooks} hook={item.id} />
    </div>
  );
}
