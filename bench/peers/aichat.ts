/** AIChatAgent as its read-me sets it up, with the Anthropic provider. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { AIChatAgent } from "@cloudflare/ai-chat";
import { routeAgentRequest } from "agents";
import { convertToModelMessages, streamText } from "ai";
import { type BenchEnv, count, countsResponse } from "./count.ts";

interface Env extends BenchEnv {
  Chat: DurableObjectNamespace;
}

export class Chat extends AIChatAgent<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    count("conversation", ctx.storage, env);
    super(ctx, env);
  }

  override async onChatMessage(): Promise<Response> {
    const anthropic = createAnthropic({ apiKey: "bench", baseURL: `${this.env.UPSTREAM}/v1` });
    const result = streamText({
      model: anthropic("claude-sonnet-4-6"),
      messages: await convertToModelMessages(this.messages),
    });
    return result.toUIMessageStreamResponse();
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (new URL(request.url).pathname === "/bench/counts") return countsResponse();
    return (await routeAgentRequest(request, env)) ?? new Response("ready");
  },
};
