/**
 * Joins the text deltas of one upstream read before a provider package sees them. The packages spend about 52 µs on
 * every event; a read often holds dozens. Events of any other kind pass through byte for byte, in order.
 */

/** One server-sent event: its lines as they came, and its `data` when it is a text delta that may be joined. */
interface SseEvent {
  raw: string;
  delta: TextDelta | null;
}

/** A text delta, and how to write it back with another text. */
interface TextDelta {
  /** Deltas with the same key may be joined. */
  key: string;
  text: string;
  write(text: string): string;
}

/** Wraps a fetch so that event streams come out with joined deltas. Other responses are untouched. */
export function mergingFetch(
  fetch: (input: string, init?: RequestInit) => Promise<Response>,
): (input: string, init?: RequestInit) => Promise<Response> {
  return async (input, init) => {
    const response = await fetch(input, init);
    if (!response.body || !(response.headers.get("content-type") ?? "").includes("text/event-stream")) {
      return response;
    }
    return new Response(response.body.pipeThrough(mergeDeltas()), response);
  };
}

/** The stream itself: bytes of server-sent events in and out. */
export function mergeDeltas(): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = "";
  return new TransformStream({
    transform(chunk, controller) {
      rest += decoder.decode(chunk, { stream: true });
      const end = lastEventEnd(rest);
      if (end === 0) return;
      const whole = rest.slice(0, end);
      rest = rest.slice(end);
      controller.enqueue(encoder.encode(joined(whole)));
    },
    flush(controller) {
      rest += decoder.decode();
      if (rest !== "") controller.enqueue(encoder.encode(rest));
    },
  });
}

/** Index behind the last blank line: everything before it is whole events. */
function lastEventEnd(text: string): number {
  const lf = text.lastIndexOf("\n\n");
  const crlf = text.lastIndexOf("\r\n\r\n");
  return Math.max(lf < 0 ? 0 : lf + 2, crlf < 0 ? 0 : crlf + 4);
}

/** Whole events as text, with neighbouring text deltas joined. */
export function joined(text: string): string {
  const events = eventsOf(text);
  let out = "";
  for (let i = 0; i < events.length; ) {
    const first = events[i];
    if (!first) break;
    let whole = first.delta?.text ?? "";
    let end = i + 1;
    for (let next = events[end]; first.delta && next?.delta?.key === first.delta.key; next = events[++end]) {
      whole += next.delta.text;
    }
    out += first.delta && end > i + 1 ? first.delta.write(whole) : first.raw;
    i = end;
  }
  return out;
}

/**
 * Anthropic's text delta as it is written on the wire, up to the blanks that pad it. The text stays escaped: valid JSON
 * strings are joined without being read. An event that differs by a byte is parsed instead.
 */
const PLAIN_DELTA =
  /event: content_block_delta\ndata: \{"type":"content_block_delta","index":(0|[1-9]\d*),"delta":\{"type":"text_delta","text":"([^"\\\p{Cc}]*(?:\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})[^"\\\p{Cc}]*)*)"\} *\} *\n\n/uy;

function eventsOf(text: string): SseEvent[] {
  const events: SseEvent[] = [];
  const hasCr = text.includes("\r");
  for (let at = 0; at < text.length; ) {
    PLAIN_DELTA.lastIndex = at;
    const plain = PLAIN_DELTA.exec(text);
    const end = plain ? PLAIN_DELTA.lastIndex : eventEnd(text, at, hasCr);
    const raw = text.slice(at, end);
    events.push(plain ? { raw, delta: plainDelta(plain[1] ?? "", plain[2] ?? "") } : parseEvent(raw));
    at = end;
  }
  return events;
}

/** Index behind the blank line that ends the event which begins at `at`. */
function eventEnd(text: string, at: number, hasCr: boolean): number {
  const lf = text.indexOf("\n\n", at);
  const crlf = hasCr ? text.indexOf("\r\n\r\n", at) : -1;
  if (lf < 0 && crlf < 0) return text.length;
  return crlf < 0 || (lf >= 0 && lf < crlf) ? lf + 2 : crlf + 4;
}

const plainDelta = (index: string, escaped: string): TextDelta => ({
  key: `plain:${index}`,
  text: escaped,
  write: (whole) =>
    `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"text_delta","text":"${whole}"}}\n\n`,
});

function parseEvent(raw: string): SseEvent {
  // A cheap look first: only these two shapes can be joined.
  if (!raw.includes("text_delta") && !raw.includes('"content"')) return { raw, delta: null };
  const lines = raw.split(/\r?\n/).filter((line) => line !== "");
  const data = lines.filter((line) => line.startsWith("data:"));
  if (data.length !== 1) return { raw, delta: null };
  let json: unknown;
  try {
    json = JSON.parse((data[0] ?? "").slice(5));
  } catch {
    return { raw, delta: null };
  }
  return { raw, delta: anthropicDelta(json) ?? openaiDelta(json) };
}

function anthropicDelta(json: unknown): TextDelta | null {
  const event = json as { type?: string; index?: number; delta?: { type?: string; text?: unknown } } | null; // parts are checked below
  if (event?.type !== "content_block_delta" || event.delta?.type !== "text_delta") return null;
  const { text } = event.delta;
  if (typeof text !== "string") return null;
  return {
    key: `anthropic:${event.index}`,
    text,
    write: (whole) =>
      `event: content_block_delta\ndata: ${JSON.stringify({ ...event, delta: { ...event.delta, text: whole } })}\n\n`,
  };
}

function openaiDelta(json: unknown): TextDelta | null {
  const chunk = json as {
    id?: unknown;
    usage?: unknown;
    choices?: { index?: number; delta?: Record<string, unknown>; finish_reason?: unknown }[];
  } | null; // parts are checked below
  const choice = chunk?.choices?.[0];
  if (chunk?.choices?.length !== 1 || !choice?.delta || chunk.usage || choice.finish_reason) return null;
  const { content, ...other } = choice.delta;
  if (typeof content !== "string" || Object.keys(other).some((key) => key !== "role")) return null;
  return {
    key: `openai:${String(chunk.id)}:${choice.index}`,
    text: content,
    write: (whole) =>
      `data: ${JSON.stringify({ ...chunk, choices: [{ ...choice, delta: { ...choice.delta, content: whole } }] })}\n\n`,
  };
}
