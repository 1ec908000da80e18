/** Sends a request on to a provider and streams its answer back unchanged. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { write } from "../send.ts";

/** Headers that belong to one connection (RFC 9110, 7.6.1), or that the new request makes anew. */
const HOP_BY_HOP = new Set(
  "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade host content-length expect".split(
    " ",
  ),
);
/** What a caller may not hand to a provider: credentials, traces of the way here, and our own switches. */
const OWN_REQUEST_HEADER =
  /^(?:authorization|x-api-key|api-key|cookie|origin|referer|accept-encoding|cf-.*|x-forwarded-.*|x-real-ip|x-demo-.*|sec-.*)$/;
/** What a provider's answer may not set here. */
const OWN_RESPONSE_HEADER = /^(?:set-cookie|alt-svc|strict-transport-security|cf-.*)$/;

export type Forwarded =
  /** The answer was passed on; `status` is the provider's. */
  | { kind: "answered"; status: number; outcome: "completed" | "aborted" | "cut" }
  /** Nothing was sent to the client yet: the provider was not reached, or said nothing in time. */
  | { kind: "unreachable"; reason: "refused" | "timeout" | "redirect"; detail: string };

export interface ForwardRequest {
  url: URL;
  method: string;
  headers: IncomingHttpHeaders;
  /** Replace headers of the same name. */
  add: Record<string, string>;
  body: Buffer;
  /** Milliseconds until the provider's first byte, from `cf-aig-request-timeout`; `null` means no limit. */
  timeoutMs: number | null;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
}

/**
 * Passes status, headers and body of the provider's answer on as they come; a slow client slows the provider down.
 * `extra` is added to the answer's headers. Redirects are not followed, since the key would go along.
 */
export async function forward(
  request: ForwardRequest,
  response: ServerResponse,
  extra: Record<string, string>,
): Promise<Forwarded> {
  let upstream: IncomingMessage;
  try {
    upstream = await open(request);
  } catch (error) {
    if (request.signal.aborted) return { kind: "answered", status: 499, outcome: "aborted" };
    const timedOut = error instanceof TimeoutError;
    const detail = error instanceof Error ? error.message : "unknown";
    return { kind: "unreachable", reason: timedOut ? "timeout" : "refused", detail };
  }
  const status = upstream.statusCode ?? 502;
  if (status >= 300 && status < 400) {
    upstream.destroy();
    return { kind: "unreachable", reason: "redirect", detail: `it answered ${status}` };
  }
  response.writeHead(status, { ...passedOn(upstream.headers, OWN_RESPONSE_HEADER), ...extra });
  response.flushHeaders();
  try {
    for await (const chunk of upstream) {
      if (!(chunk instanceof Uint8Array)) continue; // no encoding is set on the stream: chunks are buffers
      await write(response, chunk, request.signal);
    }
  } catch {
    // Either side broke off. The client sees a body without its end, which is what happened.
    upstream.destroy();
    response.socket?.destroySoon();
    return { kind: "answered", status, outcome: request.signal.aborted ? "aborted" : "cut" };
  }
  response.end();
  return { kind: "answered", status, outcome: "completed" };
}

class TimeoutError extends Error {}

function open(request: ForwardRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const send = request.url.protocol === "https:" ? httpsRequest : httpRequest;
  const headers = { ...passedOn(request.headers, OWN_REQUEST_HEADER), ...request.add };
  const sent = send(request.url.href, {
    method: request.method,
    headers: { ...headers, "accept-encoding": "identity", "content-length": String(request.body.length) },
    signal: request.signal,
  });
  const timer =
    request.timeoutMs === null
      ? undefined
      : setTimeout(
          () => sent.destroy(new TimeoutError(`no answer within ${request.timeoutMs} ms`)),
          request.timeoutMs,
        );
  sent.once("response", (upstream) => {
    clearTimeout(timer);
    resolve(upstream);
  });
  sent.once("error", (error) => {
    clearTimeout(timer);
    reject(error);
  });
  sent.end(request.body);
  return promise;
}

/** The headers that may travel on: none of one connection, none named by `Connection`, none that `own` matches. */
function passedOn(headers: IncomingHttpHeaders, own: RegExp): OutgoingHttpHeaders {
  const named = new Set((headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase()));
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name, value]) => value !== undefined && !HOP_BY_HOP.has(name) && !named.has(name) && !own.test(name),
    ),
  );
}
