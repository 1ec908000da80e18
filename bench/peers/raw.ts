/** The floor: a bare Durable Object that keeps the question and the answer, and forwards the deltas. */
import { DurableObject } from "cloudflare:workers";
import { type BenchEnv, count, countsResponse } from "./count.ts";

interface Env extends BenchEnv {
  RAW: DurableObjectNamespace;
}

export class Raw extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    count("conversation", ctx.storage, env);
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, role TEXT NOT NULL, text TEXT NOT NULL)",
    );
  }

  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const { id, text } = JSON.parse(String(message)) as { id: string; text: string }; // the bench's own client
    this.#keep("user", text);
    const response = await fetch(`${this.env.UPSTREAM}/v1/messages`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-api-key": "bench",
        "anthropic-version": "2023-06-01",
      },
      body: JSON.stringify({
        model: "claude-sonnet-4-6",
        max_tokens: 16_000,
        stream: true,
        messages: [{ role: "user", content: [{ type: "text", text }] }],
      }),
    });
    if (!response.ok || !response.body) throw new Error(`The provider answered ${response.status}.`);
    let said = "";
    let rest = "";
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      rest += piece;
      const end = rest.lastIndexOf("\n\n");
      if (end < 0) continue;
      const delta = textOf(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (delta === "") continue;
      said += delta;
      socket.send(JSON.stringify({ type: "text-delta", id, delta }));
    }
    this.#keep("assistant", said);
    socket.send(JSON.stringify({ type: "end", id, done: true }));
  }

  #keep(role: string, text: string): void {
    this.ctx.storage.sql.exec("INSERT INTO messages (role, text) VALUES (?, ?)", role, text);
  }
}

/** The text of all text deltas in whole events. */
function textOf(events: string): string {
  let text = "";
  for (const event of events.split("\n\n")) {
    if (!event.includes("text_delta")) continue;
    const { delta } = JSON.parse(event.slice(event.indexOf("data:") + 5)) as { delta: { text: string } }; // the bench's own provider
    text += delta.text;
  }
  return text;
}

export default {
  fetch(request: Request, env: Env): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/bench/counts") return countsResponse();
    const name = /^\/agents\/raw\/([^/]+)$/.exec(pathname)?.[1];
    if (!name) return new Response("ready");
    return env.RAW.get(env.RAW.idFromName(name)).fetch(request);
  },
};
