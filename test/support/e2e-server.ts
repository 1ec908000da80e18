/** What end-to-end tests say to a running server besides chatting: its HTTP API, and the script of its demo model. */
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { ScriptEntry } from "../../local/gateway/script.ts";
import { openContent } from "./content.ts";
import type { TestServer } from "./server.ts";

/** How often something is looked at that gives no event, and how long in all. */
const LOOK_EVERY_MS = 50;
const LOOK_FOR_MS = 45_000;

const me = z.object({ user: z.object({ id: z.string(), handle: z.string(), name: z.string() }) });
const messages = z.array(
  z.looseObject({
    id: z.string(),
    role: z.enum(["user", "assistant"]),
    parts: z.array(z.looseObject({ type: z.string() })),
    metadata: z
      .looseObject({
        turn: z.string().optional(),
        outcome: z.string().optional(),
        error: z.object({ code: z.string(), message: z.string() }).optional(),
      })
      .optional(),
  }),
);
export type WireMessage = z.infer<typeof messages>[number];

/** A person who talks to a server with a token of their own. */
export interface Person {
  token: string;
  userId: string;
  handle: string;
  /** A request with the person's token. Redirects are not followed. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** The transcript of one of their chats, by `get-messages`. */
  messages(thread: string): Promise<WireMessage[]>;
  /** A file's text, or `null` if there is none. */
  file(path: string): Promise<string | null>;
}

export async function personAt(server: TestServer, email: string): Promise<Person> {
  const token = await server.token(email);
  const ask = (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set("cf-access-token", token);
    return fetch(server.url + path, { ...init, headers, redirect: "manual" });
  };
  const whole = async (path: string): Promise<Response> => {
    const response = await ask(path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const { user } = me.parse(await (await whole("/api/me")).json());
  return {
    token,
    userId: user.id,
    handle: user.handle,
    fetch: ask,
    async messages(thread) {
      return messages.parse(await (await whole(`/@${user.handle}/${thread}/get-messages`)).json());
    },
    async file(path) {
      const response = await ask(`/api/agents/${user.handle}/files/content?path=${encodeURIComponent(path)}`);
      if (response.status === 404) return null;
      const address = response.headers.get("location");
      if (!address) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      const content = await openContent(address);
      if (content.status !== 200) throw new Error(`${path}: ${content.status} ${content.text}`);
      return content.text;
    },
  };
}

/** A message's text, all its text parts joined. */
export const textOf = (message: { parts: readonly unknown[] } | undefined): string =>
  (message?.parts ?? [])
    .map((part) => z.object({ type: z.literal("text"), text: z.string() }).safeParse(part).data?.text ?? "")
    .join("");

/** Puts steps into the demo model's mouth. */
export async function scriptModel(server: TestServer, entries: readonly ScriptEntry[]): Promise<void> {
  const response = await fetch(`${server.gatewayUrl}/_test/script`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(entries),
  });
  if (!response.ok) throw new Error(`the script was refused: ${await response.text()}`);
}

const requests = z.object({
  requests: z.array(
    z.looseObject({
      answeredBy: z.string(),
      outcome: z.string(),
      tokensSent: z.number(),
      messages: z.array(z.unknown()),
    }),
  ),
});
export type ModelRequest = z.infer<typeof requests>["requests"][number];

/** The requests that reached the model, oldest first. */
export async function modelRequests(server: TestServer): Promise<ModelRequest[]> {
  const response = await fetch(`${server.gatewayUrl}/_test/requests`);
  return requests.parse(await response.json()).requests;
}

/** Looks until something is there, for what gives no event. Throws with `what` when it never comes. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + LOOK_FOR_MS;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`This never came: ${what}`);
    await delay(LOOK_EVERY_MS);
  }
}
