/** `createAI` of the Agents SDK, with a binding of two methods that sends its requests to the local gateway. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModelV4, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { createAI } from "agents/models/ai-sdk";
import { describe, expect, it } from "vitest";
import { withGateway } from "./support.ts";

/** What the Worker's binding does on one machine. */
function bindingTo(url: string): Ai {
  const base = `${url}/v1/local`;
  const binding = {
    fetch(input: string, init?: RequestInit) {
      const { pathname, search } = new URL(input);
      return fetch(`${base}/${pathname.replace(/^\/ai-gateway\/gateways\//, "")}${search}`, init);
    },
    run(
      model: string,
      body: Record<string, unknown>,
      options: { gateway?: { id?: string; metadata?: unknown }; signal?: AbortSignal },
    ) {
      return fetch(`${base}/${options.gateway?.id ?? "default"}/compat/chat/completions`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "cf-aig-metadata": JSON.stringify(options.gateway?.metadata ?? null),
        },
        body: JSON.stringify({ ...body, model }),
        signal: options.signal ?? null,
      });
    },
  };
  return binding as unknown as Ai; // the two methods are all that createAI calls
}

async function textOf(model: LanguageModelV4, text: string) {
  const { stream, response } = await model.doStream({
    prompt: [{ role: "user", content: [{ type: "text", text }] }],
  });
  const parts: LanguageModelV4StreamPart[] = [];
  const reader = stream.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) parts.push(read.value);
  const said = parts.flatMap((part) => (part.type === "text-delta" ? [part.delta] : [])).join("");
  return { said, parts, headers: response?.headers ?? {} };
}

describe("createAI", () => {
  it("reaches Anthropic's own path with metadata, and gets the gateway's ids back", async () => {
    await withGateway(async (gateway) => {
      const ai = createAI({ binding: bindingTo(gateway.url), id: "prod" });
      const model = ai(createAnthropic({ apiKey: "cloudflare" })("claude-sonnet-4-6"), {
        metadata: { user: "u1", turn: "t1" },
      });
      const { said, parts, headers } = await textOf(model, "count to 4");
      expect(said).toBe("1, 2, 3, 4");
      expect(headers["cf-aig-log-id"]).toMatch(/^[0-9A-Z]{26}$/);
      const finish = parts.find((part) => part.type === "finish");
      expect(finish?.providerMetadata?.cloudflare).toMatchObject({
        provider: "anthropic",
        gateway: "prod",
        cacheStatus: "MISS",
        step: 0,
        logId: headers["cf-aig-log-id"],
      });
      expect(gateway.requests[0]).toMatchObject({
        provider: "anthropic",
        metadata: { user: "u1", turn: "t1" },
      });
    });
  });

  it("reaches OpenAI's path, which is Ollama's too", async () => {
    await withGateway(async (gateway) => {
      const ai = createAI({ binding: bindingTo(gateway.url) });
      const openai = createOpenAICompatible({ name: "openai", baseURL: "https://api.openai.com/v1" });
      expect((await textOf(ai(openai("gpt-5.5")), "count to 4")).said).toBe("1, 2, 3, 4");
      expect(gateway.requests[0]).toMatchObject({
        provider: "openai",
        endpoint: "v1/chat/completions",
        model: "gpt-5.5",
      });
    });
  });

  it("runs a catalog string through the compat path", async () => {
    await withGateway(async (gateway) => {
      const ai = createAI({ binding: bindingTo(gateway.url) });
      expect((await textOf(ai("anthropic/claude-sonnet-4.6"), "count to 4")).said).toBe("1, 2, 3, 4");
      expect(gateway.requests[0]).toMatchObject({ provider: "compat", model: "anthropic/claude-sonnet-4.6" });
    });
  });

  it("lifts the gateway's own errors, and leaves the provider's to its package", async () => {
    await withGateway(async (gateway) => {
      const ai = createAI({ binding: bindingTo(gateway.url) });
      const groq = createOpenAICompatible({ name: "groq", baseURL: "https://api.groq.com/openai/v1" });
      await expect(textOf(ai(groq("llama")), "hi")).rejects.toMatchObject({
        name: "CloudflareAIError",
        message: "Invalid provider",
        statusCode: 400,
      });
      gateway.script.push({
        steps: [
          {
            status: 529,
            body: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
          },
        ],
      });
      await expect(textOf(ai(createAnthropic({ apiKey: "x" })("claude")), "hi")).rejects.toMatchObject({
        message: "Overloaded",
        statusCode: 529,
        isRetryable: true,
      });
    });
  });
});
