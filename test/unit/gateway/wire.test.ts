/** The real provider packages against the gateway, over real HTTP. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError,
  type LanguageModelV4,
  type LanguageModelV4CallOptions,
  type LanguageModelV4FunctionTool,
  type LanguageModelV4Prompt,
  type LanguageModelV4StreamPart,
} from "@ai-sdk/provider";
import { describe, expect, it } from "vitest";
import type { Gateway } from "../../../local/gateway/index.ts";
import { FILE_TOOLS, MemoryWorkspace, withGateway } from "./support.ts";

const tools: LanguageModelV4FunctionTool[] = FILE_TOOLS.map((name) => ({
  type: "function",
  name,
  description: `The ${name} tool.`,
  inputSchema: { type: "object", properties: { path: { type: "string" } } },
}));
const asked = (text: string): LanguageModelV4Prompt => [
  { role: "system", content: "You are Kelp." },
  { role: "user", content: [{ type: "text", text }] },
];

const models: [string, (gateway: Gateway, path?: string) => LanguageModelV4][] = [
  [
    "anthropic",
    ({ url }) =>
      createAnthropic({ apiKey: "cloudflare", baseURL: `${url}/v1/acc/default/anthropic/v1` })(
        "claude-sonnet-4-6",
      ),
  ],
  [
    "openai",
    ({ url }) =>
      createOpenAICompatible({ name: "openai", baseURL: `${url}/v1/acc/default/openai`, includeUsage: true })(
        "gpt-5.5",
      ),
  ],
  [
    "openai with v1",
    ({ url }) =>
      createOpenAICompatible({
        name: "openai",
        baseURL: `${url}/v1/acc/default/openai/v1`,
        includeUsage: true,
      })("gpt-5.5"),
  ],
  [
    "compat",
    ({ url }) =>
      createOpenAICompatible({ name: "compat", baseURL: `${url}/v1/acc/default/compat`, includeUsage: true })(
        "anthropic/claude-sonnet-4-6",
      ),
  ],
];

async function stream(
  model: LanguageModelV4,
  options: LanguageModelV4CallOptions,
): Promise<LanguageModelV4StreamPart[]> {
  const { stream } = await model.doStream(options);
  const parts: LanguageModelV4StreamPart[] = [];
  const reader = stream.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) parts.push(read.value);
  return parts;
}

const textOf = (parts: LanguageModelV4StreamPart[]): string =>
  parts.flatMap((part) => (part.type === "text-delta" ? [part.delta] : [])).join("");
const only = <T extends LanguageModelV4StreamPart["type"]>(parts: LanguageModelV4StreamPart[], type: T) =>
  parts.filter((part): part is Extract<LanguageModelV4StreamPart, { type: T }> => part.type === type);

describe.each(models)("%s", (_name, modelOf) => {
  it("speaks specification v4", async () => {
    await withGateway(async (gateway) => {
      expect(modelOf(gateway).specificationVersion).toBe("v4");
    });
  });

  it("streams text token by token with usage and the demo's name", async () => {
    await withGateway(async (gateway) => {
      const parts = await stream(modelOf(gateway), { prompt: asked("say 40 tokens") });
      expect(only(parts, "error")).toEqual([]);
      expect(only(parts, "text-delta").filter(({ delta }) => delta !== "")).toHaveLength(40);
      expect(only(parts, "response-metadata")[0]).toMatchObject({ modelId: "holdfast-demo" });
      const [finish] = only(parts, "finish");
      expect(finish?.finishReason.unified).toBe("stop");
      expect(finish?.usage.outputTokens.total).toBe(40);
      expect(finish?.usage.inputTokens.total).toBeGreaterThan(5);
    });
  });

  it("answers whole", async () => {
    await withGateway(async (gateway) => {
      const result = await modelOf(gateway).doGenerate({ prompt: asked("count to 5") });
      expect(result.content).toEqual([expect.objectContaining({ type: "text", text: "1, 2, 3, 4, 5" })]);
      expect(result.finishReason.unified).toBe("stop");
      expect(result.usage.outputTokens.total).toBe(5);
      expect(result.response?.modelId).toBe("holdfast-demo");
    });
  });

  it("streams tool inputs as partial JSON and plays a whole turn", async () => {
    await withGateway(async (gateway) => {
      const workspace = new MemoryWorkspace();
      const prompt = asked("write hello tide to notes/a.txt, then read it back");
      const called: string[] = [];
      const ids: string[] = [];
      for (let round = 0; round < 5; round++) {
        const parts = await stream(modelOf(gateway), { prompt, tools });
        const calls = only(parts, "tool-call");
        if (calls.length === 0) {
          expect(textOf(parts)).toContain("```\nhello tide\n```");
          break;
        }
        expect(only(parts, "finish")[0]?.finishReason.unified).toBe("tool-calls");
        expect(only(parts, "tool-input-delta").length).toBeGreaterThan(2);
        expect(
          only(parts, "tool-input-delta")
            .map(({ delta }) => delta)
            .join(""),
        ).toBe(calls[0]?.input);
        prompt.push({
          role: "assistant",
          content: [
            ...(textOf(parts) === "" ? [] : [{ type: "text" as const, text: textOf(parts) }]),
            ...calls.map(({ toolCallId, toolName, input }) => ({
              type: "tool-call" as const,
              toolCallId,
              toolName,
              input: JSON.parse(input),
            })),
          ],
        });
        prompt.push({
          role: "tool",
          content: calls.map(({ toolCallId, toolName, input }) => {
            called.push(`${toolName} ${input}`);
            ids.push(toolCallId);
            const value = JSON.parse(JSON.stringify(workspace.run(toolName, JSON.parse(input)).output));
            return {
              type: "tool-result" as const,
              toolCallId,
              toolName,
              output: { type: "json" as const, value },
            };
          }),
        });
      }
      expect(called).toEqual([
        'write {"path":"notes/a.txt","text":"hello tide"}',
        'read {"path":"notes/a.txt"}',
      ]);
      expect(new Set(ids).size).toBe(2);
    });
  });

  it("calls several tools side by side, streamed and whole", async () => {
    await withGateway(async (gateway) => {
      const options = { prompt: asked("read a.txt and b.txt"), tools };
      const parts = await stream(modelOf(gateway), options);
      const inputs = ['{"path":"a.txt"}', '{"path":"b.txt"}'];
      expect(only(parts, "tool-call").map(({ input }) => input)).toEqual(inputs);
      const whole = await modelOf(gateway).doGenerate(options);
      expect(whole.content.flatMap((part) => (part.type === "tool-call" ? [part.input] : []))).toEqual(
        inputs,
      );
      expect(whole.finishReason.unified).toBe("tool-calls");
    });
  });

  it("offers no call when tools are forbidden", async () => {
    await withGateway(async (gateway) => {
      const options = { prompt: asked("read a.txt"), tools, toolChoice: { type: "none" as const } };
      const parts = await stream(modelOf(gateway), options);
      expect(only(parts, "tool-call")).toEqual([]);
      expect(textOf(parts)).toContain("not offered");
    });
  });

  it("cuts the answer at the output limit and says so", async () => {
    await withGateway(async (gateway) => {
      const parts = await stream(modelOf(gateway), { prompt: asked("say 500 tokens"), maxOutputTokens: 12 });
      expect(only(parts, "text-delta").filter(({ delta }) => delta !== "")).toHaveLength(12);
      expect(only(parts, "finish")[0]?.finishReason.unified).toBe("length");
    });
  });

  it("reads failures from tool results", async () => {
    await withGateway(async (gateway) => {
      const prompt: LanguageModelV4Prompt = [
        ...asked("delete a.txt"),
        {
          role: "assistant",
          content: [{ type: "tool-call", toolCallId: "t1", toolName: "delete", input: { path: "a.txt" } }],
        },
        {
          role: "tool",
          content: [
            {
              type: "tool-result",
              toolCallId: "t1",
              toolName: "delete",
              output: { type: "error-text", value: "There is no file a.txt." },
            },
          ],
        },
      ];
      expect(textOf(await stream(modelOf(gateway), { prompt, tools }))).toContain(
        "I could not delete `a.txt`: There is no file a.txt.",
      );
    });
  });

  it("gives provider errors as the provider's package understands them", async () => {
    await withGateway(async (gateway) => {
      const error = {
        anthropic: { type: "error", error: { type: "rate_limit_error", message: "Slow down, please." } },
        openai: {
          error: {
            message: "Slow down, please.",
            type: "requests",
            param: null,
            code: "rate_limit_exceeded",
          },
        },
      };
      const model = modelOf(gateway);
      const body = model.provider.startsWith("anthropic") ? error.anthropic : error.openai;
      gateway.script.push({ steps: [{ status: 429, body, headers: { "retry-after": "7" } }] });
      const failed = await model.doStream({ prompt: asked("hi") }).then(
        () => null,
        (reason: unknown) => reason,
      );
      if (!APICallError.isInstance(failed)) throw new Error(`Not an API error: ${String(failed)}`);
      expect(failed).toMatchObject({ statusCode: 429, message: "Slow down, please.", isRetryable: true });
      expect(failed.responseHeaders?.["retry-after"]).toBe("7");
    });
  });

  it("stops when the client goes away", async () => {
    await withGateway(
      async (gateway) => {
        const leaving = new AbortController();
        const { stream } = await modelOf(gateway).doStream({
          prompt: asked("say 5000 tokens"),
          abortSignal: leaving.signal,
        });
        const reader = stream.getReader();
        for (
          let read = await reader.read();
          !read.done && read.value.type !== "text-delta";
          read = await reader.read()
        );
        leaving.abort();
        const record = await gateway.settled(({ seq }) => seq === 1);
        expect(record.outcome).toBe("aborted");
        expect(record.tokensSent).toBeLessThan(5000);
      },
      { paceMs: 1 },
    );
  });

  it("waits for a reader that does not read, and answers others meanwhile", async () => {
    await withGateway(async (gateway) => {
      const model = modelOf(gateway);
      // 20 MB: more than all the buffers between the two ends hold.
      gateway.script.push({ match: "long", steps: [{ text: "x".repeat(2_000), tokens: 10_000 }] });
      const { stream } = await model.doStream({ prompt: asked("a long one") });
      const reader = stream.getReader();
      await reader.read();
      const sent = () => gateway.requests[0]?.tokensSent ?? 0;
      for (let before = -1; sent() !== before; ) {
        before = sent();
        for (let i = 0; i < 20; i++) await model.doGenerate({ prompt: asked("count to 3") });
      }
      expect(sent()).toBeGreaterThan(0);
      expect(gateway.requests[0]?.outcome).toBe("open");
      await reader.cancel();
      expect((await gateway.settled(({ seq }) => seq === 1)).outcome).toBe("aborted");
    });
  });
});

describe("headers", () => {
  it("answers with the gateway's headers, and logs what came", async () => {
    await withGateway(async (gateway) => {
      const response = await fetch(`${gateway.url}/v1/acc/default/anthropic/v1/messages`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "cf-aig-metadata": '{"user":"u1","thread":"main"}',
          "cf-aig-authorization": "Bearer x",
          "cf-aig-skip-cache": "true",
          "cf-aig-event-id": "event-7",
        },
        body: JSON.stringify({
          model: "claude-x",
          max_tokens: 50,
          messages: [{ role: "user", content: "hello" }],
        }),
      });
      expect(response.status).toBe(200);
      expect(response.headers.get("cf-aig-log-id")).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
      expect(response.headers.get("cf-aig-event-id")).toBe("event-7");
      expect(response.headers.get("cf-aig-step")).toBe("0");
      expect(response.headers.get("cf-aig-cache-status")).toBe("MISS");
      expect(response.headers.get("request-id")).toMatch(/^req_01/);
      expect(gateway.requests).toEqual([
        expect.objectContaining({
          provider: "anthropic",
          endpoint: "v1/messages",
          metadata: { user: "u1", thread: "main" },
          model: "claude-x",
          tools: [],
          answeredBy: "holdfast-demo",
          status: 200,
        }),
      ]);
    });
  });

  it("paces by header, and by the option otherwise", async () => {
    await withGateway(
      async (gateway) => {
        const model = createAnthropic({ apiKey: "x", baseURL: `${gateway.url}/v1/a/g/anthropic/v1` })(
          "claude",
        );
        const timed = async (pace: string) => {
          const from = performance.now();
          await stream(model, { prompt: asked("say 21 tokens"), headers: { "x-demo-pace-ms": pace } });
          return performance.now() - from;
        };
        expect(await timed("10")).toBeGreaterThanOrEqual(190);
        // The option's pace would take twenty minutes.
        expect(await timed("0")).toBeLessThan(10_000);
      },
      { paceMs: 60_000 },
    );
  });
});
