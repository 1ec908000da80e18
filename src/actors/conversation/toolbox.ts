/** The tools of one conversation: bound to one user's workspace, and to nothing else. */
import type { LanguageModelV4FunctionTool } from "@ai-sdk/provider";
import type { AgentSettings } from "../../protocol/rpc.ts";
import { toolByName, toolDefinitions } from "../../tools/registry.ts";
import { runTool } from "../../tools/run.ts";
import type { Risk, ToolPorts } from "../../tools/tool.ts";
import type { ToolsPort } from "./ports.ts";

export interface ToolboxOptions {
  userId: string;
  thread: string;
  ports: ToolPorts;
  /** Workspace paths that a tool changed. */
  changed(paths: string[]): void;
}

export function toolbox(options: ToolboxOptions): ToolsPort {
  return {
    definitions: offeredTo,
    risk: riskOf,
    replay: (name) => toolByName(name)?.replay ?? "safe", // a tool that does not exist has no effect to repeat
    async run(call, signal, progress) {
      const tool = toolByName(call.name);
      if (!tool) {
        return { error: { code: "not_found", message: `There is no tool named ${call.name}.` } };
      }
      const answer = await runTool(tool, call.input, {
        call: {
          id: call.id,
          idempotencyKey: call.key,
          userId: options.userId,
          thread: options.thread,
        },
        ports: options.ports,
        signal,
        progress,
      });
      if ("changed" in answer && answer.changed && answer.changed.length > 0) options.changed(answer.changed);
      return "error" in answer ? { error: answer.error } : { output: answer.output };
    },
  };
}

const offered = new WeakMap<AgentSettings, readonly LanguageModelV4FunctionTool[]>();

/** Made once for what an owner wants: whoever hashes or weighs the list does so once too. */
function offeredTo(agent: AgentSettings): readonly LanguageModelV4FunctionTool[] {
  const known = offered.get(agent);
  if (known) return known;
  const made = toolDefinitions()
    .filter(({ name }) => riskOf(name, agent) !== "deny")
    .map(({ name, description, inputSchema }) => ({
      type: "function" as const,
      name,
      description,
      inputSchema,
    }));
  offered.set(agent, made);
  return made;
}

/** What the owner wants done before a tool runs; a tool that does not exist may "run", and says so. */
const riskOf = (name: string, agent: AgentSettings): Risk =>
  agent.toolRisks[name] ?? toolByName(name)?.risk ?? "auto";
