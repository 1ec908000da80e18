/** The official `openai` package with keys that are wrong, foreign, revoked, or for something else. */
import OpenAI from "openai";
import { beforeAll, describe, expect, it } from "vitest";
import {
  asks,
  clientOf,
  keyOf,
  type ProgramWorld,
  programWorld,
  refusal,
  says,
} from "../support/e2e-programs.ts";
import { textOf } from "../support/e2e-server.ts";

let world: ProgramWorld;
let { server, alice, bob, secret, client } = {} as ProgramWorld; // set before the first test

beforeAll(async () => {
  world = await programWorld();
  ({ server, alice, bob, secret, client } = world);
  return () => server.stop();
});

describe("keys", () => {
  const listed = (key: string, handle = alice.handle) => refusal(clientOf(server, handle, key).models.list());

  it("that are wrong are refused", async () => {
    const typo = `${secret.slice(0, -1)}${secret.endsWith("a") ? "b" : "a"}`;
    for (const key of ["sk-nothing", typo, (await keyOf(bob)).secret.replace(/.{20}$/, "")]) {
      const error = await listed(key);
      expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
      expect(error).toMatchObject({ status: 401, code: "invalid_api_key" });
    }
  });

  it("of another agent are refused", async () => {
    expect(await listed((await keyOf(bob)).secret)).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(await listed(secret, "nobody-here")).toBeInstanceOf(OpenAI.NotFoundError);
  });

  it("do no more than their scopes", async () => {
    const reading = clientOf(server, alice.handle, (await keyOf(alice, { scopes: ["read"] })).secret);
    const talking = clientOf(server, alice.handle, (await keyOf(alice, { scopes: ["chat"] })).secret);
    const ask = { model: alice.handle, messages: asks("hi") };
    expect((await reading.models.list()).data).toHaveLength(1);
    expect(await refusal(reading.chat.completions.create(ask))).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(await refusal(talking.models.list())).toBeInstanceOf(OpenAI.PermissionDeniedError);
  });

  it("for one chat go nowhere else", async () => {
    const bound = clientOf(server, alice.handle, (await keyOf(alice, { thread: "only-here" })).secret);
    await says(world, "where am I", "Here.");
    await bound.chat.completions.create({ model: alice.handle, messages: asks("where am I") });
    expect((await alice.messages("only-here")).map(textOf)).toEqual(["where am I", "Here."]);
    const elsewhere = bound.chat.completions.create(
      { model: alice.handle, messages: asks("hi") },
      { headers: { "Holdfast-Thread": "elsewhere" } },
    );
    expect(await refusal(elsewhere)).toBeInstanceOf(OpenAI.PermissionDeniedError);
  });

  it("do not see each other's answers", async () => {
    await says(world, "between us", "Only you.");
    const { id } = await client.responses.create({ model: alice.handle, input: "between us" });
    const other = clientOf(server, alice.handle, (await keyOf(alice)).secret);
    expect(await refusal(other.responses.retrieve(id))).toBeInstanceOf(OpenAI.NotFoundError);
  });

  it("are rotated with an overlap, and revoked at once", async () => {
    const first = await keyOf(alice);
    const address = `/api/agents/${alice.handle}/keys/${first.key.id}`;
    const rotate = async (overlapHours: number): Promise<string> => {
      const body = JSON.stringify({ overlapHours });
      const response = await alice.fetch(`${address}/rotate`, { method: "POST", body });
      return ((await response.json()) as { secret: string }).secret;
    };
    const second = await rotate(1);
    expect(await listed(first.secret)).toHaveProperty("answered");
    expect(await listed(second)).toHaveProperty("answered");
    const third = await rotate(0);
    expect(await listed(second)).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(await listed(third)).toHaveProperty("answered");
    expect((await alice.fetch(address, { method: "DELETE" })).status).toBe(200);
    expect(await listed(third)).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(await (await alice.fetch(`/api/agents/${alice.handle}/keys`)).text()).not.toContain(third);
  });

  it("that are guessed at are answered with a pause", async () => {
    const guesses = Array.from({ length: 40 }, () => listed("hf_guess"));
    const errors = await Promise.all(guesses);
    const limited = errors.find((error) => error instanceof OpenAI.RateLimitError);
    expect(limited).toBeInstanceOf(OpenAI.RateLimitError);
    expect((limited as InstanceType<typeof OpenAI.RateLimitError>).headers?.get("retry-after")).toBe("60");
    // Whoever has a key is not kept out by it.
    expect(await listed(secret)).toHaveProperty("answered");
  });
});
