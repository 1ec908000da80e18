/** Reading request bodies, with a limit. */
import type { IncomingMessage } from "node:http";

/**
 * The whole body, or `null` as soon as it is larger than `limitBytes`. The rest is then read and thrown away, so
 * that the client gets to see the refusal instead of a broken connection.
 */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = Number(request.headers["content-length"] ?? 0);
  let read = 0;
  if (size <= limitBytes) {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const bytes = Buffer.from(chunk);
      read += bytes.length;
      size = Math.max(size, read);
      if (size > limitBytes) break;
      chunks.push(bytes);
    }
  }
  if (size <= limitBytes) return Buffer.concat(chunks);
  request.resume();
  return null;
}

/** `ok` is false for what is no JSON. */
export function parseJson(text: string): { ok: boolean; value: unknown } {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, value: undefined };
  }
}
