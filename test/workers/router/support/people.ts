import { expect } from "vitest";
import { z } from "zod";
import { memberSchema, newInvitationSchema, teamSchema } from "../../../../src/protocol/teams.ts";
import { createWorld, signIn, type World } from "./app.ts";
import { person } from "./tokens.ts";

export type Someone = Awaited<ReturnType<typeof signIn>>;
export let world: World;
export let admin: Someone;
let count = 0;

/** Handles are for ever: each test has people and teams of its own. */
export const fresh = (name: string): string =>
  `${name}-x${String.fromCharCode(97 + (count % 26))}${Math.floor(count++ / 26)}q`;
export const newcomer = (name: string): Promise<Someone> => signIn(world, fresh(name));

export async function ask(
  who: Someone,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const response = await world.ask(path, {
    method,
    token: who.token,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) };
}

const wire = z.object({ error: z.object({ code: z.string() }) });
export const refusal = ({ status, body }: { status: number; body: unknown }) => [
  status,
  wire.parse(body).error.code,
];

export async function newTeam(owner: Someone): Promise<{ id: string; handle: string; path: string }> {
  const handle = fresh("crew");
  const made = await ask(owner, "POST", "/api/teams", { name: "The Crew", handle });
  expect(made.status).toBe(201);
  const { team } = z.object({ team: teamSchema }).parse(made.body);
  return { id: team.id, handle: team.handle, path: `/api/teams/${handle}` };
}

export async function invited(
  owner: Someone,
  path: string,
  more: Record<string, unknown> = {},
): Promise<string> {
  const made = await ask(owner, "POST", `${path}/invitations`, { role: "writer", ...more });
  expect(made.status).toBe(201);
  return newInvitationSchema.parse(made.body).link.split("/").at(-1) ?? "";
}

export async function joins(who: Someone, owner: Someone, path: string, role: string): Promise<void> {
  const token = await invited(owner, path, { role });
  expect((await ask(who, "POST", `${path}/invitations/accept`, { token })).status).toBe(200);
}

export const members = async (who: Someone, path: string) =>
  z.object({ members: z.array(memberSchema) }).parse((await ask(who, "GET", `${path}/members`)).body).members;

/** The log as its actor has it: the catalog's index follows a moment later. */
export const logOf = async (who: Someone, handle: string): Promise<string> =>
  (await world.ask(`/api/agents/${handle}/log.jsonl`, { token: who.token })).text();

export const feedOf = async (who: Someone, handle: string) => {
  const response = await world.ask(`/api/agents/${handle}/feed`, {
    token: who.token,
    headers: { Upgrade: "websocket", Connection: "Upgrade" },
  });
  const socket = response.webSocket;
  if (!socket) throw new Error(`no feed: ${response.status}`);
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason })),
  );
  socket.accept();
  return { socket, closed };
};

/** Makes the world anew, with an administrator in it. Called before the tests of a file. */
export async function begin(): Promise<void> {
  const unlimited = { limit: async () => ({ success: true }) };
  world = await createWorld({ RATE_PRINCIPAL: unlimited });
  const token = await world.issuer.token(person("the-admin", { custom: { groups: ["admins"] } }));
  const me = await world.ask("/api/me", { token });
  const { user } = z
    .object({ user: z.object({ id: z.string(), handle: z.string() }) })
    .parse(await me.json());
  admin = { token, ...user };
}
