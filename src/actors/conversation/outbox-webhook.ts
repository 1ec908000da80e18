/**
 * The channel driver `webhook`: replies as signed HTTP requests to an address that the deployment configures.
 *
 *   POST  {url}/messages        {"key", "to", "text"}  →  2xx {"id"}
 *   PATCH {url}/messages/{id}   {"to", "text"}         →  2xx
 *
 * Every request carries `holdfast-timestamp` (seconds since the epoch) and `holdfast-signature`: `v1=` and the hex of
 * HMAC-SHA256(secret, "{timestamp}.{method}.{path and query}.{body}"). See docs/protocol.md.
 */
import { z } from "zod";
import type { ChannelConfig, Channels } from "../../channels.ts";
import { limits } from "../../limits.ts";
import { type CallOptions, type ChannelDriver, DeliveryError } from "../../protocol/channel.ts";

export interface WebhookPorts {
  fetch(request: Request): Promise<Response>;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** The id that the receiver gave the message. Numbers are taken too: many platforms count. */
const sent = z.object({
  id: z
    .union([z.string().min(1), z.number()])
    .transform(String)
    .pipe(z.string().max(500)),
});

export function webhookDriver(name: string, config: ChannelConfig, ports: WebhookPorts): ChannelDriver {
  const base = config.url.replace(/\/+$/, "");
  const ask = async (method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> => {
    const request = await signed(method, base + path, JSON.stringify(body), config.secret, ports.now());
    let response: Response;
    try {
      // A redirect is not followed: the signature is for this address, and so is what is said.
      response = await ports.fetch(new Request(request, { signal, redirect: "manual" }));
    } catch (cause) {
      throw new DeliveryError("failed", "The address could not be reached, or broke off.", { cause });
    }
    if (response.ok) return response;
    await response.body?.cancel().catch(() => {});
    throw refusal(response, method, ports.now());
  };
  return {
    name,
    maxChars: config.maxChars,
    canEdit: config.edit,
    idempotent: config.idempotent,
    async send(to, text, { key, signal }) {
      const response = await ask("POST", "/messages", { key, to, text }, signal);
      const answer = await bounded(response).catch((cause: unknown) => {
        throw new DeliveryError("failed", "The answer broke off.", { cause });
      });
      const parsed = sent.safeParse(jsonOf(answer));
      if (parsed.success) return { id: parsed.data.id };
      // It was taken. An id is needed only where the message is to be changed later.
      if (!config.edit) return { id: "" };
      throw new DeliveryError(
        "refused",
        "The answer holds no message id, so the message could not be changed.",
      );
    },
    async edit(to, id, text, { signal }: CallOptions) {
      const response = await ask("PATCH", `/messages/${encodeURIComponent(id)}`, { to, text }, signal);
      await response.body?.cancel();
    },
  };
}

/** The configured channels' drivers, each made when first needed. Null for a name that is not configured. */
export function channelDrivers(
  channels: () => Channels,
  ports: WebhookPorts,
): (name: string) => ChannelDriver | null {
  const made = new Map<string, ChannelDriver>();
  return (name) => {
    const all = channels();
    const config = Object.hasOwn(all, name) ? all[name] : undefined;
    if (!config) return null;
    const driver = made.get(name) ?? webhookDriver(name, config, ports);
    made.set(name, driver);
    return driver;
  };
}

/** What a status other than success means. */
function refusal(response: Response, method: string, now: number): DeliveryError {
  const { status } = response;
  const message = `The address answered with status ${status}.`;
  const wait = retryAfterMs(response.headers.get("retry-after"), now);
  if (status === 429 || (status === 503 && wait !== null)) {
    return new DeliveryError(
      "limited",
      `The address asks to wait (status ${status}).`,
      wait === null ? {} : { retryAfterMs: wait },
    );
  }
  if (method === "PATCH" && (status === 404 || status === 410)) return new DeliveryError("gone", message);
  // 408 and 425 are refusals of this moment, and 409 may be the same message, still under way.
  const passing = status >= 500 || status === 408 || status === 409 || status === 425;
  return new DeliveryError(passing ? "failed" : "refused", message);
}

/** `Retry-After` in milliseconds: seconds or a date (RFC 9110, section 10.2.3). Null when it says nothing of use. */
export function retryAfterMs(header: string | null, now: number): number | null {
  const text = header?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(text)) {
    const ms = Math.ceil(Number(text) * 1000);
    return Number.isSafeInteger(now + ms) ? ms : null;
  }
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** The request with its timestamp and its signature. */
async function signed(
  method: string,
  url: string,
  body: string,
  secret: string,
  now: number,
): Promise<Request> {
  const { pathname, search } = new URL(url);
  const timestamp = String(Math.floor(now / 1000));
  const signature = await signatureOf(secret, `${timestamp}.${method}.${pathname}${search}.${body}`);
  return new Request(url, {
    method,
    body,
    headers: {
      "content-type": "application/json",
      "holdfast-timestamp": timestamp,
      "holdfast-signature": `v1=${signature}`,
    },
  });
}

async function signatureOf(secret: string, text: string): Promise<string> {
  const bytes = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes.encode(secret), algorithm, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes.encode(text)));
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The beginning of an answer, as text: whatever a receiver sends, no more of it is read. */
async function bounded(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  if (!response.body) return text;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > limits.deliveryAnswerBytes) break;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
