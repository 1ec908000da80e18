/** Models, as programs see them: there is one, the agent. Which model answers is in the agent's settings. */
import { z } from "zod";
import type { KeyedCall, KeyedRoute } from "./call.ts";
import { ParamError } from "./errors.ts";

const sinceRow = z.object({ since: z.number() });

/** `created`: since when the agent has its handle. */
async function modelOf({ c, agent }: KeyedCall) {
  const row = await c.env.CATALOG.prepare("SELECT since FROM handles WHERE handle = ?")
    .bind(agent.handle)
    .first();
  const since = sinceRow.safeParse(row).data?.since ?? 0;
  return { id: agent.handle, object: "model", created: Math.floor(since / 1000), owned_by: "holdfast" };
}

/** Throws `ParamError` unless the agent itself is named. */
export function requireModel({ agent }: KeyedCall, model: string | undefined): string {
  if (model === undefined) throw new ParamError("model", "You must provide a model parameter.");
  if (model === agent.handle) return model;
  throw new ParamError(
    "model",
    `The model '${model}' does not exist here. There is one, the agent: '${agent.handle}'. Its settings say which model answers.`,
    { code: "not_found", openaiCode: "model_not_found" },
  );
}

export const MODEL_ROUTES: readonly KeyedRoute[] = [
  {
    method: "GET",
    path: "/models",
    action: "read",
    run: async (call) => call.c.json({ object: "list", data: [await modelOf(call)] }),
  },
  {
    method: "GET",
    path: "/models/:model",
    action: "read",
    async run(call) {
      requireModel(call, call.c.req.param("model"));
      return call.c.json(await modelOf(call));
    },
  },
];
