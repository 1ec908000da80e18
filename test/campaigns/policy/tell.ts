/** The words that stories are told in: fresh people and teams, what they ask, and what has to come of it. */
import { z } from "zod";
import { chatRequest, openSocket, type TestSocket } from "../../support/e2e-socket.ts";
import type { Verb } from "./expected.ts";
import { type Answer, anything, type Someone, type World } from "./world.ts";

export interface Story {
  name: string;
  tell(world: World): Promise<void>;
}

const wire = z.object({ error: z.object({ code: z.string() }) });
const linkShape = z.object({ link: z.string() });
const teamShape = z.object({ team: z.object({ id: z.string(), handle: z.string() }) });

const CLOSED_WITHIN_MS = 30_000;

let made = 0;
/** Names that no other name looks like. */
const unique = (stem: string): string =>
  `${stem}-${"abcdefghkmpqrstuxyz"[made % 19]}${Math.floor(made++ / 19) + 2}`;

export interface Crew {
  id: string;
  handle: string;
  owner: Someone;
}

/** One story's view of the world. */
export class Teller {
  readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  someone(name: string, groups: readonly string[] = []): Promise<Someone> {
    return this.world.person(`${unique(name)}@example.com`, groups);
  }

  newHandle(stem: string): string {
    return unique(stem);
  }

  async crew(owner?: Someone): Promise<Crew> {
    const by = owner ?? (await this.someone("olaf"));
    const body = { name: "Crew", handle: unique("team") };
    const { team } = await this.world.must(by, "POST", "/api/teams", body, teamShape);
    return { ...team, owner: by };
  }

  /** The token of a fresh invitation. */
  async invitation(crew: Crew, role: string, more: Record<string, unknown> = {}): Promise<string> {
    const path = `/api/teams/${crew.handle}/invitations`;
    const { link } = await this.world.must(crew.owner, "POST", path, { role, ...more }, linkShape);
    return link.split("/").at(-1) ?? "";
  }

  async joined(crew: Crew, role: string, who?: Someone): Promise<Someone> {
    const someone = who ?? (await this.someone("momo"));
    const token = await this.invitation(crew, role);
    await this.does(someone, "POST", `/api/teams/${crew.handle}/invitations/accept`, { token });
    return someone;
  }

  ask(who: Someone | null, verb: Verb, path: string, body?: unknown): Promise<Answer> {
    return this.world.ask(
      verb,
      path,
      who?.headers ?? {},
      body === undefined ? undefined : JSON.stringify(body),
    );
  }

  /** It works, and this is the JSON of the answer. */
  does(who: Someone, verb: Verb, path: string, body?: unknown): Promise<unknown> {
    return this.world.must(who, verb, path, body, anything);
  }

  /** It is refused in this way. */
  async refused(
    who: Someone | null,
    verb: Verb,
    path: string,
    status: number,
    code: string,
    body?: unknown,
  ): Promise<void> {
    const answer = await this.ask(who, verb, path, body);
    const said = codeOf(answer.body);
    if (answer.status !== status || said !== code)
      throw new Error(`${verb} ${path}: ${answer.status} ${said}, not ${status} ${code}`);
  }

  /** A console's socket at a chat, or at a feed. */
  open(who: Someone, path: string): Promise<TestSocket> {
    return openSocket(`${this.world.server.url}${path}`, who.headers["cf-access-token"] ?? "");
  }

  /** The socket is closed with this code. On one machine its connection ends when the object goes to sleep, 10 s later. */
  async closes(socket: TestSocket, code: number): Promise<void> {
    const closed = await within(CLOSED_WITHIN_MS, "a socket that closes", socket.closed);
    if (closed.code !== code) throw new Error(`closed with ${closed.code}, not ${code}`);
  }

  /** A socket that is still good: it answers. */
  async lives(socket: TestSocket): Promise<void> {
    socket.send({ type: "holdfast_ping" });
    await within(
      5_000,
      "an answer to a ping",
      socket.until(({ type }) => type === "holdfast_pong"),
    );
  }

  /** Says something in a chat and waits until it is answered. */
  async says(who: Someone, path: string, text: string): Promise<TestSocket> {
    const socket = await this.open(who, `${path}?client=holdfast`);
    const { id, frame } = chatRequest(text);
    socket.send(frame);
    await within(
      20_000,
      "an answer",
      socket.until((one) => one.type === "cf_agent_use_chat_response" && one.id === id && one.done === true),
    );
    return socket;
  }

  async log(who: Someone, handle: string): Promise<string> {
    return (await this.ask(who, "GET", `/api/agents/${handle}/log.jsonl`)).body;
  }
}

export const codeOf = (body: string): string => {
  try {
    return wire.parse(JSON.parse(body)).error.code;
  } catch {
    return body.slice(0, 80);
  }
};

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

export function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`this never came: ${what}`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

export const story = (name: string, tell: (t: Teller) => Promise<void>): Story => ({
  name,
  tell: (world) => tell(new Teller(world)),
});
