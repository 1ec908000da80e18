/**
 * The Worker of the `sigkill` campaign: the product's, with one tool that must not run twice, which the product does not
 * have so far, and with three limits shortened. Everything that keeps, asks, decides and wakes is the product's.
 */
import { env } from "cloudflare:workers";
import { z } from "zod";
import { limits } from "../../../../src/limits.ts";
import { toolByName } from "../../../../src/tools/registry.ts";
import { EFFECTS_PATH, EFFECTS_VAR, GATED_TOOL, SHORT } from "./shape.ts";

const vars = z.looseObject({ [EFFECTS_VAR]: z.string() });
const input = z.strictObject({ path: z.string() });

const tool = toolByName(GATED_TOOL);
if (!tool) throw new Error(`There is no tool named ${GATED_TOOL}.`);
Object.assign(tool, {
  replay: "unsafe",
  effects: "outside",
  async run(asked: unknown) {
    const { path } = input.parse(asked);
    const origin = vars.parse(env)[EFFECTS_VAR];
    const response = await fetch(`${origin}${EFFECTS_PATH}${path}`, { method: "POST" });
    return { output: { path, status: response.status } };
  },
});
Object.assign(limits, SHORT);

export * from "../../../../src/worker.ts";
export { default } from "../../../../src/worker.ts";
