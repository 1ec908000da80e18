/** A round's tools, from their intents to their results. */
import { limits } from "../../limits.ts";
import type { Entry, ResultEntry } from "./entries.ts";
import type { Live } from "./live.ts";
import { lateOrNot } from "./outcome.ts";
import type { AskedTool } from "./plan.ts";
import type { TurnPorts } from "./ports.ts";

type ToolRunPorts = Pick<TurnPorts, "tools" | "state" | "commit" | "now" | "toolKey">;

/**
 * Runs them side by side where all are safe to run again, else one after the other. The result of an unsafe one is
 * committed at once: if it were lost, nobody could know that it ran. Returns the results that are still to be written.
 */
export async function runTools(
  ports: ToolRunPorts,
  step: { turn: string; calls: readonly AskedTool[] },
  live: Live,
  signal: AbortSignal,
): Promise<Entry[]> {
  const results: Entry[] = [];
  const side = step.calls.every((call) => ports.tools.replay(call.name) === "safe");
  const queue = [...step.calls];
  const worker = async () => {
    for (let call = queue.shift(); call && !signal.aborted; call = queue.shift()) {
      const result = await runTool(ports, step.turn, call, live, signal);
      const entry = lateOrNot(ports.state(), result);
      if (ports.tools.replay(call.name) === "unsafe") ports.commit([entry]);
      else results.push(entry);
      if (!(entry.kind === "result" && entry.late)) {
        live.of(step.turn)?.toolDone({ id: call.id, result: resultOf(result) });
      }
    }
  };
  await Promise.all(Array.from({ length: side ? limits.parallelTools : 1 }, worker));
  return results;
}

async function runTool(
  ports: ToolRunPorts,
  turn: string,
  call: AskedTool,
  live: Live,
  signal: AbortSignal,
): Promise<ResultEntry> {
  const key = keyOf(ports, call.id);
  const answer = await ports.tools.run({ ...call, key }, signal, (text) => {
    if (!signal.aborted) live.of(turn)?.progress(call.id, text);
  });
  return { kind: "result", at: ports.now(), turn, id: call.id, ...answer };
}

/** The key that the intent names: the same for every run of the call. */
function keyOf(ports: ToolRunPorts, id: string): string {
  const intent = ports
    .state()
    .active?.rounds.at(-1)
    ?.tools.find((tool) => tool.id === id);
  return intent?.key ?? ports.toolKey(id);
}

const resultOf = (entry: ResultEntry) => ({
  ...(entry.output !== undefined && { output: entry.output }),
  ...(entry.error && { error: entry.error }),
});
