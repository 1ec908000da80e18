/** The running server as the terminal client knows it: who we are there, and its sockets. */
import { z } from "zod";
import { CommandError, EXIT } from "../command.ts";
import type { Socket } from "./session.ts";

const me = z.object({ user: z.object({ handle: z.string(), name: z.string() }) });
const wireError = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** How long a local server may take to answer a small question. */
const ANSWER_WITHIN_MS = 15_000;

export interface ChatServer {
  /** Our handle there. */
  handle: string;
  /** Asks the API below `/api/agents/{our handle}`. Resolves with the JSON answer. Throws when it refuses. */
  api(method: "GET" | "POST", path: string): Promise<unknown>;
  /** Opens a socket to one of our chats. `connection` is a fresh id. */
  connect(thread: string, connection: string): Socket;
  /** Why a chat cannot be opened; null when that may be different in a moment. */
  whyRefused(thread: string): Promise<CommandError | null>;
}

/** Asks the server who we are. Throws with exit code 3 when it does not answer, 1 when it will not talk to us. */
export async function openServer(origin: string, token: string): Promise<ChatServer> {
  const headers = { "cf-access-token": token };
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(origin + path, {
      ...init,
      headers: { ...headers, ...(init.body && { "content-type": "application/json" }) },
      redirect: "error",
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });

  let response: Response;
  try {
    response = await ask("/api/me");
  } catch (error) {
    throw new CommandError(
      `Holdfast does not answer at ${origin}. Start it with "npm start", or name another address with --url.`,
      EXIT.unreachable,
      { cause: error },
    );
  }
  if (!response.ok) throw await refusal(response);
  const parsed = me.safeParse(await response.json());
  if (!parsed.success) throw new CommandError(`${origin} answers, but it is not Holdfast.`, EXIT.unreachable);
  const { handle } = parsed.data.user;
  const chatPath = (thread: string): string =>
    `/@${encodeURIComponent(handle)}/${encodeURIComponent(thread)}`;

  return {
    handle,
    async api(method, path) {
      const body = method === "POST" ? { body: "{}" } : {};
      const address = `/api/agents/${encodeURIComponent(handle)}${path}`;
      const answer = await ask(address, { method, ...body });
      if (!answer.ok) throw await refusal(answer);
      return answer.json();
    },
    connect(thread, connection) {
      const url = new URL(origin.replace(/^http/, "ws") + chatPath(thread));
      url.searchParams.set("client", "holdfast");
      url.searchParams.set("_pk", connection);
      // Node's WebSocket takes headers; the browser's type, which is the one in scope, does not say so.
      const Connect = WebSocket as unknown as new (
        url: URL,
        init: { headers: Record<string, string> },
      ) => Socket;
      return new Connect(url, { headers });
    },
    async whyRefused(thread) {
      try {
        const answer = await ask(`${chatPath(thread)}/get-messages?limit=1`);
        // A server error may pass; a refusal will not.
        return answer.status >= 400 && answer.status < 500 ? await refusal(answer) : null;
      } catch {
        // It is away. The session decides how long to wait for it.
        return null;
      }
    },
  };
}

async function refusal(response: Response): Promise<CommandError> {
  const text = await response.text();
  let body: unknown = null;
  try {
    body = JSON.parse(text);
  } catch {
    // Not JSON, so not ours: the status has to do.
  }
  const parsed = wireError.safeParse(body);
  return new CommandError(
    parsed.success ? parsed.data.error.message : `The server answered ${response.status}.`,
  );
}
