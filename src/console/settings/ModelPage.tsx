/** Which model answers. On one machine: connect a provider, test, choose. In the cloud: AI Gateway has the keys. */
import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { FlaskIcon, KeyIcon } from "@phosphor-icons/react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { sentenceOf } from "../app/api.ts";
import { useAgent, useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { Spinner } from "../ui/Spinner.tsx";
import { useNotify } from "../ui/toasts.tsx";
import { useEffectiveModel } from "./ModelChip.tsx";
import { ModelList } from "./ModelList.tsx";
import { ProviderCard } from "./ProviderCard.tsx";
import { useSaveSettings } from "./useSaveSettings.ts";

function LocalPage() {
  const { models } = useServices();
  const known = useSyncExternalStore(models.known.subscribe, models.known.get);
  const effective = useEffectiveModel();
  const [problem, setProblem] = useState("");
  const load = () => {
    setProblem("");
    models.load().catch((error: unknown) => setProblem(sentenceOf(error)));
  };
  useEffect(load, [models]);
  if (!known) {
    if (!problem) return <Spinner label={texts.loading} />;
    return (
      <div className="flex flex-col items-start gap-3" role="alert">
        <p>{problem}</p>
        <Button onClick={load}>{texts.retry}</Button>
      </div>
    );
  }
  return (
    <div className="flex flex-col gap-6">
      {effective.demo && (
        <div className="callout">
          <FlaskIcon aria-hidden="true" weight="duotone" className="mt-0.5 size-5 shrink-0" />
          <div>
            <p className="font-medium">{texts.settings.demoTitle}</p>
            <p className="text-sm">{texts.settings.demoNotice}</p>
          </div>
        </div>
      )}
      <section aria-label={texts.settings.providers}>
        <h3 className="mb-2.5 font-medium">{texts.settings.providers}</h3>
        <ul className="flex flex-col gap-2.5">
          {known.providers.map((provider) => (
            <ProviderCard key={provider.provider} provider={provider} />
          ))}
        </ul>
      </section>
      <ModelList models={known.models} />
    </div>
  );
}

function CloudPage() {
  const { me } = useServices();
  const agent = useAgent();
  const save = useSaveSettings();
  const notify = useNotify();
  const [model, setModel] = useState(agent.model);
  const [problem, setProblem] = useState("");
  const [saving, setSaving] = useState(false);
  const submit = async () => {
    setProblem("");
    setSaving(true);
    try {
      await save({ model: model.trim() });
      notify.done(texts.settings.saved);
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      setSaving(false);
    }
  };
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div className="callout callout-quiet">
        <KeyIcon aria-hidden="true" weight="duotone" className="mt-0.5 size-5 shrink-0" />
        <div>
          <p className="font-medium">{texts.settings.cloudTitle}</p>
          <p className="text-sm">{texts.settings.cloudText}</p>
        </div>
      </div>
      <Input
        label={texts.settings.modelId}
        description={texts.settings.modelIdHint(me.defaultModel)}
        placeholder={me.defaultModel}
        value={model}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setModel(event.target.value)}
        {...(problem && { error: problem })}
      />
      <div className="flex justify-end">
        <Button type="submit" variant="primary" loading={saving} disabled={model.trim() === agent.model}>
          {texts.save}
        </Button>
      </div>
    </form>
  );
}

export function ModelPage() {
  const { me } = useServices();
  return me.deployment === "local" ? <LocalPage /> : <CloudPage />;
}
