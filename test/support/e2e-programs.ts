/** Programs of end-to-end tests: keys of an agent, and the official client with one. */
import OpenAI, { type ClientOptions } from "openai";
import { type MadeKey, madeKeySchema } from "../../src/protocol/keys.ts";
import { modelRequests, type Person, personAt, scriptModel } from "./e2e-server.ts";
import { startServer, type TestServer } from "./server.ts";

export async function keyOf(
  person: Person,
  options: { scopes?: readonly string[]; thread?: string } = {},
): Promise<MadeKey> {
  const { scopes = ["chat", "read"], ...rest } = options;
  const response = await person.fetch(`/api/agents/${person.handle}/keys`, {
    method: "POST",
    body: JSON.stringify({ name: "tests", scopes, ...rest }),
  });
  if (response.status !== 201) throw new Error(`no key was made: ${await response.text()}`);
  return madeKeySchema.parse(await response.json());
}

/** The client as its documentation says to make it. It asks once unless `maxRetries` is given. */
export const clientOf = (
  server: TestServer,
  handle: string,
  secret: string,
  options: Partial<ClientOptions> = {},
): OpenAI =>
  new OpenAI({ apiKey: secret, baseURL: `${server.url}/keyed/${handle}/v1`, maxRetries: 0, ...options });

/** A server with Alice and Bob, a key of Alice's agent, and the client that has it. */
export interface ProgramWorld {
  server: TestServer;
  alice: Person;
  bob: Person;
  secret: string;
  client: OpenAI;
}

export async function programWorld(): Promise<ProgramWorld> {
  const server = await startServer({ scriptable: true, paceMs: 2 });
  const alice = await personAt(server, "alice@example.com");
  const bob = await personAt(server, "bob@example.com");
  const { secret } = await keyOf(alice);
  return { server, alice, bob, secret, client: clientOf(server, alice.handle, secret) };
}

/** What the model answers to a question that has these words. */
export const says = ({ server }: ProgramWorld, match: string, text: string): Promise<void> =>
  scriptModel(server, [{ match, steps: [{ text }] }]);

export const asks = (content: string) => [{ role: "user" as const, content }];

/** How many requests reached the model about something. */
export const requestsAbout = async ({ server }: ProgramWorld, match: string): Promise<number> =>
  (await modelRequests(server)).filter(({ messages }) => JSON.stringify(messages).includes(match)).length;

/** What a promise rejects with; `{ answered }` when it does not. */
export const refusal = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (answer) => ({ answered: answer }),
    (error: unknown) => error,
  );
