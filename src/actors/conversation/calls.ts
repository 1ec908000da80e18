/** One model call, from the request to the entry that says how it ended. */
import { limits } from "../../limits.ts";
import type { ModelRequest } from "../../model/port.ts";
import type { Entry } from "./entries.ts";
import { answerEntries, type CallId, faultEntry, toolIdsOf, withOwnIds } from "./outcome.ts";
import type { TurnPorts } from "./ports.ts";
import type { LiveStream } from "./stream.ts";

type CallPorts = Pick<TurnPorts, "model" | "now" | "random" | "after" | "state" | "price">;

/** `onTool` is told once, when the model begins to ask for a tool. Never rejects. Empty when the call was broken off on purpose. */
export async function callModel(
  ports: CallPorts,
  request: ModelRequest,
  where: CallId,
  live: LiveStream,
  abort: AbortController,
  onTool: () => void,
): Promise<Entry[]> {
  const toolIds = toolIdsOf(where);
  const silence = watchSilence(ports, abort);
  let run = "";
  let asked = false;
  const askedFor = () => {
    if (!asked) onTool();
    asked = true;
  };
  try {
    const said = await ports.model.call(
      request,
      (delta) => {
        silence.heard();
        if (delta.type === "began") run = delta.run;
        if (abort.signal.aborted) return;
        if (delta.type === "tool-input") askedFor();
        live.delta(delta.type === "tool-input" ? { ...delta, id: toolIds(delta.id) } : delta);
      },
      abort.signal,
    );
    if (abort.signal.aborted) return [];
    const answer = withOwnIds(said, toolIds);
    if (answer.parts.some((part) => part.type === "tool")) askedFor();
    live.answered(answer);
    const priceMicros = ports.price(request.model, answer.usage, answer.model);
    return answerEntries(answer, where, run || answer.run, ports.now(), priceMicros);
  } catch (error) {
    if (abort.signal.aborted && !silence.stalled()) return [];
    return [
      faultEntry(error, where, {
        faults: ports.state().active?.faults ?? 0,
        random: ports.random(),
        stalled: silence.stalled(),
        at: ports.now(),
      }),
    ];
  } finally {
    silence.stop();
  }
}

/** A stream without a byte for too long counts as cut. */
export function watchSilence(ports: Pick<TurnPorts, "now" | "after">, abort: AbortController) {
  let stalled = false;
  const ring = () => {
    stalled = true;
    abort.abort();
  };
  let cancel = ports.after(limits.modelSilenceMs, ring);
  let heardAt = ports.now();
  return {
    heard: () => {
      // Re-arming a timer for every delta would cost more than the delta: once a second is enough.
      const now = ports.now();
      if (now - heardAt < 1000) return;
      heardAt = now;
      cancel();
      cancel = ports.after(limits.modelSilenceMs, ring);
    },
    stalled: () => stalled,
    stop: () => cancel(),
  };
}
