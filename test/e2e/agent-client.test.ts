/** The stock `AgentClient` of the Agents SDK, unchanged, against a running server. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentClient, type AgentClientOptions } from "agents/client";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Person, personAt, scriptModel, textOf } from "../support/e2e-server.ts";
import {
  chatRequest,
  chunksOf,
  type Frame,
  frameOf,
  isDone,
  NodeWebSocket,
  openSocket,
  streamedText,
} from "../support/e2e-socket.ts";
import { startServer, type TestServer } from "../support/server.ts";

const LOOK = { name: "list", input: {} };
const listedMessages = z.object({
  messages: z.array(
    z.object({ id: z.string(), metadata: z.object({ waiting: z.string().optional() }).optional() }),
  ),
});
type Listed = z.infer<typeof listedMessages>["messages"];

/** Named here, so that it outlives the server that is killed. */
const data = mkdtempSync(join(tmpdir(), "holdfast-client-"));
let server: TestServer;
let alice: Person;
let bob: Person;
const open = new Set<AgentClient>();

beforeAll(async () => {
  server = await startServer({ data, scriptable: true, paceMs: 5 });
  [alice, bob] = await Promise.all([
    personAt(server, "alice@example.com"),
    personAt(server, "bob@example.com"),
  ]);
});
afterEach(() => {
  for (const client of open) client.close();
  open.clear();
});
afterAll(async () => {
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

interface Client {
  agent: AgentClient;
  frames: Frame[];
  until(fits: (frame: Frame) => boolean): Promise<Frame>;
}

/** A client whose sockets carry a person's token, as a program's do. */
function client(person: Person, options: Partial<AgentClientOptions>, attempts: string[] = []): Client {
  class Signed extends NodeWebSocket {
    constructor(url: string, protocols?: string | string[]) {
      attempts.push(url);
      super(url, { headers: { "cf-access-token": person.token }, ...(protocols && { protocols }) });
    }
  }
  const agent = new AgentClient({
    host: new URL(server.url).host,
    agent: "Conversation",
    WebSocket: Signed,
    ...options,
  });
  open.add(agent);
  const frames: Frame[] = [];
  const waiting = new Set<{ fits(frame: Frame): boolean; resolve(frame: Frame): void }>();
  agent.addEventListener("message", (event) => {
    const frame = frameOf(event.data);
    frames.push(frame);
    for (const waiter of waiting) {
      if (!waiter.fits(frame)) continue;
      waiting.delete(waiter);
      waiter.resolve(frame);
    }
  });
  return {
    agent,
    frames,
    until(fits) {
      const known = frames.find(fits);
      return known ? Promise.resolve(known) : new Promise((resolve) => waiting.add({ fits, resolve }));
    },
  };
}

const addresses = (): [string, Partial<AgentClientOptions>][] => [
  ["/agents/conversation/{userId}.{thread}", { name: `${alice.userId}.client-name` }],
  ["basePath @alice/{thread}", { basePath: "@alice/client-path" }],
];

describe.each([0, 1])("at address %i", (which) => {
  const address = () => addresses()[which]?.[1] ?? {};
  const thread = () => ["client-name", "client-path"][which] ?? "";

  it("becomes ready and learns who it talks to", async () => {
    const { agent } = client(alice, address());
    await agent.ready;
    expect(agent.identified).toBe(true);
    expect(agent.name).toBe(`${alice.userId}.${thread()}`);
    expect(agent.agent).toBe("conversation");
  });

  it("sends by chat frames and gets the answer as a stream", async () => {
    await scriptModel(server, [{ match: "speak", steps: [{ text: "One two three four five six seven." }] }]);
    const { agent, frames, until } = client(alice, address());
    await agent.ready;
    const request = chatRequest("speak");
    agent.send(JSON.stringify(request.frame));
    const done = await until(isDone(request.id));
    expect(done.outcome).toBe("completed");
    expect(streamedText(frames, request.id)).toBe("One two three four five six seven.");
    const deltas = frames.filter(({ id, body }) => id === request.id && body?.includes("text-delta"));
    expect(deltas.length).toBeGreaterThan(1);
    const transcript = await alice.messages(thread());
    expect(transcript.map((message) => textOf(message))).toEqual([
      "speak",
      "One two three four five six seven.",
    ]);
  });

  it("has a call of an unknown method rejected at once, in words", async () => {
    const { agent } = client(alice, address());
    await agent.ready;
    const asked = performance.now();
    await expect(agent.call("fly", ["high"])).rejects.toThrow(/There is no method "fly" here/);
    // The SDK's own time-out is 30 s.
    expect(performance.now() - asked).toBeLessThan(5_000);
  });
});

it("has client state refused, and keeps none", async () => {
  const errors: string[] = [];
  const { agent, until } = client(alice, {
    basePath: "@alice/client-state",
    onStateUpdateError: (error) => errors.push(error),
  });
  await agent.ready;
  agent.setState({ mine: true });
  await until(({ type }) => type === "cf_agent_state_error");
  expect(errors).toEqual(["This agent keeps no client state."]);
});

it.each([
  ["the name of a conversation", () => ({ name: `${alice.userId}.main` })],
  ["the address of an agent", () => ({ basePath: "@alice/main" })],
] as const)("refuses a stranger at %s, and a client with a bound on retries gives up", async (_, options) => {
  const attempts: string[] = [];
  const failed = Promise.withResolvers<Error>();
  const { agent, frames } = client(
    bob,
    { ...options(), maxRetries: 2, minReconnectionDelay: 1, onConnectionError: failed.resolve },
    attempts,
  );
  await failed.promise;
  expect(attempts).toHaveLength(3);
  expect(agent.connectionError).not.toBeNull();
  expect(agent.identified).toBe(false);
  expect(frames).toEqual([]);
});

describe("messages while an answer runs, to a client that knows of no modes", () => {
  const slow = Array.from({ length: 60 }, (_, i) => `slow${i}`).join(" ");
  /** An answer that takes its time and looks around once, so that something can join it. */
  const busy = { match: "take your time", steps: [{ text: slow, paceMs: 20, tools: [LOOK] }] };
  const begun = (id: string) => (frame: Frame) => frame.id === id && frame.body?.includes("slow3") === true;
  const listed = (fits: (messages: Listed) => boolean) => (frame: Frame) => {
    const list = frame.type === "cf_agent_chat_messages" ? listedMessages.safeParse(frame).data : undefined;
    return list !== undefined && fits(list.messages);
  };

  it("a second request waits, and both get their answer and their terminal frame", async () => {
    await scriptModel(server, [
      { match: "take your time", steps: [{ text: slow, paceMs: 20 }] },
      { match: "me too", steps: [{ text: "The second answer." }] },
    ]);
    const { agent, frames, until } = client(alice, { basePath: "@alice/client-queue" });
    const other = client(alice, { basePath: "@alice/client-queue" });
    await Promise.all([agent.ready, other.agent.ready]);
    const [first, second] = [chatRequest("take your time"), chatRequest("me too")];
    agent.send(JSON.stringify(first.frame));
    await until(begun(first.id));
    agent.send(JSON.stringify(second.frame));
    await other.until(
      listed((messages) =>
        messages.some(({ id, metadata }) => id === second.message && metadata?.waiting === "queued"),
      ),
    );
    const [one, two] = await Promise.all([until(isDone(first.id)), until(isDone(second.id))]);
    expect([one.outcome, two.outcome]).toEqual(["completed", "completed"]);
    expect(frames.indexOf(one)).toBeLessThan(frames.indexOf(two));
    expect(streamedText(frames, first.id)).toBe(slow);
    expect(streamedText(frames, second.id)).toBe("The second answer.");
    const texts = (await alice.messages("client-queue")).map((message) => textOf(message));
    expect(texts).toEqual(["take your time", slow, "me too", "The second answer."]);
  });

  it("what others say to the running answer is seen in it, and it ends once", async () => {
    await scriptModel(server, [busy, { match: "in euros", steps: [{ text: " In euros, then." }] }]);
    const { agent, frames, until } = client(alice, { basePath: "@alice/client-steer" });
    await agent.ready;
    const request = chatRequest("take your time");
    agent.send(JSON.stringify(request.frame));
    await until(begun(request.id));
    const said = await alice.fetch(`/api/agents/${alice.handle}/threads/client-steer/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text: "in euros", mode: "steer" }),
    });
    expect(said.status).toBe(202);
    const done = await until(isDone(request.id));
    expect(done.outcome).toBe("completed");
    expect(frames.filter(isDone(request.id))).toHaveLength(1);
    expect(streamedText(frames, request.id)).toBe(`${slow} In euros, then.`);
    const transcript = await alice.messages("client-steer");
    const joined = transcript[2]?.parts.find((part) => part.type === "data-joined");
    expect(joined).toMatchObject({ data: { messageIds: [transcript[1]?.id] } });
    expect(transcript.map((message) => textOf(message))).toEqual([
      "take your time",
      "in euros",
      `${slow} In euros, then.`,
    ]);
    expect(chunksOf(frames, request.id)).toContainEqual({
      type: "data-joined",
      data: { messageIds: [transcript[1]?.id] },
    });
  });

  it("a waiting message that somebody moves into the answer ends with it", async () => {
    await scriptModel(server, [busy, { match: "quickly", steps: [{ text: " At once." }] }]);
    const { agent, frames, until } = client(alice, { basePath: "@alice/client-moved" });
    await agent.ready;
    const [first, second] = [chatRequest("take your time"), chatRequest("quickly")];
    agent.send(JSON.stringify(first.frame));
    await until(begun(first.id));
    agent.send(JSON.stringify(second.frame));
    const ours = await openSocket(`${server.url}/@alice/client-moved?client=holdfast`, alice.token);
    const shown = (frame: Frame) => JSON.stringify(frame).includes('"waiting":"queued"');
    await ours.until(shown);
    ours.send({ type: "holdfast_amend", messageId: second.message, change: { action: "steer" } });
    const [one, two] = await Promise.all([until(isDone(first.id)), until(isDone(second.id))]);
    expect([one.outcome, two.outcome]).toEqual(["completed", "completed"]);
    expect(streamedText(frames, first.id)).toBe(`${slow} At once.`);
    const texts = (await alice.messages("client-moved")).map((message) => textOf(message));
    expect(texts).toEqual(["take your time", "quickly", `${slow} At once.`]);
    await ours.close();
  });
});

describe("a server that is killed in the middle of an answer and started again", () => {
  it("is found again by the stock client, which resumes and ends with the whole answer once", async () => {
    await scriptModel(server, [
      {
        match: "count to 200",
        steps: [
          { stallAfterTokens: 10, text: "All these words are lost with the server, every one of them." },
        ],
      },
    ]);
    const { agent, frames, until } = client(alice, {
      basePath: "@alice/client-kill",
      minReconnectionDelay: 100,
      maxReconnectionDelay: 500,
    });
    // What chat clients do on each connection: ask for a running answer, and take what is offered.
    agent.addEventListener("open", () => {
      agent.send(JSON.stringify({ type: "cf_agent_stream_resume_request", probeId: "probe" }));
    });
    agent.addEventListener("message", (event) => {
      const { type, id } = frameOf(event.data);
      if (type === "cf_agent_stream_resuming")
        agent.send(JSON.stringify({ type: "cf_agent_stream_resume_ack", id }));
    });
    await agent.ready;
    const request = chatRequest("count to 200");
    agent.send(JSON.stringify(request.frame));
    await until(({ body }) => body?.includes("server") === true);

    const port = Number(new URL(server.url).port);
    const lost = once(agent, "close");
    await server.kill9();
    await lost;
    const before = frames.length;
    const since = (fits: (frame: Frame) => boolean) =>
      until((frame) => frames.indexOf(frame) >= before && fits(frame));
    server = await startServer({ data, port, scriptable: true, paceMs: 5 });
    const done = await since((frame) => frame.done === true && frame.outcome === "completed");
    expect(agent.identified).toBe(true);
    const whole = Array.from({ length: 200 }, (_, i) => i + 1).join(", ");
    const after = frames.slice(before);
    const replays = after.filter((frame) => frame.replayComplete === true);
    // Everything behind the last offer: a replay from the start, and what came live.
    const offered = after.findLastIndex(({ type }) => type === "cf_agent_stream_resuming");
    expect(offered).toBeGreaterThanOrEqual(0);
    expect(replays.length).toBeGreaterThan(0);
    expect(streamedText(after.slice(offered), done.id ?? "")).toBe(whole);
    const transcript = await alice.messages("client-kill");
    expect(transcript.map((message) => textOf(message))).toEqual(["count to 200", whole]);
  });
});
