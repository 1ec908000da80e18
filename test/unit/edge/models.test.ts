import { describe, expect, it } from "vitest";
import type { ModelsPort } from "../../../local/edge/models.ts";
import { AppError } from "../../../src/errors.ts";
import { noModels, send, setUp } from "./support.ts";

const KEY = "sk-ant-secret-0123456789";

function fake(calls: unknown[]): ModelsPort {
  return {
    ...noModels,
    models: async () => [{ id: "demo/x", label: "Demo", source: "demo", connected: true }],
    connect: async (input) => {
      calls.push(input);
      if (input.key === "boom") throw new Error(`request with ${input.key} failed`);
      if (input.key !== KEY) throw new AppError("bad_request", "That key was refused.");
      return { provider: input.provider, keyHint: "…6789", testedWith: "anthropic/x" };
    },
    test: async (id) => {
      calls.push(id);
      return { model: id };
    },
    disconnect: async (provider) => {
      calls.push(provider);
    },
  };
}

async function withModels() {
  const calls: unknown[] = [];
  const setup = await setUp({ models: fake(calls) });
  const cookie = `CF_Authorization=${await setup.token()}`;
  const post = (body: unknown, headers: Record<string, string> = { origin: setup.edge.origin }) =>
    send(setup.edge.port, "/local/models", {
      method: "POST",
      headers: { cookie, ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  return { ...setup, calls, cookie, post };
}

describe("/local/models", () => {
  it("lists models and providers for whoever is signed in, and for nobody else", async () => {
    const { edge, cookie } = await withModels();
    const answer = await send(edge.port, "/local/models", { headers: { cookie } });
    expect(JSON.parse(answer.body)).toEqual({
      models: [{ id: "demo/x", label: "Demo", source: "demo", connected: true }],
      providers: [],
    });
    expect((await send(edge.port, "/local/models")).status).toBe(401);
  });

  it("connects, tests and disconnects", async () => {
    const { post, calls } = await withModels();
    const connected = await post({ action: "connect", provider: "anthropic", key: KEY });
    expect([connected.status, JSON.parse(connected.body).keyHint]).toEqual([200, "…6789"]);
    expect(JSON.parse((await post({ action: "test", id: "anthropic/x" })).body)).toEqual({
      model: "anthropic/x",
    });
    expect(JSON.parse((await post({ action: "disconnect", provider: "anthropic" })).body)).toEqual({
      ok: true,
    });
    expect(calls).toEqual([{ provider: "anthropic", key: KEY }, "anthropic/x", "anthropic"]);
  });

  it("wants the exact origin for changes, even from a program with a header", async () => {
    const { edge, post, calls, token } = await withModels();
    for (const headers of [{}, { origin: "http://127.0.0.1:3000" }, { "sec-fetch-site": "same-origin" }]) {
      const answer = await post({ action: "test", id: "x" }, headers as Record<string, string>);
      expect([answer.status, answer.code]).toEqual([403, "origin_refused"]);
    }
    const program = await send(edge.port, "/local/models", {
      method: "POST",
      headers: { "cf-access-token": await token() },
      body: JSON.stringify({ action: "test", id: "x" }),
    });
    expect(program.code).toBe("origin_refused");
    expect(calls).toEqual([]);
  });

  it("says what is wrong, and never repeats or logs a key", async () => {
    const { post, lines } = await withModels();
    const refused = await post({ action: "connect", provider: "anthropic", key: "sk-wrong-key" });
    expect([refused.status, refused.code]).toEqual([400, "bad_request"]);
    const broken = await post({ action: "connect", provider: "anthropic", key: "boom" });
    expect([broken.status, broken.code]).toEqual([500, "internal"]);
    for (const text of [refused.body, broken.body, lines.join("\n")]) {
      expect(text).not.toContain("boom");
      expect(text).not.toContain("sk-wrong-key");
    }
    expect(lines).toHaveLength(2);
  });

  it.each(["not json", { action: "explode" }, { action: "connect", provider: "acme" }, { action: "test" }])(
    "does not take %j",
    async (body) => {
      const { post, calls } = await withModels();
      const answer = await post(body);
      expect([answer.status, answer.code]).toEqual([400, "bad_request"]);
      expect(calls).toEqual([]);
    },
  );
});
