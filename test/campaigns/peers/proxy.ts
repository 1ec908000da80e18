/**
 * Stands before the scripted model and lets a message be gone on with. The gateway's stand-in refuses a conversation
 * that ends with the model's own words, as new Claude models do; AIChatAgent and Think recover by sending just that.
 * They are compared with a model that takes it.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";

const conversation = z.looseObject({
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })),
});

export interface Proxy {
  url: string;
  close(): Promise<void>;
}

export async function startProxy(gatewayUrl: string): Promise<Proxy> {
  const server = createServer((request, response) => {
    forward(gatewayUrl, request, response).catch(() => response.destroy()); // one of the two sides has gone
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The proxy has no port.");
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function forward(to: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === "string" && !["host", "connection", "content-length"].includes(name))
      headers.set(name, value);
  }
  const answer = await fetch(to + (request.url ?? ""), {
    method: request.method ?? "POST",
    headers,
    body: request.method === "GET" ? null : goOn(Buffer.concat(parts).toString("utf8")),
    signal: gone.signal,
  });
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (answer.body) await pipeline(Readable.from(answer.body), response);
  else response.end();
}

/** A conversation that ends with the model's words gets a person's, which ask for the rest. */
function goOn(body: string): string {
  const parsed = conversation.parse(JSON.parse(body));
  if (parsed.messages.at(-1)?.role !== "assistant") return body;
  return JSON.stringify({ ...parsed, messages: [...parsed.messages, { role: "user", content: "Go on." }] });
}
