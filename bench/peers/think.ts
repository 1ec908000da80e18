/** Think as its read-me sets it up, with the Anthropic provider. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { Think } from "@cloudflare/think";
import { routeAgentRequest } from "agents";
import { type BenchEnv, count, countsResponse } from "./count.ts";

interface Env extends BenchEnv {
  MyAgent: DurableObjectNamespace;
}

export class MyAgent extends Think<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    count("conversation", ctx.storage, env);
    super(ctx, env);
  }

  override getModel() {
    return createAnthropic({ apiKey: "bench", baseURL: `${this.env.UPSTREAM}/v1` })("claude-sonnet-4-6");
  }

  override getSystemPrompt(): string {
    return "You are a helpful coding assistant.";
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (new URL(request.url).pathname === "/bench/counts") return countsResponse();
    return (await routeAgentRequest(request, env)) ?? new Response("ready");
  },
};
