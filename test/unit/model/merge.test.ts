import { describe, expect, it } from "vitest";
import { joined, mergeDeltas, mergingFetch } from "../../../src/model/merge.ts";

const anthropic = (text: string, index = 0) =>
  `event: content_block_delta\ndata: ${JSON.stringify({ type: "content_block_delta", index, delta: { type: "text_delta", text } })}\n\n`;
const openai = (content: string) =>
  `data: ${JSON.stringify({ id: "c1", choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;

/** The text that a reader of the events would put together. */
function read(events: string): string {
  return events
    .split("\n")
    .filter((line) => line.startsWith("data:") && line !== "data: [DONE]")
    .map((line) => JSON.parse(line.slice(5)))
    .map((event) => event.delta?.text ?? event.choices?.[0]?.delta?.content ?? "")
    .join("");
}

async function through(bytes: Uint8Array, cuts: number[]): Promise<string> {
  const edges = [0, ...cuts, bytes.length];
  const chunks = edges.slice(1).map((end, i) => bytes.slice(edges[i], end));
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) if (chunk.length > 0) controller.enqueue(chunk);
      controller.close();
    },
  });
  return new Response(stream.pipeThrough(mergeDeltas())).text();
}

describe("joining deltas", () => {
  it("joins neighbours of one block into one event", () => {
    const out = joined(anthropic("a") + anthropic("b") + anthropic("c"));
    expect(out).toBe(anthropic("abc"));
    expect(joined(openai("x") + openai("y"))).toBe(openai("xy"));
  });

  it("keeps blocks, other events and their order apart", () => {
    const ping = 'event: ping\ndata: {"type":"ping"}\n\n';
    const stop = 'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n';
    const text = anthropic("a") + anthropic("b") + ping + anthropic("c") + stop + anthropic("d", 1);
    expect(joined(text)).toBe(anthropic("ab") + ping + anthropic("c") + stop + anthropic("d", 1));
  });

  it("never touches a chunk that says more than text", () => {
    const last = `data: ${JSON.stringify({ id: "c1", choices: [{ index: 0, delta: { content: "!" }, finish_reason: "stop" }] })}\n\n`;
    const tool = `data: ${JSON.stringify({ id: "c1", choices: [{ index: 0, delta: { content: "", tool_calls: [{ index: 0 }] } }] })}\n\n`;
    expect(joined(openai("a") + last + tool + openai("b"))).toBe(openai("a") + last + tool + openai("b"));
  });

  it("keeps every escape, and joins what is padded with blanks", () => {
    const texts = ['"', "\\", "\n", "\t", "\u0001", "\u0085", "\ud83c", "\udf0a", "é", "/"];
    expect(read(joined(texts.map((text) => anthropic(text)).join("")))).toBe(texts.join(""));
    const escaped = ["\\u00e9", "\\/", "\\ud83c", "\\udf0a"].map((text) => anthropic("@").replace("@", text));
    expect(read(joined(escaped.join("")))).toBe("é/🌊");
    const padded = anthropic("b").replace('"}}', '"}          }');
    expect(joined(anthropic("a") + padded + anthropic("c"))).toBe(anthropic("abc"));
  });

  it("leaves a text delta whose string is not JSON as it is", () => {
    const broken = anthropic("@").replace("@", "\\x");
    const short = anthropic("@").replace("@", "\\u12");
    for (const odd of [broken, short])
      expect(joined(anthropic("a") + odd + anthropic("b"))).toBe(anthropic("a") + odd + anthropic("b"));
  });

  it("leaves what is not JSON as it is", () => {
    const odd = 'data: {"choices":[{"delta":{"content": broken\n\n';
    expect(joined(odd + openai("a"))).toBe(odd + openai("a"));
  });

  it("cut at every byte, in the middle of characters too, gives the same text", async () => {
    const text = ["häl", "fte ", "🌊", " flut", "\n\n", "“ende”"];
    const bytes = new TextEncoder().encode(text.map((part) => anthropic(part)).join(""));
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(read(await through(bytes, [cut]))).toBe(text.join(""));
    }
  });

  it("takes CRLF as well", async () => {
    const bytes = new TextEncoder().encode((openai("a") + openai("b")).replaceAll("\n", "\r\n"));
    expect(read((await through(bytes, [])).replaceAll("\r", ""))).toBe("ab");
  });

  it("does not touch answers that are not event streams", async () => {
    const original = new Response('{"error":"no"}', {
      status: 500,
      headers: { "content-type": "application/json" },
    });
    const out = await mergingFetch(async () => original)("https://x");
    expect(out).toBe(original);
  });
});
