/** Puts the outbox of one conversation together: its rows, the deployment's channels, and whom it tells. */
import { type Env, settingsOf, userStub } from "../../env.ts";
import { conversationName } from "../../names.ts";
import { Outbox, type OutboxOptions } from "./outbox-job.ts";
import { channelDrivers } from "./outbox-webhook.ts";

/** What only the object's shell has: the clock, chance, and the parts that the outbox looks at. */
export type OutboxHost = Pick<OutboxOptions, "storage" | "now" | "random" | "after" | "state" | "live">;

export function openOutbox(env: Env, where: { ownerId: string; thread: string }, host: OutboxHost): Outbox {
  const { now } = host;
  return new Outbox({
    ...host,
    conversation: conversationName(where.ownerId, where.thread),
    thread: where.thread,
    driver: channelDrivers(() => settingsOf(env).channels, { fetch: (request) => fetch(request), now }),
    tell: async (update) => void (await userStub(env, where.ownerId).threadChanged(update)),
  });
}
