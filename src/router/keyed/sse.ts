/** Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html. */
import { limits } from "../../limits.ts";

/** One event. `name` only where the client looks at it. */
export const sseEvent = (data: unknown, name?: string): string =>
  `${name === undefined ? "" : `event: ${name}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;

/** A comment, which clients leave aside. */
const STILL_HERE = ": still here\n\n";

/**
 * Events as they come, with a sign of life in between. They are asked for only as fast as the client takes them.
 * `cancel` is called when it goes away.
 */
export function sseResponse(events: AsyncIterator<string>, cancel: () => Promise<void>): Response {
  const encoder = new TextEncoder();
  let pending: Promise<IteratorResult<string>> | null = null;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      pending ??= events.next();
      const next = await orSilence(pending, limits.keepAliveMs);
      if (next === null) return controller.enqueue(encoder.encode(STILL_HERE));
      pending = null;
      if (next.done) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
    cancel,
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
  });
}

async function orSilence<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  return Promise.race([promise, silence]).finally(() => clearTimeout(timer));
}
