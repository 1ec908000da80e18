/** A tool that must not run twice, as `docs/extending.md` has one written: it posts to an address that counts. */
import { z } from "zod";
import type { Tool } from "../../../src/tools/tool.ts";

const input = z.strictObject({ to: z.string() });

export const pay: Tool<z.infer<typeof input>> = {
  name: "pay",
  description: "Pay once. Returns the receipt.",
  input,
  risk: "auto",
  replay: "unsafe",
  effects: "outside",
  timeoutMs: 10_000,
  async run({ to }, { signal }) {
    const response = await fetch(to, { method: "POST", signal });
    return { output: { receipt: await response.text() } };
  },
};
