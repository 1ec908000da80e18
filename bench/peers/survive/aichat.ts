/** AIChatAgent as its read-me sets it up, with the Anthropic provider and one tool of the server's. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { AIChatAgent } from "@cloudflare/ai-chat";
import { routeAgentRequest } from "agents";
import { convertToModelMessages, isStepCount, streamText } from "ai";
import { pay } from "./pay.ts";

interface Env {
  UPSTREAM: string;
  Chat: DurableObjectNamespace;
}

export class Chat extends AIChatAgent<Env> {
  override async onChatMessage(): Promise<Response> {
    const anthropic = createAnthropic({ apiKey: "campaign", baseURL: `${this.env.UPSTREAM}/v1` });
    const result = streamText({
      model: anthropic("claude-sonnet-4-6"),
      messages: await convertToModelMessages(this.messages),
      tools: { pay },
      stopWhen: isStepCount(5),
    });
    return result.toUIMessageStreamResponse();
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    return (await routeAgentRequest(request, env)) ?? new Response("ready");
  },
};
