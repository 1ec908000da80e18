/** The models that can be chosen: a radio group, each with a test. */
import { Button } from "@cloudflare/kumo/components/button";
import { useState } from "react";
import { sentenceOf } from "../app/api.ts";
import { useAgent, useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { useNotify } from "../ui/toasts.tsx";
import type { LocalModel } from "./models.ts";
import { useSaveSettings } from "./useSaveSettings.ts";

type Test = { kind: "running" } | { kind: "passed" } | { kind: "failed"; reason: string };

interface ChoiceProps {
  id: string;
  label: string;
  detail: string;
  chosen: boolean;
  /** `null` when there is nothing to test. */
  testId: string | null;
  choose(id: string): void;
}

function Choice({ id, label, detail, chosen, testId, choose }: ChoiceProps) {
  const { models } = useServices();
  const [test, setTest] = useState<Test | null>(null);
  const run = (model: string) => {
    setTest({ kind: "running" });
    models.test(model).then(
      () => setTest({ kind: "passed" }),
      (error: unknown) => setTest({ kind: "failed", reason: sentenceOf(error) }),
    );
  };
  return (
    <li className="model-row">
      <label className="flex min-w-0 flex-1 items-center gap-3">
        <input type="radio" name="model" checked={chosen} onChange={() => choose(id)} />
        <span className="min-w-0">
          <span className="block truncate font-medium">{label}</span>
          <span className="block text-xs wrap-anywhere text-kumo-subtle">{detail}</span>
          {test?.kind === "failed" && (
            <span className="block text-xs text-kumo-danger" role="alert">
              {test.reason}
            </span>
          )}
        </span>
      </label>
      {test?.kind === "passed" ? (
        <span className="px-2 text-xs font-medium text-accent" role="status">
          {texts.settings.testPassed}
        </span>
      ) : (
        testId && (
          <Button size="sm" variant="ghost" loading={test?.kind === "running"} onClick={() => run(testId)}>
            {texts.settings.test}
          </Button>
        )
      )}
    </li>
  );
}

export function ModelList({ models }: { models: readonly LocalModel[] }) {
  const { me } = useServices();
  const agent = useAgent();
  const save = useSaveSettings();
  const notify = useNotify();
  const [all, setAll] = useState(false);
  const choose = (id: string) => {
    save({ model: id }).catch((error: unknown) => notify.problem(sentenceOf(error)));
  };
  // What cannot answer is behind a button, except the one that is chosen.
  const shown = models.filter((model) => all || model.connected || model.id === agent.model);
  const detailOf = (model: LocalModel): string =>
    model.connected
      ? `${model.id} · ${texts.settings.sources[model.source]}`
      : texts.settings.demoInstead(model.id);
  const fallback = models.find((model) => model.id === me.defaultModel);
  return (
    <section aria-label={texts.settings.model}>
      <h3 className="font-medium">{texts.settings.model}</h3>
      <p className="mb-2.5 text-sm text-kumo-subtle">{texts.settings.modelIntro}</p>
      <ul className="setting-card divide-y divide-kumo-hairline py-0">
        <Choice
          id=""
          label={texts.settings.useDefault}
          detail={fallback ? detailOf(fallback) : texts.settings.demoInstead(me.defaultModel)}
          chosen={agent.model === ""}
          testId={null}
          choose={choose}
        />
        {shown.map((model) => (
          <Choice
            key={model.id}
            id={model.id}
            label={model.label}
            detail={detailOf(model)}
            chosen={model.id === agent.model}
            testId={model.connected && model.source !== "demo" ? model.id : null}
            choose={choose}
          />
        ))}
      </ul>
      {shown.length < models.length && (
        <button type="button" className="text-button mt-3 text-sm" onClick={() => setAll(true)}>
          {texts.settings.showAll(models.length - shown.length)}
        </button>
      )}
    </section>
  );
}
