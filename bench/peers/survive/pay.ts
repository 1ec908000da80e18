/** A tool that must not run twice, as users of the AI SDK write one: it posts to an address that counts. */
import { tool } from "ai";
import { z } from "zod";

export const pay = tool({
  description: "Pay once. Returns the receipt.",
  inputSchema: z.object({ to: z.string() }),
  execute: async ({ to }) => {
    const response = await fetch(to, { method: "POST" });
    return { receipt: await response.text() };
  },
});
