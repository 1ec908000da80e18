/** Connecting a model: tested first, kept safely, never given back. */
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startGateway } from "../../../local/gateway/index.ts";
import { keyHint, ollamaUrl } from "../../../local/gateway/providers/keys.ts";
import { type Seen, withGateway, withUpstream } from "./support.ts";

const KEY = "sk-ant-0123456789-wxyz";
const OFFLINE = { OLLAMA_HOST: "127.0.0.1:9" };

/** A provider that lists two models and answers calls, for the one right key. */
function provider(seen: Seen, response: ServerResponse): void {
  const given = seen.headers["x-api-key"] ?? seen.headers.authorization?.replace("Bearer ", "");
  if (given !== KEY) {
    const error = {
      type: "error",
      error: { type: "authentication_error", message: `invalid x-api-key ${given}` },
    };
    response.writeHead(401, { "content-type": "application/json" }).end(JSON.stringify(error));
  } else if (seen.url.startsWith("/v1/models")) {
    const data = [{ id: "claude-haiku-4-5", display_name: "Claude Haiku 4.5" }, { id: "claude-new-9" }];
    response.end(JSON.stringify({ data }));
  } else response.end("{}");
}

describe("connecting", () => {
  it("lists, calls, stores, and then answers with the provider", async () => {
    await withUpstream(provider, async (upstream, seen) => {
      await withGateway(
        async (gateway, dataDir) => {
          expect((await gateway.models()).find(({ id }) => id === "anthropic/claude-sonnet-4-6")).toEqual({
            id: "anthropic/claude-sonnet-4-6",
            label: "Claude Sonnet 4.6",
            source: "demo",
            connected: false,
          });
          expect(await gateway.connect({ provider: "anthropic", key: ` ${KEY}\n` })).toEqual({
            provider: "anthropic",
            keyHint: "…wxyz",
            testedWith: "anthropic/claude-haiku-4-5",
          });
          expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
            "GET /v1/models?limit=100",
            "POST /v1/messages",
          ]);
          expect(JSON.parse(seen[1]?.body ?? "")).toMatchObject({ model: "claude-haiku-4-5", max_tokens: 8 });
          expect((await gateway.models()).filter(({ id }) => id.startsWith("anthropic/"))).toEqual([
            { id: "anthropic/claude-haiku-4-5", label: "Claude Haiku 4.5", source: "key", connected: true },
            { id: "anthropic/claude-new-9", label: "Claude New 9", source: "key", connected: true },
          ]);
          const file = join(dataDir, "gateway.json");
          expect((await stat(file)).mode & 0o777).toBe(0o600);
          expect(await readdir(dataDir)).toEqual(["gateway.json"]);
          expect(await readFile(file, "utf8")).toContain(KEY);
          expect(JSON.stringify([await gateway.models(), await gateway.providers()])).not.toContain(KEY);
          expect((await gateway.providers())[0]).toEqual({
            provider: "anthropic",
            name: "Anthropic",
            source: "key",
            keyHint: "…wxyz",
            baseUrl: upstream,
          });
          expect(await gateway.test("anthropic/claude-haiku-4-5")).toEqual({
            model: "anthropic/claude-haiku-4-5",
          });

          await gateway.disconnect("anthropic");
          expect(await readFile(file, "utf8")).not.toContain(KEY);
          expect((await gateway.providers())[0]).toMatchObject({ source: "none", keyHint: "" });
        },
        { env: OFFLINE, baseUrls: { anthropic: upstream } },
      );
    });
  });

  it("keeps keys over a restart, and closes a file that others could read", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "holdfast-keys-"));
    try {
      await withUpstream(provider, async (upstream) => {
        const options = { dataDir, env: OFFLINE, baseUrls: { anthropic: upstream } };
        await withGateway(
          async (gateway) => void (await gateway.connect({ provider: "anthropic", key: KEY })),
          options,
        );
        await chmod(join(dataDir, "gateway.json"), 0o644);
        await withGateway(async (gateway) => {
          expect((await gateway.providers())[0]).toMatchObject({ source: "key", keyHint: "…wxyz" });
          expect((await stat(join(dataDir, "gateway.json"))).mode & 0o777).toBe(0o600);
        }, options);
      });
    } finally {
      await rm(dataDir, { recursive: true });
    }
  });

  it("stores nothing when the key is refused, says what to do, and never repeats the key", async () => {
    const wrong = "sk-ant-wrong-wrong-0000";
    await withUpstream(provider, async (upstream) => {
      const lines: string[] = [];
      await withGateway(
        async (gateway, dataDir) => {
          const failed = await gateway
            .connect({ provider: "anthropic", key: wrong })
            .catch((error: unknown) => error);
          expect(failed).toMatchObject({
            code: "bad_request",
            message: expect.stringContaining("Anthropic refused the key"),
          });
          expect(String(failed)).not.toContain(wrong);
          expect(await readdir(dataDir)).toEqual([]);
          expect((await gateway.providers())[0]).toMatchObject({ source: "none" });
        },
        { env: OFFLINE, baseUrls: { anthropic: upstream }, log: (line) => lines.push(line) },
      );
      expect(lines.join("\n")).not.toContain(wrong);
    });
  });

  it.each([
    [429, "model_rate_limited", "limit is reached"],
    [404, "model_unknown", "does not know the model"],
    [400, "model_failed", "credit balance is too low"],
  ])("explains status %i of the test call", async (status, code, message) => {
    await withUpstream(
      (seen, response) => {
        if (seen.method === "GET") response.end('{"data":[{"id":"claude-haiku-4-5"}]}');
        else response.writeHead(status).end('{"error":{"message":"credit balance is too low"}}');
      },
      async (upstream) => {
        await withGateway(
          async (gateway, dataDir) => {
            await expect(gateway.connect({ provider: "anthropic", key: KEY })).rejects.toMatchObject({
              code,
              message: expect.stringContaining(message),
            });
            expect(await readdir(dataDir)).toEqual([]);
          },
          { env: OFFLINE, baseUrls: { anthropic: upstream } },
        );
      },
    );
  });

  it("says when nobody answers", async () => {
    await withGateway(
      async (gateway) => {
        await expect(gateway.connect({ provider: "openai", key: KEY })).rejects.toMatchObject({
          code: "model_unreachable",
        });
      },
      { env: OFFLINE, baseUrls: { openai: "http://127.0.0.1:9" } },
    );
  });

  it("connects OpenAI and servers like it, and shows only models that chat", async () => {
    await withUpstream(
      (seen, response) => {
        const data = ["gpt-5-mini", "gpt-5-realtime", "text-embedding-3", "o4-mini", "whisper-1"].map(
          (id) => ({ id }),
        );
        response.end(seen.url.startsWith("/base/v1/models") ? JSON.stringify({ data }) : "{}");
      },
      async (upstream, seen) => {
        await withGateway(async (gateway) => {
          await gateway.connect({ provider: "openai", key: KEY, baseUrl: `${upstream}/base/v1/` });
          expect(seen[1]).toMatchObject({
            url: "/base/v1/chat/completions",
            headers: { authorization: `Bearer ${KEY}` },
          });
          const ids = (await gateway.models()).map(({ id }) => id).filter((id) => id.startsWith("openai/"));
          expect(ids).toEqual(["openai/gpt-5-mini", "openai/o4-mini"]);
        });
      },
    );
  });

  it.each([
    [{ provider: "anthropic" as const }, "Paste a key"],
    [{ provider: "anthropic" as const, key: "two words here" }, "does not look like a key"],
    [{ provider: "openai" as const, key: KEY, baseUrl: "http://example.com" }, "https://"],
    [{ provider: "openai" as const, key: KEY, baseUrl: "https://user:pw@example.com" }, "user name"],
  ])("refuses %o", async (input, message) => {
    await withGateway(async (gateway) => {
      await expect(gateway.connect(input)).rejects.toMatchObject({
        code: "bad_request",
        message: expect.stringContaining(message),
      });
    });
  });

  it("uses a key of the environment, says so, and cannot forget it", async () => {
    await withUpstream(provider, async (upstream) => {
      await withGateway(
        async (gateway) => {
          expect((await gateway.providers())[0]).toMatchObject({
            source: "env",
            keyHint: "…wxyz",
            baseUrl: upstream,
          });
          expect((await gateway.models()).filter(({ source }) => source === "env")).toHaveLength(2);
          await expect(gateway.disconnect("anthropic")).rejects.toMatchObject({
            message: expect.stringContaining("ANTHROPIC_API_KEY"),
          });
        },
        { env: { ...OFFLINE, ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: `${upstream}/v1` } },
      );
    });
  });

  it("changes one after another, so that none is lost", async () => {
    await withUpstream(provider, async (upstream) => {
      await withGateway(
        async (gateway, dataDir) => {
          await Promise.all([
            gateway.connect({ provider: "anthropic", key: KEY }),
            gateway.connect({ provider: "openai", key: KEY }),
          ]);
          const kept = JSON.parse(await readFile(join(dataDir, "gateway.json"), "utf8"));
          expect(Object.keys(kept.providers).sort()).toEqual(["anthropic", "openai"]);
        },
        { env: OFFLINE, baseUrls: { anthropic: upstream, openai: upstream } },
      );
    });
  });
});

describe("Ollama", () => {
  it("is found by itself, tested and connected at another address", async () => {
    await withUpstream(
      (seen, response) =>
        void response.end(seen.url === "/api/tags" ? '{"models":[{"name":"qwen3:4b"}]}' : "{}"),
      async (upstream, seen) => {
        const model = {
          id: "ollama/qwen3:4b",
          label: "qwen3:4b (Ollama)",
          source: "ollama",
          connected: true,
        };
        await withGateway(
          async (gateway) => {
            expect(await gateway.models()).toContainEqual(model);
            expect(await gateway.test("ollama/qwen3:4b")).toEqual({ model: "ollama/qwen3:4b" });
            expect(seen.at(-1)).toMatchObject({ method: "POST", url: "/v1/chat/completions" });
          },
          { env: { OLLAMA_HOST: upstream.replace("http://", "") } },
        );
        await withGateway(async (gateway) => {
          expect(await gateway.models()).not.toContainEqual(model);
          await gateway.connect({ provider: "ollama", baseUrl: upstream });
          expect(await gateway.models()).toContainEqual(model);
          await gateway.disconnect("ollama");
          expect(await gateway.models()).not.toContainEqual(model);
        });
      },
    );
  });

  it("is left out when it is too slow", async () => {
    await withUpstream(
      () => undefined,
      async (upstream) => {
        await withGateway(
          async (gateway) => {
            const models = await gateway.models();
            expect(models[0]).toEqual({
              id: "demo/holdfast-demo",
              label: "Demo model (no key needed)",
              source: "demo",
              connected: true,
            });
            expect(models.some(({ source }) => source === "ollama")).toBe(false);
          },
          { env: { OLLAMA_HOST: upstream } },
        );
      },
    );
  });

  it.each([
    ["0.0.0.0", "http://127.0.0.1:11434"],
    [":11500", "http://127.0.0.1:11500"],
    ["127.0.0.1:11434", "http://127.0.0.1:11434"],
    ["http://10.0.0.2:8080/", "http://10.0.0.2:8080"],
    ["https://ollama.example", "https://ollama.example"],
    ["http://box:80", "http://box"],
    ["not a host", "http://127.0.0.1:11434"],
  ])("understands OLLAMA_HOST=%s", (host, url) => {
    expect(ollamaUrl(host)).toBe(url);
  });
});

describe("the start", () => {
  it("says what is wrong with a broken key file instead of losing it", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "holdfast-keys-"));
    try {
      await writeFile(join(dataDir, "gateway.json"), '{"version": 1, "prov');
      await expect(startGateway({ dataDir, env: OFFLINE })).rejects.toMatchObject({
        code: "config_missing",
        message: expect.stringContaining("gateway.json"),
      });
      expect(await readFile(join(dataDir, "gateway.json"), "utf8")).toBe('{"version": 1, "prov');
    } finally {
      await rm(dataDir, { recursive: true });
    }
  });

  it("says when its port is taken", async () => {
    await withGateway(async ({ url }, dataDir) => {
      const port = Number(new URL(url).port);
      await expect(startGateway({ dataDir, port, env: OFFLINE })).rejects.toMatchObject({
        code: "config_missing",
      });
    });
  });

  it("hides a short key altogether", () => {
    expect(keyHint("short-key")).toBe("…");
  });
});
