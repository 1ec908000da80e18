import { env } from "cloudflare:test";
import { expect, it } from "vitest";
it("runs inside workerd", async () => {
  await env.FILES.put("a", "b");
  expect(await (await env.FILES.get("a"))?.text()).toBe("b");
  expect(env.CONVERSATION.idFromName("x").name).toBe("x");
});
