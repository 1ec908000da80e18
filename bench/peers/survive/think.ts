/** Think as its read-me sets it up, with the Anthropic provider and one tool of the server's. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { Think } from "@cloudflare/think";
import { routeAgentRequest } from "agents";
import { pay } from "./pay.ts";

interface Env {
  UPSTREAM: string;
  MyAgent: DurableObjectNamespace;
}

export class MyAgent extends Think<Env> {
  override getModel() {
    return createAnthropic({ apiKey: "campaign", baseURL: `${this.env.UPSTREAM}/v1` })("claude-sonnet-4-6");
  }

  override getSystemPrompt(): string {
    return "You are a helpful coding assistant.";
  }

  override getTools() {
    return { pay };
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    return (await routeAgentRequest(request, env)) ?? new Response("ready");
  },
};
