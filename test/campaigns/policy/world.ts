/** A running Holdfast with people of every kind in it, a team, keys, and somebody else's agent. */
import { z } from "zod";
import { openDataDir } from "../../../local/lib/data-dir.ts";
import { personToken, serviceToken } from "../../../local/lib/token.ts";
import { handshake } from "../../support/e2e-socket.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import type { Verb } from "./expected.ts";

/** Everybody whose cells are walked. `nobody` sends no token. */
export const WHO = [
  "admin",
  "member",
  "guest",
  "guest writer",
  "service",
  "disabled",
  "team owner",
  "team writer",
  "team reader",
  "removed member",
  "nobody",
  "chat key",
  "read key",
] as const;
export type Who = (typeof WHO)[number];

export interface Someone {
  id: string;
  handle: string;
  /** What goes with each request. */
  headers: Record<string, string>;
}

export interface Answer {
  status: number;
  body: string;
  location: string | null;
}

export interface World {
  server: TestServer;
  people: Readonly<Record<Exclude<Who, "nobody" | "chat key" | "read key">, Someone>>;
  keys: Readonly<Record<"chat key" | "read key", Someone>>;
  /** Somebody whom none of them is. */
  other: Someone;
  /** A team of the team people: `crew`. */
  team: Someone;
  person(email: string, groups?: readonly string[]): Promise<Someone>;
  ask(verb: Verb | "HEAD", path: string, headers: Record<string, string>, body?: string): Promise<Answer>;
  /** As somebody, with a JSON body; throws when it is not answered with 2xx. */
  must<T>(who: Someone, verb: Verb, path: string, body: unknown, shape: z.ZodType<T>): Promise<T>;
  close(): Promise<void>;
}

/** Campaigns ask faster than anybody may. */
const RATE_TIMES = "1000";

const meShape = z.object({ user: z.object({ id: z.string(), handle: z.string() }) });
const teamShape = z.object({ team: z.object({ id: z.string(), handle: z.string() }) });
const linkShape = z.object({ link: z.string() });
const keyShape = z.object({ secret: z.string() });
export const anything = z.unknown();

export const SOMEBODYS_HANDLE = "dana";

export async function createWorld(): Promise<World> {
  process.env.RATE_LIMITS_TIMES = RATE_TIMES;
  const server = await startServer({ scriptable: true });
  try {
    return await populate(server);
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function populate(server: TestServer): Promise<World> {
  const ask: World["ask"] = async (verb, path, headers, body) => {
    if (verb === "UPGRADE") return { ...(await handshake(server.url + path, headers)), location: null };
    const response = await fetch(server.url + path, {
      method: verb,
      headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
      redirect: "manual",
      ...(body !== undefined && { body }),
    });
    return {
      status: response.status,
      body: await response.text(),
      location: response.headers.get("location"),
    };
  };
  const must: World["must"] = async (who, verb, path, body, shape) => {
    const answer = await ask(verb, path, who.headers, body === undefined ? undefined : JSON.stringify(body));
    if (answer.status < 200 || answer.status >= 300)
      throw new Error(`${verb} ${path} as ${who.handle}: ${answer.status} ${answer.body}`);
    return shape.parse(answer.body === "" ? null : JSON.parse(answer.body));
  };
  const known = async (token: string): Promise<Someone> => {
    const headers = { "cf-access-token": token };
    const someone = { id: "", handle: "", headers };
    const { user } = await must(someone, "GET", "/api/me", undefined, meShape);
    return { ...user, headers };
  };
  const dir = openDataDir(server.data);
  const person = async (email: string, groups: readonly string[] = []): Promise<Someone> =>
    known(await personToken(dir, { email, groups, now: Date.now(), origin: server.url }));
  const { token: serviceJwt } = await serviceToken(dir, {
    name: "ci.example",
    newSecret: false,
    now: Date.now(),
  });

  const people = {
    admin: await person("root@example.com", ["admins"]),
    member: await person("mia@example.com"),
    guest: await person("gus@example.com"),
    "guest writer": await person("gwen@example.com"),
    service: await known(serviceJwt),
    disabled: await person("dora@example.com"),
    "team owner": await person("olga@example.com"),
    "team writer": await person("wes@example.com"),
    "team reader": await person("rita@example.com"),
    "removed member": await person("remy@example.com"),
  };
  const other = await person(`${SOMEBODYS_HANDLE}@example.com`);
  const owner = people["team owner"];
  const { team } = await must(owner, "POST", "/api/teams", { name: "Crew", handle: "crew" }, teamShape);
  const roles = {
    "team writer": "writer",
    "guest writer": "writer",
    "team reader": "reader",
    "removed member": "owner",
  } as const;
  for (const [name, role] of Object.entries(roles)) {
    const who = people[name as keyof typeof roles]; // its keys are those
    const { link } = await must(owner, "POST", "/api/teams/crew/invitations", { role }, linkShape);
    const token = link.split("/").at(-1);
    await must(who, "POST", "/api/teams/crew/invitations/accept", { token }, anything);
  }
  const { id: removed } = people["removed member"];
  await must(owner, "DELETE", `/api/teams/crew/members/${removed}`, undefined, anything);
  for (const guest of [people.guest, people["guest writer"]])
    await must(people.admin, "PATCH", `/api/people/${guest.id}`, { role: "guest" }, anything);
  await must(people.admin, "PATCH", `/api/people/${people.disabled.id}`, { disabled: true }, anything);

  const key = async (scopes: string[]): Promise<Someone> => {
    const made = await must(
      people.member,
      "POST",
      `/api/agents/${people.member.handle}/keys`,
      { name: "k", scopes },
      keyShape,
    );
    return { ...people.member, headers: { authorization: `Bearer ${made.secret}` } };
  };
  const keys = { "chat key": await key(["chat"]), "read key": await key(["read"]) };
  return {
    server,
    people,
    keys,
    other,
    team: { ...team, headers: {} },
    person,
    ask,
    must,
    close: async () => void (await server.stop()),
  };
}
