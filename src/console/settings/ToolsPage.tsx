/** What the agent may do by itself: for each tool, at once, after asking, or never. */
import { Button } from "@cloudflare/kumo/components/button";
import { useEffect, useState } from "react";
import { z } from "zod";
import { sentenceOf } from "../app/api.ts";
import { useAgent, useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { Spinner } from "../ui/Spinner.tsx";
import { useNotify } from "../ui/toasts.tsx";
import { useSaveSettings } from "./useSaveSettings.ts";

const RISKS = ["auto", "ask", "deny"] as const;
type Risk = (typeof RISKS)[number];

const toolSchema = z.object({
  name: z.string(),
  description: z.string(),
  risk: z.enum(RISKS),
  effects: z.enum(["none", "workspace", "outside"]),
});
type ToolInfo = z.infer<typeof toolSchema>;
const listSchema = z.union([
  z.array(toolSchema),
  z.object({ tools: z.array(toolSchema) }).transform(({ tools }) => tools),
]);

/** The first sentence: the rest is said to the model. */
const briefly = (description: string): string => description.match(/^.*?[.!?](?=\s|$)/s)?.[0] ?? description;

function ToolRow({
  tool,
  chosen,
  choose,
}: {
  tool: ToolInfo;
  chosen: Risk | undefined;
  choose(risk: Risk): void;
}) {
  return (
    <fieldset className="tool-row">
      <legend>{tool.name}</legend>
      <p className="text-kumo-subtle">
        {briefly(tool.description)} {texts.toolSettings.effects[tool.effects]}
      </p>
      <div className="segments">
        {RISKS.map((risk) => (
          <label key={risk} data-risk={risk}>
            <input
              type="radio"
              className="sr-only"
              name={`risk-${tool.name}`}
              aria-label={`${tool.name}: ${texts.toolSettings.risks[risk]}`}
              checked={(chosen ?? tool.risk) === risk}
              onChange={() => choose(risk)}
            />
            {texts.toolSettings.risks[risk]}
          </label>
        ))}
      </div>
      {chosen !== undefined && chosen !== tool.risk && (
        <p className="text-xs text-kumo-subtle">
          {texts.toolSettings.standard(texts.toolSettings.risks[tool.risk])}
        </p>
      )}
    </fieldset>
  );
}

export function ToolsPage() {
  const { api } = useServices();
  const { toolRisks } = useAgent();
  const save = useSaveSettings();
  const notify = useNotify();
  const [tools, setTools] = useState<ToolInfo[] | null>(null);
  const [problem, setProblem] = useState("");
  const [tries, setTries] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each try asks again
  useEffect(() => {
    setProblem("");
    const control = new AbortController();
    api.get("/api/tools", listSchema, control.signal).then(setTools, (error: unknown) => {
      if (!control.signal.aborted) setProblem(sentenceOf(error));
    });
    return () => control.abort();
  }, [api, tries]);
  const choose = (tool: ToolInfo, risk: Risk) => {
    const { [tool.name]: _, ...rest } = toolRisks;
    // What is the standard anyway is not kept, so that a new standard counts.
    const next = risk === tool.risk ? rest : { ...rest, [tool.name]: risk };
    save({ toolRisks: next }).catch((error: unknown) => notify.problem(sentenceOf(error)));
  };
  return (
    <div className="flex flex-col gap-4">
      <p>{texts.toolSettings.intro}</p>
      {problem && (
        <div role="alert" className="flex flex-wrap items-center gap-3">
          <p className="min-w-0 flex-1">
            {texts.toolSettings.failed} {problem}
          </p>
          <Button size="sm" onClick={() => setTries(tries + 1)}>
            {texts.retry}
          </Button>
        </div>
      )}
      {!problem && tools === null && <Spinner label={texts.loading} />}
      {tools?.map((tool) => (
        <ToolRow
          key={tool.name}
          tool={tool}
          chosen={toolRisks[tool.name]}
          choose={(risk) => choose(tool, risk)}
        />
      ))}
    </div>
  );
}
