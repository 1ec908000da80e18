/** Hooks: made, tried out, and what comes in by them. Over real user actors and the real catalog. */
import { createHmac } from "node:crypto";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hookDeliveriesSchema, hookListSchema, madeHookSchema } from "../../../src/protocol/hooks.ts";
import { createWorld, signIn, type World } from "./support/app.ts";

let world: World;
let alice: { token: string; id: string; handle: string };

beforeAll(async () => {
  world = await createWorld();
  alice = await signIn(world, "hooks-alice");
});
beforeEach(() => {
  world.reached.length = 0;
});

const hooks = (path = "", init: RequestInit = {}): Promise<Response> =>
  world.ask(`/api/agents/${alice.handle}/hooks${path}`, { ...init, token: alice.token });
const post = (body: unknown): RequestInit => ({ method: "POST", body: JSON.stringify(body) });
const make = async (more: object = {}) => {
  const response = await hooks(
    "",
    post({ name: "Deploys", thread: "ops", scheme: { type: "github" }, ...more }),
  );
  expect(response.status).toBe(201);
  return madeHookSchema.parse(await response.json());
};
type Made = Awaited<ReturnType<typeof make>>;

/** A delivery as GitHub sends it. */
const github = (made: Made, payload: unknown, change: Record<string, string> = {}): Promise<Response> => {
  const body = JSON.stringify(payload);
  const signature = `sha256=${createHmac("sha256", made.secret).update(body).digest("hex")}`;
  const headers = {
    ...{ "Content-Type": "application/json", "X-Hub-Signature-256": signature, "X-GitHub-Delivery": "d-1" },
    ...{ Origin: "none", ...change },
  };
  return world.ask(made.path, { method: "POST", body, headers });
};
const sent = () => world.reached.flatMap(({ name, sent: one }) => (one ? [{ name, ...one }] : []));

describe("a delivery", () => {
  it("becomes a message of the chat that the hook names", async () => {
    const made = await make({ template: "Deployed {{ref}}" });
    const response = await github(made, { ref: "v1.2" });
    expect([response.status, await response.json()]).toEqual([202, { turn: "turn-1", fresh: true }]);
    const [message] = sent();
    expect(message).toMatchObject({
      name: `${alice.id}.ops`,
      principal: {
        kind: "hook",
        role: "hook",
        userId: alice.id,
        name: "Deploys",
        of: { id: made.hook.id, ownerId: alice.id },
      },
      message: { source: "hook", key: `${made.hook.id}:d-1` },
    });
    expect(message?.message.text).toContain("Deployed <data>v1.2</data>");
  });

  it("that comes again is the same event, also under another id that nobody signed", async () => {
    const made = await make();
    await github(made, { n: 1 });
    await github(made, { n: 1 });
    await github(made, { n: 1 }, { "X-GitHub-Delivery": "d-2" });
    await github(made, { n: 2 }, { "X-GitHub-Delivery": "d-3" });
    const { id } = made.hook;
    expect(sent().map(({ message }) => message.key)).toEqual([
      `${id}:d-1`,
      `${id}:d-1`,
      `${id}:d-1`,
      `${id}:d-3`,
    ]);
    const { deliveries } = hookDeliveriesSchema.parse(await (await hooks(`/${id}/deliveries`)).json());
    expect(deliveries).toMatchObject([
      { event: "d-3", turn: "turn-1", error: null, repeats: 0 },
      { event: "d-1", turn: "turn-1", error: null, repeats: 2 },
    ]);
  });

  it("without an id is one event as long as its body comes again soon", async () => {
    const made = await make({ scheme: { type: "header", header: "X-Sig" } });
    const send = (payload: unknown) => {
      const signature = createHmac("sha256", made.secret).update(JSON.stringify(payload)).digest("hex");
      return github(made, payload, { "X-Sig": signature });
    };
    await send({ alarm: 1 });
    await send({ alarm: 1 });
    await send({ alarm: 2 });
    const keys = sent().map(({ message }) => message.key);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  it("may be a form", async () => {
    const made = await make({ template: "{{ref}}" });
    const body = new URLSearchParams({ payload: '{"ref":"v3"}' }).toString();
    const signature = `sha256=${createHmac("sha256", made.secret).update(body).digest("hex")}`;
    const headers = {
      "Content-Type": "application/x-www-form-urlencoded",
      "X-Hub-Signature-256": signature,
      "X-GitHub-Delivery": "form-1",
      Origin: "none",
    };
    expect((await world.ask(made.path, { method: "POST", body, headers })).status).toBe(202);
    expect(sent()[0]?.message.text).toContain("<data>v3</data>");
  });

  it("is signed over its own bytes: nothing else is read before that holds", async () => {
    const made = await make();
    const response = await github(made, { a: 1 }, { "X-Hub-Signature-256": `sha256=${"0".repeat(64)}` });
    expect(response.status).toBe(401);
    expect(sent()).toEqual([]);
    const { hooks: list } = hookListSchema.parse(await (await hooks()).json());
    expect(list.find(({ id }) => id === made.hook.id)?.refused?.why).toContain("does not fit");
  });

  it("of another type, or too large, is refused", async () => {
    const made = await make();
    expect((await github(made, "x", { "Content-Type": "text/plain" })).status).toBe(400);
    expect((await github(made, { text: "x".repeat(600_000) })).status).toBe(413);
    expect(sent()).toEqual([]);
  });

  it("for a hook that nobody made, of another agent, or revoked, is for nobody", async () => {
    const bob = await signIn(world, "hooks-bob");
    const made = await make();
    const foreign = { ...made, path: made.path.replace(alice.handle, bob.handle) };
    expect((await github(foreign, {})).status).toBe(404);
    expect((await github({ ...made, path: `${made.path.slice(0, -1)}z` }, {})).status).toBe(404);
    expect((await hooks(`/${made.hook.id}`, { method: "DELETE" })).status).toBe(200);
    expect((await github(made, {})).status).toBe(404);
    expect(sent()).toEqual([]);
  });
});

describe("a hook", () => {
  it("shows its secret once, and keeps it sealed", async () => {
    const made = await make();
    expect(await (await hooks()).text()).not.toContain(made.secret);
    const rotated = madeHookSchema.parse(await (await hooks(`/${made.hook.id}/rotate`, post({}))).json());
    expect((await github(made, { n: 1 })).status).toBe(401);
    expect((await github({ ...made, secret: rotated.secret }, { n: 1 })).status).toBe(202);
  });

  it("is tried out without sending anything", async () => {
    const made = await make({ template: "{{a}}" });
    const tried = await hooks(`/${made.hook.id}/preview`, post({ payload: { a: "here" } }));
    expect((await tried.json<{ text: string }>()).text).toContain("<data>here</data>");
    const other = await hooks(`/${made.hook.id}/preview`, post({ payload: {}, template: "{{b}}" }));
    expect((await other.json<{ text: string }>()).text).toContain("[b: missing]");
    expect(sent()).toEqual([]);
  });

  it.each([
    [{ template: "{{a" }],
    [{ template: "{{a | shout}}" }],
    [{ thread: "No Thread" }],
    [{ scheme: { type: "header", header: "bad header" } }],
    [{ scheme: { type: "none" } }],
  ])("is not made with %j", async (body) => {
    expect((await hooks("", post({ name: "x", thread: "ops", ...body }))).status).toBe(400);
  });

  it("is changed", async () => {
    const made = await make();
    const init = { method: "PATCH", body: JSON.stringify({ thread: "elsewhere", template: "now {{a}}" }) };
    expect((await hooks(`/${made.hook.id}`, init)).status).toBe(200);
    await github(made, { a: 1 });
    expect(sent()[0]).toMatchObject({ name: `${alice.id}.elsewhere` });
  });
});
