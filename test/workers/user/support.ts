/** A user actor under test, its feed, and what the catalog knows of it. */
import { env } from "cloudflare:test";
import { userStub } from "../../../src/env.ts";
import { userIdFrom } from "../../../src/names.ts";
import { ALL_RIGHTS, forwardedHeaders } from "../../../src/protocol/forwarded.ts";
import type { AgentAddress, FeedEvent, Principal, ThreadUpdate } from "../../../src/protocol/rpc.ts";

/** How long news may take to reach the catalog on a busy machine, and how often it is looked for. */
export const PATIENCE = { timeout: 10_000, interval: 10 };

export const newUser = () => userIdFrom(crypto.getRandomValues(new Uint8Array(20)));
export const objectOf = (userId: string): DurableObjectStub => env.USER.get(env.USER.idFromName(userId));
export const principalOf = (userId: string): Principal => ({
  kind: "person",
  userId,
  handle: "alice",
  name: "alice@example.com",
  role: "member",
  request: "",
});
export const update = (thread: string, seq: number, more: Partial<ThreadUpdate> = {}): ThreadUpdate => ({
  thread,
  seq,
  status: "idle",
  suggestedTitle: `About ${thread}`,
  preview: `Text ${seq}`,
  at: 1_000 + seq,
  inputTokens: 3,
  outputTokens: 4,
  transient: false,
  ...more,
});

export async function connect(
  userId: string,
  as: { principal?: Principal; agent?: AgentAddress } = {},
): Promise<Response> {
  const principal = as.principal ?? principalOf(userId);
  const agent = as.agent ?? { ownerId: userId, handle: "alice" };
  const headers = forwardedHeaders({ principal, agent, rights: ALL_RIGHTS });
  return await userStub(env, userId).fetch("https://actor.internal/feed", {
    headers: { ...headers, Upgrade: "websocket" },
  });
}

/** Messages of a feed in their order; `next` waits for one. */
export async function openFeed(userId: string) {
  const socket = (await connect(userId)).webSocket;
  if (!socket) throw new Error("The feed was refused.");
  const messages: string[] = [];
  const waiting: ((message: string) => void)[] = [];
  socket.addEventListener("message", ({ data }) => {
    const first = waiting.shift();
    if (first) first(String(data));
    else messages.push(String(data));
  });
  socket.accept();
  const raw = async () => messages.shift() ?? (await new Promise<string>((resolve) => waiting.push(resolve)));
  const next = async (): Promise<FeedEvent> => JSON.parse(await raw());
  return { socket, raw, next };
}

/** The code that a call is refused with. Awaited inside, because a stub's promise also answers to its properties. */
export async function refusal(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return { answered: await call() };
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
}

export const indexed = async (userId: string) =>
  (
    await env.CATALOG.prepare(
      "SELECT thread, title, archived, seq FROM threads WHERE user_id = ? ORDER BY thread",
    )
      .bind(userId)
      .all()
  ).results;
