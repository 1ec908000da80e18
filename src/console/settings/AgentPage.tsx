/** What the agent is called, and what it should know in every chat. */
import { Button } from "@cloudflare/kumo/components/button";
import { Input, InputArea } from "@cloudflare/kumo/components/input";
import { useState } from "react";
import { limits } from "../../limits.ts";
import { sentenceOf } from "../app/api.ts";
import { useAgent } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { useNotify } from "../ui/toasts.tsx";
import { useSaveSettings } from "./useSaveSettings.ts";
import { ZoneField } from "./ZoneField.tsx";

/** Characters left are said when there are this few. */
const NEARLY_FULL = 500;

export function AgentPage() {
  const agent = useAgent();
  const save = useSaveSettings();
  const notify = useNotify();
  const [name, setName] = useState(agent.name);
  const [instructions, setInstructions] = useState(agent.instructions);
  const [zone, setZone] = useState(agent.timeZone);
  const [saving, setSaving] = useState(false);
  const changed =
    name.trim() !== agent.name || instructions !== agent.instructions || zone !== agent.timeZone;
  const left = limits.instructionsChars - instructions.length;

  const submit = async () => {
    setSaving(true);
    try {
      await save({ name: name.trim(), instructions, timeZone: zone });
      notify.done(texts.settings.saved);
    } catch (error) {
      notify.problem(sentenceOf(error));
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
      <Input
        label={texts.settings.agentName}
        description={texts.settings.agentNameHint}
        value={name}
        maxLength={limits.agentNameChars}
        required
        onChange={(event) => setName(event.target.value)}
      />
      <InputArea
        label={texts.settings.instructions}
        description={
          left < NEARLY_FULL ? texts.settings.charactersLeft(left) : texts.settings.instructionsHint
        }
        value={instructions}
        maxLength={limits.instructionsChars}
        rows={9}
        onChange={(event) => setInstructions(event.target.value)}
      />
      <ZoneField value={zone} change={setZone} />
      <div className="flex justify-end">
        <Button type="submit" variant="primary" loading={saving} disabled={!changed || name.trim() === ""}>
          {texts.save}
        </Button>
      </div>
    </form>
  );
}
