/** Scripted answers, for tests of everything that talks to a model. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Gateway } from "../../../local/gateway/index.ts";
import { RequestLog } from "../../../local/gateway/script.ts";
import { withGateway } from "./support.ts";

const call = (gateway: Gateway, text: string, stream = true, signal?: AbortSignal) =>
  fetch(`${gateway.url}/v1/acc/default/anthropic/v1/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "claude-x",
      max_tokens: 10_000,
      stream,
      messages: [{ role: "user", content: text }],
    }),
    signal: signal ?? null,
  });
const message = z.object({ content: z.array(z.object({ text: z.string() })) });
const textOf = async (response: Response) =>
  message
    .parse(await response.json())
    .content.map(({ text }) => text)
    .join("");

describe("the script", () => {
  it("is used up in order, one step a call, and then the demo model answers again", async () => {
    await withGateway(async (gateway) => {
      gateway.script.push({ steps: [{ text: "one" }, { text: "two" }] }, { steps: [{ text: "three" }] });
      const answers: string[] = [];
      for (let i = 0; i < 3; i++) answers.push(await textOf(await call(gateway, "hi", false)));
      expect(answers).toEqual(["one", "two", "three"]);
      expect(gateway.script.pending).toBe(0);
      expect(await textOf(await call(gateway, "count to 3", false))).toBe("1, 2, 3");
      expect(gateway.requests.map(({ answeredBy }) => answeredBy)).toEqual([
        "script",
        "script",
        "script",
        "holdfast-demo",
      ]);
    });
  });

  it("keeps a step for the call whose newest user text matches", async () => {
    await withGateway(async (gateway) => {
      gateway.script.push({ match: "blue", steps: [{ text: "for blue" }] });
      expect(await textOf(await call(gateway, "count to 2", false))).toBe("1, 2");
      expect(await textOf(await call(gateway, "the blue one", false))).toBe("for blue");
    });
  });

  it("can be cleared", async () => {
    await withGateway(async (gateway) => {
      gateway.script.push({ steps: [{ text: "never" }] });
      gateway.script.clear();
      expect(await textOf(await call(gateway, "count to 2", false))).toBe("1, 2");
    });
  });

  it("makes a text of exactly so many tokens", async () => {
    await withGateway(async (gateway) => {
      gateway.script.push({ steps: [{ text: "one two three", tokens: 7 }] });
      expect(await textOf(await call(gateway, "hi", false))).toBe("one two three one two three one");
      expect(gateway.requests[0]?.tokensSent).toBe(7);
    });
  });

  it.each(["anthropic", "openai"])("calls tools, also with broken input (%s)", async (wire) => {
    await withGateway(async (gateway) => {
      const model =
        wire === "anthropic"
          ? createAnthropic({ apiKey: "x", baseURL: `${gateway.url}/v1/a/g/anthropic/v1` })("claude")
          : createOpenAICompatible({ name: "openai", baseURL: `${gateway.url}/v1/a/g/openai` })("gpt");
      gateway.script.push({
        steps: [
          {
            text: "Now.",
            tools: [
              { name: "read", input: { path: "x" } },
              { name: "browse", input: { url: "y" } },
            ],
          },
          { tools: [{ name: "read", input: null, rawInput: '{"path": "x' }] },
        ],
      });
      const collect = async () => {
        const { stream } = await model.doStream({
          prompt: [{ role: "user", content: [{ type: "text", text: "go" }] }],
        });
        const parts: LanguageModelV4StreamPart[] = [];
        const reader = stream.getReader();
        for (let read = await reader.read(); !read.done; read = await reader.read()) parts.push(read.value);
        return parts.flatMap((part) => (part.type === "tool-call" ? [`${part.toolName} ${part.input}`] : []));
      };
      expect(await collect()).toEqual(['read {"path":"x"}', 'browse {"url":"y"}']);
      expect(await collect()).toEqual(['read {"path": "x']);
    });
  });

  it("answers with a status, a body and headers as given", async () => {
    await withGateway(async (gateway) => {
      gateway.script.push({
        steps: [
          { status: 529, body: { busy: true }, headers: { "retry-after": "3" } },
          { status: 500, body: "<html>" },
        ],
      });
      const first = await call(gateway, "hi");
      expect([first.status, await first.json(), first.headers.get("retry-after")]).toEqual([
        529,
        { busy: true },
        "3",
      ]);
      const second = await call(gateway, "hi");
      expect([second.status, await second.text()]).toEqual([500, "<html>"]);
    });
  });

  it("sends garbage as a successful stream", async () => {
    await withGateway(async (gateway) => {
      gateway.script.push({ steps: [{ garbage: "data: {not json\n\n" }] });
      const response = await call(gateway, "hi");
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toContain("text/event-stream");
      expect(await response.text()).toBe("data: {not json\n\n");
    });
  });

  it("cuts the stream after every number of bytes, exactly", async () => {
    await withGateway(async (gateway) => {
      gateway.script.push({ steps: [{ text: "Ebb und Flut, stündlich." }] });
      const whole = Buffer.from(await (await call(gateway, "hi")).arrayBuffer());
      const idAt = /msg_01[0-9a-f]+/;
      const same = (bytes: Buffer) => bytes.toString("latin1").replace(idAt, "msg");
      for (let n = 0; n <= whole.length; n += 1 + Math.floor(n / 40)) {
        gateway.script.push({ steps: [{ cutAfterBytes: n, text: "Ebb und Flut, stündlich." }] });
        const response = await call(gateway, "hi");
        expect(response.status).toBe(200);
        const got: Buffer[] = [];
        const reader = response.body?.getReader();
        const failure = await (async () => {
          for (let read = await reader?.read(); read && !read.done; read = await reader?.read())
            got.push(Buffer.from(read.value));
          return null;
        })().catch((error: unknown) => error);
        expect(failure, `cut after ${n} bytes`).toBeInstanceOf(Error);
        const bytes = Buffer.concat(got);
        expect(bytes.length).toBe(n);
        if (n > 120) expect(same(whole).startsWith(same(bytes))).toBe(true);
      }
      expect(gateway.requests.slice(1).every(({ outcome }) => outcome === "cut")).toBe(true);
    });
  });

  it("cuts an answer that is not streamed, too", async () => {
    await withGateway(async (gateway) => {
      gateway.script.push({ steps: [{ cutAfterBytes: 20, text: "cut" }] });
      const response = await call(gateway, "hi", false);
      await expect(response.text()).rejects.toThrow();
    });
  });

  it("falls silent after so many tokens until the client gives up", async () => {
    await withGateway(async (gateway) => {
      gateway.script.push({ steps: [{ stallAfterTokens: 3, text: "one two three four five" }] });
      const leaving = new AbortController();
      const response = await call(gateway, "hi", true, leaving.signal);
      const reader = response.body?.getReader();
      let text = "";
      while (!text.includes(" three")) text += new TextDecoder().decode((await reader?.read())?.value);
      expect(text).not.toContain("four");
      expect(gateway.requests[0]).toMatchObject({ outcome: "open", tokensSent: 3 });
      leaving.abort();
      expect(await gateway.settled(() => true)).toMatchObject({ outcome: "aborted", tokensSent: 3 });
    });
  });

  it("falls silent before the end when the text has fewer tokens", async () => {
    await withGateway(async (gateway) => {
      gateway.script.push({ steps: [{ stallAfterTokens: 99, text: "one two" }] });
      const leaving = new AbortController();
      const response = await call(gateway, "hi", true, leaving.signal);
      const reader = response.body?.getReader();
      let text = "";
      while (!text.includes(" two")) text += new TextDecoder().decode((await reader?.read())?.value);
      // An answer to somebody else takes longer than the end of this one would.
      await (await call(gateway, "count to 3", false)).text();
      expect(text).not.toContain("message_stop");
      expect(gateway.requests[0]).toMatchObject({ outcome: "open", tokensSent: 2 });
      leaving.abort();
    });
  });

  it("ends open answers when it closes", async () => {
    let reading: Promise<unknown> = Promise.resolve();
    await withGateway(async (gateway) => {
      gateway.script.push({ steps: [{ stallAfterTokens: 1, text: "one two" }] });
      const response = await call(gateway, "hi");
      reading = response.text().catch((error: unknown) => error);
    });
    expect(await reading).toBeInstanceOf(Error);
  });

  it("refuses a step that is none", async () => {
    await withGateway(async (gateway) => {
      // A test in JavaScript can hand over anything.
      const wrong = JSON.parse('{"steps": [{"say": "x"}]}');
      expect(() => gateway.script.push(wrong)).toThrow();
      expect(gateway.script.pending).toBe(0);
    });
  });

  it("keeps a thousand requests", () => {
    const log = new RequestLog();
    const fields = {
      receivedAt: 0,
      provider: "",
      endpoint: "",
      metadata: null,
      model: "",
      system: "",
      messages: [],
      tools: [],
      stream: true,
    };
    for (let i = 0; i < 1_003; i++) log.open(fields);
    expect([log.list().length, log.list()[0]?.seq]).toEqual([1_000, 4]);
  });

  it("forgets the oldest requests, not the newest", async () => {
    await withGateway(async (gateway) => {
      const long = "x".repeat(5_000_000);
      await (await call(gateway, `first ${long}`, false)).text();
      await (await call(gateway, `second ${long}`, false)).text();
      expect(gateway.requests.map(({ seq }) => seq)).toEqual([2]);
    });
  });
});

describe("over HTTP", () => {
  const json = { "content-type": "application/json" };

  it("takes scripts and tells requests to another process, only when asked to", async () => {
    await withGateway(
      async (gateway) => {
        const script = `${gateway.url}/_test/script`;
        const post = (body: unknown) =>
          fetch(script, { method: "POST", headers: json, body: JSON.stringify(body) });
        expect(await (await post({ steps: [{ text: "from afar" }] })).json()).toEqual({ pending: 1 });
        expect(await (await post([{ match: "m", steps: [{ text: "a" }, { text: "b" }] }])).json()).toEqual({
          pending: 3,
        });
        expect(await textOf(await call(gateway, "hi", false))).toBe("from afar");
        const { requests } = z
          .object({ requests: z.array(z.object({ model: z.string(), outcome: z.string() })) })
          .parse(await (await fetch(`${gateway.url}/_test/requests`)).json());
        expect(requests).toEqual([{ model: "claude-x", outcome: "completed" }]);
        expect((await post({ steps: [{ nonsense: 1 }] })).status).toBe(400);
        expect(await (await fetch(script, { method: "DELETE" })).json()).toEqual({ pending: 0 });
        await fetch(`${gateway.url}/_test/requests`, { method: "DELETE" });
        expect(gateway.requests).toEqual([]);
      },
      { scriptable: true },
    );
  });
});
