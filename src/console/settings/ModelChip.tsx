/** Which model answers, small, beside the message box. */
import { FlaskIcon } from "@phosphor-icons/react";
import { useSyncExternalStore } from "react";
import { usePanels } from "../app/panels.tsx";
import { useAgent, useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import type { EffectiveModel } from "./models.ts";
import { effectiveModel } from "./models.ts";

export function useEffectiveModel(): EffectiveModel {
  const { me, models } = useServices();
  const agent = useAgent();
  const known = useSyncExternalStore(models.known.subscribe, models.known.get);
  return effectiveModel(agent.model, me.defaultModel, known);
}

export function ModelChip() {
  const { openSettings } = usePanels();
  const model = useEffectiveModel();
  return (
    <button
      type="button"
      className={model.demo ? "model-chip model-chip-demo" : "model-chip"}
      title={model.demo ? texts.composer.demoHint : texts.composer.modelHint}
      onClick={() => openSettings("model")}
    >
      {model.demo && <FlaskIcon aria-hidden="true" weight="bold" />}
      <span className="truncate">{model.demo ? texts.composer.demo : model.label}</span>
    </button>
  );
}
