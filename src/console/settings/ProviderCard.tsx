/** One provider of models: whether it is connected, and a small form that connects it. */
import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { CheckCircleIcon } from "@phosphor-icons/react";
import type { ChangeEvent } from "react";
import { useState } from "react";
import { sentenceOf } from "../app/api.ts";
import { useAgent, useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { useNotify } from "../ui/toasts.tsx";
import type { LocalProvider } from "./models.ts";
import { effectiveModel } from "./models.ts";
import { useSaveSettings } from "./useSaveSettings.ts";

function statusOf({ source, keyHint, baseUrl }: LocalProvider): string {
  switch (source) {
    case "none":
      return texts.settings.notConnected;
    case "key":
      return texts.settings.connectedKey(keyHint);
    case "env":
      return texts.settings.connectedEnv(keyHint);
    case "ollama":
      return texts.settings.connectedAt(baseUrl);
  }
}

function Form({ provider, done }: { provider: LocalProvider; done(): void }) {
  const { models, me } = useServices();
  const agent = useAgent();
  const save = useSaveSettings();
  const notify = useNotify();
  const ollama = provider.provider === "ollama";
  const [value, setValue] = useState(ollama ? provider.baseUrl : "");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const connect = async () => {
    setBusy(true);
    setProblem("");
    try {
      const before = effectiveModel(agent.model, me.defaultModel, models.known.get());
      const tested = await models.connect(
        provider.provider,
        ollama ? { baseUrl: value.trim() } : { key: value.trim() },
      );
      const now = effectiveModel(agent.model, me.defaultModel, models.known.get());
      // Whoever connects a provider while the demo answers wants that provider to answer.
      if (before.demo && now.demo && tested) await save({ model: tested });
      notify.done(tested ? texts.settings.connectedTo(tested) : texts.settings.connected);
      done();
    } catch (error) {
      setProblem(sentenceOf(error));
      setBusy(false);
    }
  };
  const field = {
    value,
    autoFocus: true,
    autoComplete: "off",
    spellCheck: false,
    onChange: (event: ChangeEvent<HTMLInputElement>) => setValue(event.target.value),
    ...(problem && { error: problem }),
  };
  return (
    <form
      className="mt-3 flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        void connect();
      }}
    >
      {ollama ? (
        <Input {...field} label={texts.settings.baseUrl} description={texts.settings.baseUrlHint} />
      ) : (
        <Input
          {...field}
          type="password"
          passwordManagerIgnore
          label={texts.settings.key}
          description={texts.settings.keyHint}
        />
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={done} disabled={busy}>
          {texts.cancel}
        </Button>
        <Button type="submit" variant="primary" loading={busy} disabled={value.trim() === ""}>
          {texts.settings.connectAndTest}
        </Button>
      </div>
    </form>
  );
}

export function ProviderCard({ provider }: { provider: LocalProvider }) {
  const { models } = useServices();
  const notify = useNotify();
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const disconnect = async () => {
    setBusy(true);
    try {
      await models.disconnect(provider.provider);
    } catch (error) {
      notify.problem(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <li className="setting-card">
      <div className="flex items-center gap-3">
        <div className="min-w-0 flex-1">
          <p className="flex items-center gap-1.5 font-medium">
            {provider.name}
            {provider.connected && (
              <CheckCircleIcon
                weight="fill"
                className="size-4 text-accent"
                role="img"
                aria-label={texts.settings.connected}
              />
            )}
          </p>
          <p className="truncate text-sm text-kumo-subtle">{statusOf(provider)}</p>
        </div>
        {provider.connected && provider.source !== "env" && !open && (
          <Button size="sm" variant="ghost" loading={busy} onClick={() => void disconnect()}>
            {texts.settings.disconnect}
          </Button>
        )}
        {!open && provider.source !== "env" && (
          <Button size="sm" onClick={() => setOpen(true)}>
            {provider.connected ? texts.settings.change : texts.settings.connect}
          </Button>
        )}
      </div>
      {open && <Form provider={provider} done={() => setOpen(false)} />}
    </li>
  );
}
