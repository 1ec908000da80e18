/** The simulation's outside: a model and tools of chance. What they did stays done, whatever dies. */
import { ModelError } from "../../src/model/errors.ts";
import type { Answer, AnswerDelta, AnswerPart } from "../../src/model/port.ts";
import type { Replay, Risk } from "../../src/tools/tool.ts";
import type { Chance } from "./random.ts";

const TOOLS: Record<string, { replay: Replay; risk: Risk }> = {
  read: { replay: "safe", risk: "auto" },
  write: { replay: "safe", risk: "auto" },
  pay: { replay: "unsafe", risk: "auto" },
  mail: { replay: "unsafe", risk: "auto" },
  wire: { replay: "unsafe", risk: "ask" },
  post: { replay: "safe", risk: "ask" },
  shell: { replay: "unsafe", risk: "deny" },
};
export const replayOf = (name: string): Replay => TOOLS[name]?.replay ?? "safe";
export const riskOf = (name: string): Risk => TOOLS[name]?.risk ?? "auto";

/** An effect of a tool on the world outside. */
export interface Effect {
  call: string;
  key: string;
  name: string;
  replay: Replay;
}

/** One life of the process, as the outside sees it. */
export interface Life {
  chance: Chance;
  /** A point where the process may die. */
  point(name: string): void;
  /** A call that the scheduler lets go on; a dead process's call never does. */
  turnOf(name: string): Promise<void>;
  alive(): boolean;
  /** Whether a turn has its outcome. */
  over(turn: string): boolean;
  wrong(what: string): void;
  effect(effect: Effect): void;
}

export async function callModel(
  life: Life,
  turn: string,
  emit: (delta: AnswerDelta) => void,
  signal: AbortSignal,
): Promise<Answer> {
  const { chance } = life;
  life.point("before call");
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")));
  });
  aborted.catch(() => {});
  const step = async (name: string) => {
    await Promise.race([life.turnOf(name), aborted]);
    if (life.alive() && life.over(turn) && !signal.aborted) {
      life.wrong(`the call of turn ${turn} goes on after its end`);
    }
  };
  await step("model begins");
  const fate = chance.next();
  if (fate < 0.08) throw new ModelError("model_failed", "The provider is down.", { retryable: true });
  if (fate < 0.1) throw new ModelError("model_failed", "The provider refuses.", { retryable: false });
  if (fate < 0.12) return await aborted; // silence, until the watchdog ends it
  const words = 1 + chance.below(4);
  let text = "";
  for (let i = 0; i < words; i++) {
    const word = `w${i} `;
    emit({ type: "text", id: "0", delta: word });
    text += word;
    if (chance.chance(0.3)) await step("a word");
    if (chance.chance(0.03)) throw new ModelError("model_failed", "cut", { retryable: true });
  }
  const parts: AnswerPart[] = [{ type: "text", text }];
  if (chance.chance(0.45)) {
    for (let i = 0; i <= chance.below(3); i++) {
      // Some providers give two calls one id.
      const id = chance.chance(0.05) ? "c0" : `c${i}`;
      parts.push({ type: "tool", id, name: chance.pick(Object.keys(TOOLS)), input: "{}" });
    }
  }
  await step("model ends");
  life.point("after call");
  return { parts, usage: { inputTokens: 1, outputTokens: words }, finish: "stop", model: "sim", run: "" };
}

export async function runTool(
  life: Life,
  call: { id: string; name: string; key: string },
): Promise<{ output: unknown } | { error: { code: string; message: string } }> {
  life.point("before tool");
  await life.turnOf("tool begins");
  if (life.chance.chance(0.1)) return { error: { code: "tool_failed", message: "it did not work" } };
  life.effect({ call: call.id, key: call.key, name: call.name, replay: replayOf(call.name) });
  life.point("tool had its effect");
  await life.turnOf("tool ends");
  life.point("after tool");
  return { output: { ok: true } };
}
