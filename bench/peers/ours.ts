/**
 * The conversation actor and the user actor, unchanged, behind an entry that makes the router's headers: no peer has
 * a guard in its path. The subclasses only count, seed and break off.
 */
import { Conversation as ConversationActor } from "../../src/actors/conversation/actor.ts";
import { Journal } from "../../src/actors/conversation/journal.ts";
import { User as UserActor } from "../../src/actors/user/actor.ts";
import type { Env as ActorEnv } from "../../src/env.ts";
import { parseConversationName } from "../../src/names.ts";
import { ACTOR_PATHS, ALL_RIGHTS } from "../../src/protocol/forwarded.ts";
import { askActor } from "../../src/router/forward.ts";
import { type BenchEnv, count, countsResponse } from "./count.ts";
import { seedJournal } from "./seed.ts";

type Env = ActorEnv & BenchEnv;

export class Conversation extends ConversationActor {
  constructor(ctx: DurableObjectState, env: Env) {
    count("conversation", ctx.storage, env);
    super(ctx, env);
  }

  /** Repeats the newest turn of the journal until it holds `turns`. Returns the number of rows. */
  seed(turns: number): number {
    return seedJournal(this.ctx.storage, new Journal(this.ctx.storage.sql, () => "0123456789abcdef"), turns);
  }

  /** Ends this instance: the next request wakes the actor cold. */
  breakOff(): void {
    this.ctx.abort("the bench measures a cold wake");
  }
}

export class User extends UserActor {
  constructor(ctx: DurableObjectState, env: Env) {
    count("user", ctx.storage, env);
    super(ctx, env);
  }
}

interface BenchRpc extends Fetcher {
  seed(turns: number): Promise<number>;
  breakOff(): Promise<void>;
}

async function command(url: URL, env: Env): Promise<Response> {
  const name = url.searchParams.get("name") ?? "";
  const actor = env.CONVERSATION.get(env.CONVERSATION.idFromName(name)) as unknown as BenchRpc; // the class above
  if (url.pathname === "/bench/seed") {
    return Response.json({ rows: await actor.seed(Number(url.searchParams.get("turns"))) });
  }
  if (url.pathname === "/bench/break-off") {
    await actor.breakOff().catch(() => undefined); // the call breaks with the actor
    return Response.json({ done: true });
  }
  return countsResponse();
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname.startsWith("/bench/")) return command(url, env);
    const name = /^\/agents\/ours\/([^/]+)$/.exec(url.pathname)?.[1] ?? "";
    const where = parseConversationName(name);
    if (!where) return new Response("ready");
    const { ownerId } = where;
    return askActor(env.CONVERSATION.get(env.CONVERSATION.idFromName(name)), request, {
      principal: {
        ...{ kind: "person", userId: ownerId, handle: "bench", name: "bench@example.com", role: "member" },
        request: "",
      },
      agent: { ownerId, handle: "bench" },
      rights: ALL_RIGHTS,
      path: ACTOR_PATHS.socket,
    });
  },
};
