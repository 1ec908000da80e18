/** Requests that go on to a provider: what reaches it, what comes back, and what is kept from both sides. */
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import type { GatewayOptions } from "../../../local/gateway/index.ts";
import { withGateway, withUpstream } from "./support.ts";

const KEY = "sk-test-0123456789abcdef";
const body = JSON.stringify({
  model: "claude-x",
  max_tokens: 5,
  messages: [{ role: "user", content: "hi" }],
});
const keyed = (anthropic: string, openai = anthropic): Partial<GatewayOptions> => ({
  env: { ANTHROPIC_API_KEY: KEY, OPENAI_API_KEY: `${KEY}-o`, OLLAMA_HOST: "127.0.0.1:9" },
  baseUrls: { anthropic, openai },
});
const post = (url: string, text: string, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(url, {
    method: "POST",
    body: text,
    headers: { "content-type": "application/json", ...headers },
    signal: signal ?? null,
  });

describe("to Anthropic", () => {
  it("sends the body unchanged with our key, and none of the caller's credentials or gateway headers", async () => {
    await withUpstream(
      (_seen, response) => {
        response.writeHead(200, {
          "content-type": "application/json",
          "anthropic-organization-id": "org",
          "set-cookie": "a=b",
        });
        response.end('{"id": "msg_real",  "kept": true}');
      },
      async (upstream, seen) => {
        await withGateway(async (gateway) => {
          const response = await post(`${gateway.url}/v1/a/g/anthropic/v1/messages?beta=true`, body, {
            "x-api-key": "cloudflare",
            authorization: "Bearer caller",
            "anthropic-version": "2023-06-01",
            "anthropic-beta": "tools-1",
            "cf-aig-metadata": '{"user":"u"}',
            "cf-aig-authorization": "Bearer gateway",
            "x-demo-pace-ms": "1",
            cookie: "session=1",
          });
          expect(response.status).toBe(200);
          expect(await response.text()).toBe('{"id": "msg_real",  "kept": true}');
          expect(response.headers.get("anthropic-organization-id")).toBe("org");
          expect(response.headers.get("set-cookie")).toBeNull();
          expect(response.headers.get("cf-aig-log-id")).toMatch(/^[0-9A-Z]{26}$/);
          expect(seen).toHaveLength(1);
          expect(seen[0]).toMatchObject({ method: "POST", url: "/v1/messages?beta=true", body });
          expect(seen[0]?.headers).toMatchObject({
            "x-api-key": KEY,
            "anthropic-version": "2023-06-01",
            "anthropic-beta": "tools-1",
            "accept-encoding": "identity",
          });
          const sent = Object.keys(seen[0]?.headers ?? {});
          expect(sent.filter((name) => /^cf-|^x-demo|cookie|authorization|^sec-/.test(name))).toEqual([]);
          expect(gateway.requests[0]).toMatchObject({
            answeredBy: upstream,
            status: 200,
            outcome: "completed",
            metadata: { user: "u" },
          });
        }, keyed(upstream));
      },
    );
  });

  it("passes errors on as they are", async () => {
    const error = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}';
    await withUpstream(
      (_seen, response) =>
        void response.writeHead(529, { "content-type": "application/json", "retry-after": "4" }).end(error),
      async (upstream) => {
        const lines: string[] = [];
        await withGateway(
          async ({ url }) => {
            const response = await post(`${url}/v1/a/g/anthropic/v1/messages`, body);
            expect([response.status, await response.text(), response.headers.get("retry-after")]).toEqual([
              529,
              error,
              "4",
            ]);
          },
          { ...keyed(upstream), log: (line) => lines.push(line) },
        );
        expect(lines.join("\n")).toContain("Anthropic answered with status 529");
        expect(lines.join("\n")).not.toContain(KEY);
      },
    );
  });

  it("streams each piece as soon as it comes", async () => {
    const { promise: firstSeen, resolve: sawFirst } = Promise.withResolvers<void>();
    await withUpstream(
      async (_seen, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write("data: one\n\n");
        await firstSeen; // only a gateway that passes the first piece on gets the second
        response.end("data: two\n\n");
      },
      async (upstream) => {
        await withGateway(async ({ url }) => {
          const response = await post(`${url}/v1/a/g/anthropic/v1/messages`, body);
          const reader = response.body?.getReader();
          expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("data: one\n\n");
          sawFirst();
          expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("data: two\n\n");
        }, keyed(upstream));
      },
    );
  });

  it("slows the provider down to the pace of a reader that does not read", async () => {
    let written = 0;
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    await withUpstream(
      (_seen, response) => {
        response.once("close", () => leave());
        response.writeHead(200, { "content-type": "text/event-stream" });
        const piece = Buffer.alloc(64 * 1024, 120);
        const more = (): void => {
          // 64 MB: more than all the buffers on the way hold.
          for (let full = false; !full && written < 64 * 1024 * 1024; written += piece.length)
            full = !response.write(piece);
        };
        response.on("drain", more);
        more();
      },
      async (upstream) => {
        await withGateway(async ({ url }) => {
          const leaving = new AbortController();
          const response = await post(`${url}/v1/a/g/anthropic/v1/messages`, body, {}, leaving.signal);
          await response.body?.getReader().read();
          const demo = body.replace("claude-x", "holdfast-demo");
          for (let before = -1; written !== before; ) {
            before = written;
            for (let i = 0; i < 20; i++)
              await (await post(`${url}/v1/a/g/anthropic/v1/messages`, demo)).text();
          }
          expect(written).toBeLessThan(64 * 1024 * 1024);
          leaving.abort();
          await left;
        }, keyed(upstream));
      },
    );
  });

  it("breaks the provider's answer off when the client goes away", async () => {
    const { promise: upstreamClosed, resolve } = Promise.withResolvers<void>();
    await withUpstream(
      (_seen, response) => {
        response.once("close", () => resolve());
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write("data: one\n\n");
      },
      async (upstream) => {
        await withGateway(async (gateway) => {
          const leaving = new AbortController();
          const response = await post(
            `${gateway.url}/v1/a/g/anthropic/v1/messages`,
            body,
            {},
            leaving.signal,
          );
          await response.body?.getReader().read();
          leaving.abort();
          await upstreamClosed;
          expect((await gateway.settled(() => true)).outcome).toBe("aborted");
        }, keyed(upstream));
      },
    );
  });

  it("passes a provider's broken stream on as a broken stream", async () => {
    await withUpstream(
      (_seen, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write("data: one\n\n", () => response.socket?.destroySoon());
      },
      async (upstream) => {
        await withGateway(async (gateway) => {
          const response = await post(`${gateway.url}/v1/a/g/anthropic/v1/messages`, body);
          await expect(response.text()).rejects.toThrow();
          expect((await gateway.settled(() => true)).outcome).toBe("cut");
        }, keyed(upstream));
      },
    );
  });

  it("follows no redirect, since the key would go along", async () => {
    await withUpstream(
      (_seen, response) => void response.writeHead(307, { location: "http://127.0.0.1:9/" }).end(),
      async (upstream, seen) => {
        await withGateway(async ({ url }) => {
          const response = await post(`${url}/v1/a/g/anthropic/v1/messages`, body);
          expect(response.status).toBe(502);
          expect(await response.json()).toMatchObject({ success: false });
          expect(seen).toHaveLength(1);
        }, keyed(upstream));
      },
    );
  });

  it("gives up after cf-aig-request-timeout, and says when nobody is there", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    try {
      await withGateway(
        async ({ url }) => {
          const late = await post(`${url}/v1/a/g/anthropic/v1/messages`, body, {
            "cf-aig-request-timeout": "50",
          });
          expect(late.status).toBe(408);
          expect(await late.json()).toMatchObject({
            error: [{ message: expect.stringContaining("cf-aig-request-timeout") }],
          });
        },
        keyed(`http://127.0.0.1:${port}`),
      );
    } finally {
      silent.close();
    }
    await withGateway(
      async ({ url }) => {
        const refused = await post(`${url}/v1/a/g/anthropic/v1/messages`, body);
        expect(refused.status).toBe(502);
        expect(await refused.json()).toMatchObject({
          error: [{ message: expect.stringContaining("Anthropic does not answer") }],
        });
      },
      keyed(`http://127.0.0.1:${port}`),
    );
  });

  it("serves other endpoints only with a key", async () => {
    await withUpstream(
      (seen, response) => void response.end(seen.url),
      async (upstream) => {
        await withGateway(async ({ url }) => {
          expect(await (await fetch(`${url}/v1/a/g/anthropic/v1/models?limit=3`)).text()).toBe(
            "/v1/models?limit=3",
          );
        }, keyed(upstream));
        await withGateway(async ({ url }) => {
          expect((await fetch(`${url}/v1/a/g/anthropic/v1/models`)).status).toBe(404);
        });
      },
    );
  });

  it("still answers the demo model's name with the demo model, and scripts before anyone", async () => {
    await withUpstream(
      (_seen, response) => void response.end("{}"),
      async (upstream, seen) => {
        await withGateway(async (gateway) => {
          const demo = body.replace("claude-x", "holdfast-demo");
          expect(await (await post(`${gateway.url}/v1/a/g/anthropic/v1/messages`, demo)).text()).toContain(
            "holdfast-demo",
          );
          gateway.script.push({ steps: [{ text: "scripted" }] });
          expect(await (await post(`${gateway.url}/v1/a/g/anthropic/v1/messages`, body)).text()).toContain(
            "scripted",
          );
          expect(seen).toEqual([]);
        }, keyed(upstream));
      },
    );
  });
});

describe("by the model's name", () => {
  const chat = (model: string) =>
    JSON.stringify({ model, messages: [{ role: "user", content: "hi" }], seed: 7 });

  it.each([
    ["openai/chat/completions", "gpt-5.5", `Bearer ${KEY}-o`, "gpt-5.5"],
    ["openai/v1/chat/completions", "gpt-5.5", `Bearer ${KEY}-o`, "gpt-5.5"],
    ["compat/chat/completions", "openai/gpt-5.5", `Bearer ${KEY}-o`, "gpt-5.5"],
    ["compat/chat/completions", "anthropic/claude-sonnet-4.6", `Bearer ${KEY}`, "claude-sonnet-4-6"],
  ])("%s %s", async (path, model, authorization, sent) => {
    await withUpstream(
      (_seen, response) => void response.end("{}"),
      async (upstream, seen) => {
        await withGateway(async ({ url }) => {
          expect((await post(`${url}/v1/a/g/${path}`, chat(model))).status).toBe(200);
          expect(seen[0]).toMatchObject({ url: "/v1/chat/completions", headers: { authorization } });
          expect(JSON.parse(seen[0]?.body ?? "")).toEqual(JSON.parse(chat(sent)));
        }, keyed(upstream));
      },
    );
  });

  it.each(["openai/v1/chat/completions", "compat/chat/completions"])(
    "Ollama through %s, without a key",
    async (path) => {
      await withUpstream(
        (_seen, response) => void response.end("{}"),
        async (upstream, seen) => {
          await withGateway(
            async ({ url }) => {
              expect(
                (await post(`${url}/v1/a/g/${path}`, chat("ollama/qwen3:4b"), { authorization: "Bearer x" }))
                  .status,
              ).toBe(200);
              expect(JSON.parse(seen[0]?.body ?? "")).toEqual(JSON.parse(chat("qwen3:4b")));
              expect(seen[0]?.headers.authorization).toBeUndefined();
            },
            { env: { OLLAMA_HOST: upstream, OPENAI_API_KEY: KEY } },
          );
        },
      );
    },
  );

  it("says how to start Ollama when it is not there", async () => {
    await withGateway(async ({ url }) => {
      const response = await post(`${url}/v1/a/g/openai/v1/chat/completions`, chat("ollama/qwen3"));
      expect(response.status).toBe(502);
      expect(await response.text()).toContain("ollama serve");
    });
  });

  it("wants provider/model on the compat path", async () => {
    await withGateway(async ({ url }) => {
      expect((await post(`${url}/v1/a/g/compat/chat/completions`, chat("gpt-5.5"))).status).toBe(400);
    });
  });
});
